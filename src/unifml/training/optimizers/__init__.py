"""Optimizers, one meaning each: their settings and their update rule."""

from unifml.training.optimizers.base import Maths, Optimizer, Scalars, Slots, Update
from unifml.training.optimizers.custom import CustomOptimizer
from unifml.training.optimizers.lookup import OPTIMIZERS, as_optimizer
from unifml.training.optimizers.rules import SGD, Adagrad, Adam, AdamW, Lion, RMSprop

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "CustomOptimizer",
    "Lion",
    "Maths",
    "Optimizer",
    "RMSprop",
    "Scalars",
    "Slots",
    "Update",
    "as_optimizer",
]

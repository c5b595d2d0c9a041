"""Decides how to train, and computes nothing: settings, the one loop, exact solvers."""

from unifml.training.callbacks import Callback, Run
from unifml.training.early_stopping import EarlyStopping
from unifml.training.losses import LOSSES, loss_values, mean_loss
from unifml.training.optimizers import OPTIMIZERS, SGD, Adam, AdamW, Optimizer, RMSprop, Scalars
from unifml.training.schedules import Constant, Cosine, Schedule
from unifml.training.settings import Settings, Training

__all__ = [
    "LOSSES",
    "OPTIMIZERS",
    "SGD",
    "Adam",
    "AdamW",
    "Callback",
    "Constant",
    "Cosine",
    "EarlyStopping",
    "Optimizer",
    "RMSprop",
    "Run",
    "Scalars",
    "Schedule",
    "Settings",
    "Training",
    "loss_values",
    "mean_loss",
]

"""Losses, one meaning each, in the arrays of any framework."""

from unifml.training.losses.base import Loss
from unifml.training.losses.classes import CrossEntropy, Focal, Hinge, SquaredHinge
from unifml.training.losses.custom import CustomLoss
from unifml.training.losses.lookup import LOSS_CLASSES, LOSSES, as_loss, loss_values, mean_loss
from unifml.training.losses.values import MAE, MSE, Huber, LogCosh, Poisson, Quantile

__all__ = [
    "LOSSES",
    "LOSS_CLASSES",
    "MAE",
    "MSE",
    "CrossEntropy",
    "CustomLoss",
    "Focal",
    "Hinge",
    "Huber",
    "LogCosh",
    "Loss",
    "Poisson",
    "Quantile",
    "SquaredHinge",
    "as_loss",
    "loss_values",
    "mean_loss",
]

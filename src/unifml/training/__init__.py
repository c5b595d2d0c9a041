"""Decides how to train, and computes nothing: settings, the one loop, exact solvers."""

from unifml.training.bar import ProgressBar
from unifml.training.builtin import BuiltIn
from unifml.training.callbacks import Callback, Run
from unifml.training.early_stopping import EarlyStopping
from unifml.training.finder import LearningRateFinder
from unifml.training.logs import CSVLog, JSONLog
from unifml.training.losses import (
    LOSS_CLASSES,
    LOSSES,
    MAE,
    MSE,
    CrossEntropy,
    CustomLoss,
    Focal,
    Hinge,
    Huber,
    LogCosh,
    Loss,
    Poisson,
    Quantile,
    SquaredHinge,
    as_loss,
    loss_values,
    mean_loss,
)
from unifml.training.optimizers import (
    OPTIMIZERS,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    CustomOptimizer,
    Lion,
    Optimizer,
    RMSprop,
    Scalars,
)
from unifml.training.saver import Checkpoint
from unifml.training.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    Exponential,
    OneCycle,
    ReduceOnPlateau,
    Schedule,
    Step,
)
from unifml.training.settings import Settings, Training

CALLBACKS: dict[str, type[BuiltIn]] = {
    cls.kind: cls for cls in (Checkpoint, CSVLog, JSONLog, LearningRateFinder, ProgressBar)
}

__all__ = [
    "CALLBACKS",
    "LOSSES",
    "LOSS_CLASSES",
    "MAE",
    "MSE",
    "OPTIMIZERS",
    "SCHEDULES",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "CSVLog",
    "Callback",
    "Checkpoint",
    "Constant",
    "Cosine",
    "CrossEntropy",
    "CustomLoss",
    "CustomOptimizer",
    "EarlyStopping",
    "Exponential",
    "Focal",
    "Hinge",
    "Huber",
    "JSONLog",
    "LearningRateFinder",
    "Lion",
    "LogCosh",
    "Loss",
    "OneCycle",
    "Optimizer",
    "Poisson",
    "ProgressBar",
    "Quantile",
    "RMSprop",
    "ReduceOnPlateau",
    "Run",
    "Scalars",
    "Schedule",
    "Settings",
    "SquaredHinge",
    "Step",
    "Training",
    "as_loss",
    "loss_values",
    "mean_loss",
]

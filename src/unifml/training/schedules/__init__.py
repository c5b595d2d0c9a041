"""Learning rates as pure functions of the step."""

from unifml.training.schedules.base import Schedule
from unifml.training.schedules.curves import Constant, Cosine, Exponential, OneCycle, Step
from unifml.training.schedules.lookup import SCHEDULES, as_schedule, factors_with_warmup
from unifml.training.schedules.plateau import PlateauTracker, ReduceOnPlateau

__all__ = [
    "SCHEDULES",
    "Constant",
    "Cosine",
    "Exponential",
    "OneCycle",
    "PlateauTracker",
    "ReduceOnPlateau",
    "Schedule",
    "Step",
    "as_schedule",
    "factors_with_warmup",
]

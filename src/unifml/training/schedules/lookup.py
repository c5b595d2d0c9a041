"""From what the user says to a schedule, and warm-ups before any."""

from __future__ import annotations

import numpy as np

from unifml.core.table import FloatArray
from unifml.errors import DataTypeError, UnknownNameError
from unifml.training.schedules.base import Schedule
from unifml.training.schedules.curves import Constant, Cosine, Exponential, OneCycle, Step
from unifml.training.schedules.plateau import ReduceOnPlateau

SCHEDULES: dict[str, type[Schedule]] = {
    kind.kind: kind for kind in (Constant, Cosine, Step, Exponential, OneCycle, ReduceOnPlateau)
}
"""Schedules by name."""


def factors_with_warmup(
    schedule: Schedule, warmup: int, steps: FloatArray, total: int
) -> FloatArray:
    """Return the factor of each of `steps`: a warm-up, then the schedule over what is left.

    Parameters
    ----------
    schedule : Schedule
        It begins after the warm-up, and ends with the fit.
    warmup : int
        Steps in which the factor grows in equal parts, from ``1 / warmup`` to what the
        schedule begins with (1, but for `OneCycle`).
    steps : array of shape (n,)
        Steps counted from 0.
    total : int
        Steps of the whole fit, warm-up included.
    """
    if not warmup:
        return schedule.factors(steps, total)
    growing = np.minimum((steps + 1.0) / warmup, 1.0)
    start: float = schedule.factors(np.zeros(1), max(total - warmup, 1))[0]
    later = schedule.factors(np.maximum(steps - warmup, 0.0), max(total - warmup, 1))
    return np.where(steps < warmup, growing * start, later)


def as_schedule(value: object) -> Schedule:
    """Return the schedule of a name, or the schedule itself."""
    if isinstance(value, str):
        if value not in SCHEDULES:
            raise UnknownNameError.among("schedule", value, SCHEDULES)
        return SCHEDULES[value]()
    if isinstance(value, Schedule):
        value.check()
        return value
    raise DataTypeError(f"schedule={value!r}", rule="a name or a Schedule of unifml")

"""Learning rates as pure functions of the step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unifml.core.spec import Spec
from unifml.core.table import FloatArray
from unifml.errors import DataTypeError, UnknownNameError
from unifml.training.rules import check_fields


@dataclass(frozen=True, repr=False)
class Schedule(Spec):
    """The base of all schedules: a factor of the learning rate for each step."""

    kind: ClassVar[str] = "schedule"

    def factors(self, steps: FloatArray, total: int) -> FloatArray:
        """Return the factor of each of `steps` (counted from 0) in a fit of `total` steps."""
        raise NotImplementedError


@dataclass(frozen=True, repr=False)
class Constant(Schedule):
    """The learning rate as it is, in every step.

    Examples
    --------
    >>> from unifml import Constant
    >>> Constant()
    Constant()
    """

    kind: ClassVar[str] = "constant"

    def factors(self, steps: FloatArray, total: int) -> FloatArray:
        return np.ones_like(steps)


@dataclass(frozen=True, repr=False)
class Cosine(Schedule):
    """From the learning rate down to a share of it along half a cosine, over all steps.

    Parameters
    ----------
    final : float, default=0.0
        Share of the learning rate that is left at the end.

    References
    ----------
    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.

    Examples
    --------
    >>> from unifml import Cosine, Training
    >>> Training(schedule=Cosine(final=0.1))
    Training(schedule=Cosine(final=0.1))
    """

    kind: ClassVar[str] = "cosine"
    final: float = 0.0

    def factors(self, steps: FloatArray, total: int) -> FloatArray:
        done = np.minimum(steps / max(total, 1), 1.0)
        return self.final + (1.0 - self.final) * 0.5 * (1.0 + np.cos(np.pi * done))


SCHEDULES: dict[str, type[Schedule]] = {kind.kind: kind for kind in (Constant, Cosine)}


def as_schedule(value: object) -> Schedule:
    """Return the schedule of a name, or the schedule itself."""
    if isinstance(value, str):
        if value not in SCHEDULES:
            raise UnknownNameError.among("schedule", value, SCHEDULES)
        return SCHEDULES[value]()
    if isinstance(value, Schedule):
        check_fields(value)
        return value
    raise DataTypeError(f"schedule={value!r}", rule="a name or a Schedule of unifml")

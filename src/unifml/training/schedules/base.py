"""What every schedule is: a pure function from the step to a factor of the rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from unifml.core.spec import Spec
from unifml.core.table import FloatArray
from unifml.training.rules import check_fields


@dataclass(frozen=True, repr=False)
class Schedule(Spec):
    """The base of all schedules: a factor of the learning rate for each step."""

    kind: ClassVar[str] = "schedule"

    def factors(self, steps: FloatArray, total: int) -> FloatArray:
        """Return the factor of each of `steps` (counted from 0) in a fit of `total` steps."""
        raise NotImplementedError

    def check(self) -> None:
        """Raise for settings that cannot be."""
        check_fields(self)

    def tracker(self, sign: float = 1.0) -> Any:
        """Return what follows one fit, for a schedule that watches how it goes; None for others."""
        return None

"""A schedule that looks at how the fit goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unifml.core.table import FloatArray
from unifml.training.schedules.base import Schedule


@dataclass(frozen=True, repr=False)
class ReduceOnPlateau(Schedule):
    """A rate that is cut when the monitored value has not improved for a while.

    Parameters
    ----------
    factor : float, default=0.1
        What the rate is multiplied by.
    patience : int, default=10
        Epochs without improvement after which it is cut.
    monitor : str, default="val_loss"
        What is watched, as in `EarlyStopping`.
    min_delta : float, default=0.0
        What counts as an improvement must be larger than this.
    min_factor : float, default=0.0
        Share of the learning rate below which it is not cut.
    mode : {"auto", "min", "max"}, default="auto"
        Whether smaller or greater is better; ``auto`` knows losses and metrics by their name.

    Examples
    --------
    >>> from unifml import ReduceOnPlateau, Training
    >>> Training(schedule=ReduceOnPlateau(patience=3), validation=0.1)
    Training(schedule=ReduceOnPlateau(patience=3), validation=0.1)
    """

    kind: ClassVar[str] = "plateau"
    factor: float = 0.1
    patience: int = 10
    monitor: str = "val_loss"
    min_delta: float = 0.0
    min_factor: float = 0.0
    mode: str = "auto"

    def factors(self, steps: FloatArray, total: int) -> FloatArray:
        """Return ones: what `tracker` says comes on top, and a warm-up before."""
        return np.ones_like(steps)

    def tracker(self, sign: float = 1.0) -> PlateauTracker:
        """Return what follows one fit; `sign` is -1 where more of what is watched is better."""
        return PlateauTracker(self, sign)


class PlateauTracker:
    """Follows one fit, and says by which factor rates are to be multiplied from now on."""

    def __init__(self, rule: ReduceOnPlateau, sign: float = 1.0) -> None:
        self.rule, self.sign = rule, sign
        self.best, self.waited, self.factor = float("inf"), 0, 1.0

    def update(self, value: float) -> float:
        """Take the value of an epoch; return the factor after it."""
        if self.sign * value < self.best - self.rule.min_delta:
            self.best, self.waited = self.sign * value, 0
            return self.factor
        self.waited += 1
        if self.waited >= self.rule.patience:
            self.waited = 0
            self.factor = max(self.factor * self.rule.factor, self.rule.min_factor)
        return self.factor

    def state(self) -> dict[str, float]:
        """Return what `restore` needs to go on from here."""
        return {"best": self.best, "waited": float(self.waited), "factor": self.factor}

    def restore(self, state: Mapping[str, float]) -> None:
        """Go on from a state."""
        self.best, self.factor = float(state["best"]), float(state["factor"])
        self.waited = int(state["waited"])

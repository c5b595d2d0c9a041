"""When to stop, and which epoch to keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unifml.core.spec import Spec
from unifml.errors import UnknownNameError
from unifml.training.rules import check_fields

MONITORS = ("val_loss", "loss")


@dataclass(frozen=True, repr=False)
class EarlyStopping(Spec):
    """Stop when the monitored value has not improved for a while.

    Parameters
    ----------
    monitor : {"val_loss", "loss"}, default="val_loss"
        What is watched; smaller is better.
    patience : int, default=10
        Epochs without improvement after which training stops.
    min_delta : float, default=0.0
        What counts as an improvement must be larger than this.
    restore_best : bool, default=True
        Keep the weights of the best epoch, not of the last.
    validation : float, default=0.1
        Share of the training rows held out where nothing else says what to validate on.

    Examples
    --------
    >>> from unifml import EarlyStopping, Training
    >>> Training(epochs=200, early_stopping=EarlyStopping(patience=5))
    Training(epochs=200, early_stopping=EarlyStopping(patience=5))
    """

    kind: ClassVar[str] = "early_stopping"
    monitor: str = "val_loss"
    patience: int = 10
    min_delta: float = 0.0
    restore_best: bool = True
    validation: float = 0.1

    def check(self) -> EarlyStopping:
        """Raise for values that cannot be; return self."""
        if self.monitor not in MONITORS:
            raise UnknownNameError.among("monitor", self.monitor, MONITORS)
        check_fields(self)
        return self


class Stopper:
    """Follows one fit: tells of each epoch whether it is the best, and whether to stop."""

    def __init__(self, rule: EarlyStopping) -> None:
        self.rule = rule
        self.best = float("inf")
        self.best_epoch = 0

    def improved(self, epoch: int, value: float) -> bool:
        """Take the value of an epoch (counted from 1); return whether it is the best so far."""
        if value < self.best - self.rule.min_delta:
            self.best, self.best_epoch = value, epoch
            return True
        return False

    def spent(self, epoch: int) -> bool:
        """Return whether patience is at an end after this epoch."""
        return epoch - self.best_epoch >= self.rule.patience

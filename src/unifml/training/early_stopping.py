"""When to stop, and which epoch to keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from unifml.core.adapter import Program
from unifml.core.spec import Spec
from unifml.errors import ParameterError
from unifml.training.rules import check_fields


@dataclass(frozen=True, repr=False)
class EarlyStopping(Spec):
    """Stop when the monitored value has not improved for a while.

    Parameters
    ----------
    monitor : str, default="val_loss"
        What is watched: ``"val_loss"``, ``"loss"``, or a metric of ``Training(metrics=...)``, with
        ``val_`` before it for the rows held out.
    patience : int, default=10
        Epochs without improvement after which training stops.
    min_delta : float, default=0.0
        What counts as an improvement must be larger than this.
    restore_best : bool, default=True
        Keep the weights of the best epoch, not of the last.
    validation : float, default=0.1
        Share of the training rows held out where nothing else says what to validate on.
    mode : {"auto", "min", "max"}, default="auto"
        Whether smaller or greater is better; ``auto`` knows losses and metrics by their name.

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
    mode: str = "auto"

    def check(self) -> EarlyStopping:
        """Raise for values that cannot be; return self."""
        check_fields(self)
        return self

    @property
    def needs_rows(self) -> bool:
        """Whether it watches rows that are held out."""
        return self.monitor.startswith("val_")


class Stopper:
    """Follows one fit: tells of each epoch whether it is the best, and whether to stop."""

    def __init__(self, rule: EarlyStopping, sign: float = 1.0) -> None:
        self.rule, self.sign = rule, sign
        self.best = float("inf")
        self.best_epoch = 0

    def improved(self, epoch: int, value: float) -> bool:
        """Take the value of an epoch (counted from 1); return whether it is the best so far."""
        if self.sign * value < self.best - self.rule.min_delta:
            self.best, self.best_epoch = self.sign * value, epoch
            return True
        return False

    def spent(self, epoch: int) -> bool:
        """Return whether patience is at an end after this epoch."""
        return epoch - self.best_epoch >= self.rule.patience


class Keeper:
    """Keeps the best state of a program, and says when patience is at an end.

    Parameters
    ----------
    program : Program
        What is trained.
    rule : EarlyStopping or None
        None never stops.
    greater : bool or None
        Whether more of what is watched is better; None if nobody knows.
    """

    def __init__(self, program: Program, rule: EarlyStopping | None, greater: bool | None) -> None:
        self.program, self.rule = program, rule
        self.stopper = None if rule is None else Stopper(rule, _sign(rule, greater))
        self.best: dict[str, Any] | None = None

    def spent(self, epoch: int, record: Mapping[str, float]) -> bool:
        """Look at an epoch that ended; return whether to stop."""
        if self.stopper is None or self.rule is None:
            return False
        if self.stopper.improved(epoch, record[self.rule.monitor]) and self.rule.restore_best:
            self.best = dict(self.program.state())
        return self.stopper.spent(epoch)

    def finish(self) -> int | None:
        """Leave the program with the weights to keep; return their epoch."""
        if self.best is not None:
            self.program.restore(self.best)
        return self.stopper.best_epoch if self.stopper else None

    def state(self) -> dict[str, Any]:
        """Return what a resumed fit needs: numbers, and arrays under ``best/``."""
        if self.stopper is None:
            return {}
        held = {f"best/{name}": value for name, value in (self.best or {}).items()}
        return {"best": self.stopper.best, "best_epoch": self.stopper.best_epoch, **held}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`."""
        if self.stopper is not None:
            self.stopper.best = float(state["best"])
            self.stopper.best_epoch = int(state["best_epoch"])
            held = {k.removeprefix("best/"): v for k, v in state.items() if k.startswith("best/")}
            self.best = {name: np.asarray(value) for name, value in held.items()} or None


def _sign(rule: EarlyStopping, greater: bool | None) -> float:
    if rule.mode == "auto" and greater is None:
        raise ParameterError(
            f"EarlyStopping(monitor={rule.monitor!r})",
            found="nobody said whether more of it is better",
            fix='add mode="max" or mode="min"',
        )
    return -1.0 if rule.mode == "max" or (rule.mode == "auto" and greater) else 1.0

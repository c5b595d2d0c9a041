"""Moments of a fit at which a user's code may look, steer, and stop it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from unifml.core.history import History
from unifml.errors import ParameterError

if TYPE_CHECKING:
    from unifml.core.adapter import Program
    from unifml.core.plan import Plan
    from unifml.training.pace import Pace


@dataclass
class Run:
    """What a callback sees of a fit.

    Attributes
    ----------
    epochs : int
        The most epochs that this fit will run.
    epoch : int
        The present epoch, counted from 1; 0 before the first.
    batch, batches : int
        The present optimizer step of the epoch, counted from 1, and how many there are; `batch`
        is told to callbacks that ask for single steps only.
    logs : dict
        What is known of the epoch: ``loss``, ``val_loss``, metrics, ``learning_rate``, ``seconds``.
        After a single step, its ``loss`` and ``learning_rate``.
    history : History
        The epochs before.
    plan : Plan
        What is being fitted, and how.
    greater : mapping of str to (bool or None)
        The losses and metrics that there are in `logs`, and whether more is better.
    closing : contextlib.ExitStack
        Closed when the fit ends, even by an error: for files and the like.
    """

    epochs: int
    epoch: int = 0
    batch: int = 0
    batches: int = 0
    logs: dict[str, float] = field(default_factory=dict)
    history: History = field(default_factory=History)
    plan: Plan | None = None
    greater: Mapping[str, bool | None] = field(default_factory=dict)
    closing: ExitStack = field(default_factory=ExitStack, repr=False)
    pace: Pace | None = field(default=None, repr=False)
    program: Program | None = field(default=None, repr=False)
    build: Callable[[Program], Any] | None = field(default=None, repr=False)

    @property
    def learning_rate(self) -> float:
        """The rate of the next step. Setting it rescales the schedule from there on."""
        assert self.pace is not None
        return self.pace.rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        if value == self.learning_rate:  # a schedule that has come to its end is at 0
            return
        if not 0 < value < float("inf"):
            raise ParameterError(
                f"run.learning_rate = {value!r}", rule="0 < learning_rate < inf must hold"
            )
        assert self.pace is not None
        self.pace.rate = value

    @property
    def model(self) -> Any:
        """The native model with its present weights; of a network of ours, a copy."""
        assert self.build is not None
        assert self.program is not None
        return self.build(self.program)

    @property
    def weights(self) -> Any:
        """What was learned so far: canonical weights of a network of ours, else the native."""
        assert self.program is not None
        return self.program.result()


class Callback:
    """The base of callbacks: override what is wanted. Any method may return True to stop the fit.

    Training runs whole epochs in one call, unless a callback overrides `on_batch_begin` or
    `on_batch_end`: then it goes step by step, to the same result.

    Attributes
    ----------
    monitor : str or None
        A name in ``run.logs`` that it needs: one that there will not be is an error at the start.

    Examples
    --------
    >>> from unifml import Callback, Classifier, Training
    >>> class StopAtHalf(Callback):
    ...     def on_epoch_end(self, run):
    ...         return run.logs["loss"] < 0.5
    >>> clf = Classifier("mlp", backend="sklearn", training=Training(callbacks=(StopAtHalf(),)))
    """

    monitor: str | None = None

    def on_fit_begin(self, run: Run) -> bool | None:
        """Before the first epoch."""
        return None

    def on_epoch_begin(self, run: Run) -> bool | None:
        """Before each epoch; to stop here lets it be the last one."""
        return None

    def on_batch_begin(self, run: Run) -> bool | None:
        """Before each optimizer step."""
        return None

    def on_batch_end(self, run: Run) -> bool | None:
        """After each optimizer step."""
        return None

    def on_validation_end(self, run: Run) -> bool | None:
        """After the losses and metrics of an epoch are known, before anything is decided."""
        return None

    def on_epoch_end(self, run: Run) -> bool | None:
        """After each epoch."""
        return None

    def on_fit_end(self, run: Run) -> bool | None:
        """After the last epoch, with the weights that are kept."""
        return None


class Calls:
    """All callbacks of a fit as one."""

    def __init__(self, callbacks: Sequence[Any], run: Run) -> None:
        self.callbacks, self.run = tuple(callbacks), run

    def say(self, moment: str) -> bool:
        """Tell everybody of a moment; return whether one of them wants to stop."""
        found = [getattr(callback, moment, None) for callback in self.callbacks]
        wishes = [bool(call(self.run)) for call in found if call is not None]
        return any(wishes)

    @property
    def by_batch(self) -> bool:
        """Whether one of them asks for single steps."""
        return any(
            getattr(type(callback), moment, plain) is not plain
            for callback in self.callbacks
            for moment, plain in _BATCH_MOMENTS.items()
        )

    @property
    def monitors(self) -> list[tuple[str, Any]]:
        """The names in the logs that they need, and who does."""
        found = ((getattr(callback, "monitor", None), callback) for callback in self.callbacks)
        return [(name, callback) for name, callback in found if isinstance(name, str)]


_BATCH_MOMENTS = {
    "on_batch_begin": Callback.on_batch_begin,
    "on_batch_end": Callback.on_batch_end,
}

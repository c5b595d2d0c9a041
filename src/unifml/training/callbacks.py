"""Moments of a fit at which a user's code may look, and stop it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Run:
    """What a callback sees.

    Attributes
    ----------
    epoch : int
        The epoch that ended, counted from 1; 0 before the first.
    epochs : int
        The most epochs that this fit will run.
    logs : dict
        What `history_` will hold of this epoch: ``loss``, ``val_loss``, ``learning_rate``,
        ``seconds``.
    """

    epochs: int
    epoch: int = 0
    logs: dict[str, float] = field(default_factory=dict)


class Callback:
    """The base of callbacks: override what is wanted.

    Examples
    --------
    >>> from unifml import Callback, Classifier, Training
    >>> class StopAtHalf(Callback):
    ...     def on_epoch_end(self, run):
    ...         return run.logs["loss"] < 0.5
    >>> clf = Classifier("mlp", backend="sklearn", training=Training(callbacks=(StopAtHalf(),)))
    """

    def on_fit_begin(self, run: Run) -> None:
        """Before the first epoch."""

    def on_epoch_end(self, run: Run) -> bool | None:
        """After each epoch; return True to stop."""
        return None

    def on_fit_end(self, run: Run) -> None:
        """After the last epoch."""

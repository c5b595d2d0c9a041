"""A callback that tries learning rates, from small to large."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from unifml.core.table import FloatArray
from unifml.errors import DataError, ParameterError
from unifml.training.builtin import BuiltIn
from unifml.training.callbacks import Run

_DIVERGED = 4.0  # times the least loss
_FEWEST = 5  # steps that are needed to tell anything


@dataclass(unsafe_hash=True, repr=False)
class LearningRateFinder(BuiltIn):
    """Raise the learning rate from step to step, and record what becomes of the loss.

    The fit that it watches is a probe, and ends when the loss explodes or all steps are done;
    `unifml.find_learning_rate` does it for an estimator in one call.

    Parameters
    ----------
    low, high : float, default=1e-6, 1.0
        The first and the last rate; each step multiplies it by the same factor.
    steps : int, default=100
        Steps from one to the other.
    smoothing : float, default=0.05
        How much less a loss weighs with each step that it is away, when losses are smoothed.

    Attributes
    ----------
    rates_ : array of shape (steps run,)
        The rates tried.
    losses_ : array of shape (steps run,)
        The losses, smoothed: each is a mean of those around it, with weights that fall off to
        both sides, so that the curve lags behind nothing.
    raw_losses_ : array of shape (steps run,)
        The losses as they were.
    suggestion_ : float or None
        The rate at which the smoothed loss falls most steeply over the logarithm of the rate;
        None if it never falls.

    References
    ----------
    Smith, "Cyclical learning rates for training neural networks", WACV 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from unifml import Classifier, LearningRateFinder, Training
    >>> X, y = load_iris(return_X_y=True)
    >>> finder = LearningRateFinder()
    >>> training = Training(epochs=100, callbacks=(finder,))
    >>> probe = Classifier("mlp", backend="sklearn", training=training, random_state=0).fit(X, y)
    >>> 1e-4 < finder.suggestion_ < 1e-1
    True
    """

    kind: ClassVar[str] = "learning_rate_finder"
    low: float = 1e-6
    high: float = 1.0
    steps: int = 100
    smoothing: float = 0.05

    def on_fit_begin(self, run: Run) -> bool | None:
        """Begin anew."""
        self._check()
        self._tried: list[float] = []
        self._raw: list[float] = []
        self._found()
        return None

    def on_batch_begin(self, run: Run) -> bool | None:
        """Set the rate of the step."""
        place = len(self._tried) / (self.steps - 1)
        run.learning_rate = self.low * (self.high / self.low) ** place
        return None

    def on_batch_end(self, run: Run) -> bool | None:
        """Record the loss; stop when all is known. Of a loss that is no number the loop tells."""
        known = math.isfinite(run.logs["loss"])
        if known:
            self._tried.append(run.logs["learning_rate"])
            self._raw.append(run.logs["loss"])
        if not known or self._exploded() or len(self._raw) == self.steps:
            self._found()
            return True
        return False

    def on_fit_end(self, run: Run) -> bool | None:
        """Look at what there is, if the epochs were too few for all steps."""
        self._found()
        return None

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with a line per step: learning rate, loss, smoothed loss."""
        from unifml.core.curves import frame

        names = ("learning_rate", "loss", "smoothed")
        columns = (self.rates_, self.raw_losses_, self.losses_)
        return frame(dict(zip(names, columns, strict=True)), 1, "step")

    def plot(self, ax: Any = None) -> Any:
        """Draw the loss over the learning rate, and mark the suggestion.

        Parameters
        ----------
        ax : matplotlib Axes or None
            Where to draw; None makes a figure.

        Returns
        -------
        matplotlib Figure
        """
        from unifml.core.curves import ACCENT, INK, bare, panels

        if not len(self.rates_):
            raise DataError("plot()", found="no step was recorded")
        (axis,) = panels(1, ax)
        axis.plot(self.rates_, self.losses_, color=ACCENT, lw=2)
        if self.suggestion_ is not None:
            label = f"suggestion: {self.suggestion_:.2g}"
            axis.axvline(self.suggestion_, color=INK, lw=0.8, ls=":", label=label)
            axis.legend(frameon=False, fontsize=8)
        axis.set_xscale("log")
        axis.set_xlabel("learning rate")
        axis.set_ylabel("loss, smoothed")
        bare(axis)
        return axis.figure

    def _exploded(self) -> bool:
        means = running_mean(self._raw, self.smoothing)
        return len(means) > _FEWEST and bool(means[-1] > _DIVERGED * means.min())

    def _found(self) -> None:
        raw: FloatArray = np.array(self._raw)
        self.rates_: FloatArray = np.array(self._tried)
        self.raw_losses_ = raw
        self.losses_ = smoothed(raw, self.smoothing)
        self.suggestion_ = suggested(self.rates_, raw, self.smoothing)

    def _check(self) -> None:
        rules = {
            "0 < low < high < inf": 0 < self.low < self.high < math.inf,
            f"steps >= {_FEWEST}, a whole number,": type(self.steps) is int
            and self.steps >= _FEWEST,
            "0 < smoothing <= 1": 0 < self.smoothing <= 1,
        }
        for rule, holds in rules.items():
            if not holds:
                raise ParameterError(f"{self!r}", rule=f"{rule} must hold")


def running_mean(values: Sequence[float], share: float) -> FloatArray:
    """Return the exponential running mean, corrected for its beginning."""
    mean, means = 0.0, []
    for i, value in enumerate(values, start=1):
        mean += share * (value - mean)
        means.append(mean / (1.0 - (1.0 - share) ** i))
    return np.array(means)


def smoothed(values: FloatArray, share: float) -> FloatArray:
    """Return for each value the mean of those around it, with weights ``(1 - share)^distance``."""
    place = np.arange(len(values))
    weights = (1.0 - share) ** np.abs(place[:, None] - place)
    means: FloatArray = weights @ values / weights.sum(axis=1)
    return means


def suggested(rates: FloatArray, losses: FloatArray, share: float) -> float | None:
    """Return the rate at which the loss falls most steeply, before it is least.

    Losses above those of the beginning, where it explodes, count as no more than those.
    """
    means = running_mean(losses.tolist(), share)
    least = int(np.argmin(means)) if len(losses) >= _FEWEST else 0
    if not least:
        return None
    highest = means[: least + 1].max()
    curve = smoothed(np.minimum(losses, highest), share)
    end = int(np.argmin(curve)) + 1
    if end < 2:
        return None
    slopes = np.gradient(curve[:end], np.log(rates[:end]))
    place = int(np.argmin(slopes))
    return float(rates[place]) if slopes[place] < 0 else None

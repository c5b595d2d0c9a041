"""Changes of series of shape (n, T, F); steps behind the end of a shorter one stay padding.

References
----------
Um et al., "Data augmentation of wearable sensor data for Parkinson's disease monitoring using
convolutional neural networks", ICMI 2017.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from unifml.core.table import IntArray
from unifml.data.augment.base import About, Augmentation, gaussian, is_real, valid_mask

Rows = npt.NDArray[Any]


@dataclass(frozen=True, repr=False)
class _OfSeries(Augmentation):
    kinds: ClassVar[tuple[str, ...]] = ("series",)


@dataclass(frozen=True, repr=False)
class Jitter(_OfSeries):
    """Add Gaussian noise to every step of a series.

    Parameters
    ----------
    scale : float, default=0.05
        Deviation of the noise, in units of each feature's own.

    References
    ----------
    Um et al., "Data augmentation of wearable sensor data ...", ICMI 2017.

    Examples
    --------
    >>> from unifml import Jitter, Training
    >>> Training(augment=(Jitter(scale=0.1),))
    Training(augment=(Jitter(scale=0.1),))
    """

    kind: ClassVar[str] = "jitter"
    scale: float = 0.05

    def check(self) -> None:
        self.require(is_real(self.scale, 0), "0 <= scale < inf")

    def apply(
        self, rng: np.random.Generator, X: Rows, about: About, lengths: IntArray | None = None
    ) -> Rows:
        noise = gaussian(rng, X) * np.asarray(self.scale * about.deviation, X.dtype)
        mask = valid_mask(X, lengths)
        X += noise if mask is None else noise * mask
        return X


@dataclass(frozen=True, repr=False)
class Scale(_OfSeries):
    """Multiply each feature of a series by a factor of its own.

    Parameters
    ----------
    scale : float, default=0.1
        Factors are drawn from a normal distribution of mean 1 and this deviation.

    References
    ----------
    Um et al., "Data augmentation of wearable sensor data ...", ICMI 2017.

    Examples
    --------
    >>> from unifml import Scale, Training
    >>> Training(augment=(Scale(),))
    Training(augment=(Scale(),))
    """

    kind: ClassVar[str] = "scale"
    scale: float = 0.1

    def check(self) -> None:
        self.require(is_real(self.scale, 0), "0 <= scale < inf")

    def apply(
        self, rng: np.random.Generator, X: Rows, about: About, lengths: IntArray | None = None
    ) -> Rows:
        X *= (1.0 + self.scale * gaussian(rng, X[:, :1])).astype(X.dtype)
        return X


@dataclass(frozen=True, repr=False)
class TimeWarp(_OfSeries):
    """Let time run now faster, now slower; the first and the last step stay in place.

    The speed is ``exp(strength * z)`` at a few knots, z normal, and linear in between.

    Parameters
    ----------
    strength : float, default=0.2
        Deviation of the logarithm of the speed.
    knots : int, default=4
        Number of knots.

    References
    ----------
    Um et al., "Data augmentation of wearable sensor data ...", ICMI 2017, who draw a smooth curve
    about 1 with deviation 0.2 through 4 knots.

    Examples
    --------
    >>> from unifml import TimeWarp, Training
    >>> Training(augment=(TimeWarp(strength=0.1),))
    Training(augment=(TimeWarp(strength=0.1),))
    """

    kind: ClassVar[str] = "time_warp"
    strength: float = 0.2
    knots: int = 4

    def check(self) -> None:
        self.require(is_real(self.strength, 0), "0 <= strength < inf")
        self.require(is_real(self.knots, 2) and self.knots == int(self.knots), "knots >= 2")

    def apply(
        self, rng: np.random.Generator, X: Rows, about: About, lengths: IntArray | None = None
    ) -> Rows:
        n, steps = X.shape[:2]
        last = np.full(n, steps - 1) if lengths is None else np.asarray(lengths) - 1
        speeds = np.exp(self.strength * rng.standard_normal((n, self.knots)))
        place = _warped(speeds, steps, last)
        left = np.floor(place).astype(np.int64)
        share = (place - left).astype(X.dtype)[..., None]
        right = np.minimum(left + 1, steps - 1)
        here, there = (np.take_along_axis(X, at[..., None], axis=1) for at in (left, right))
        return np.asarray(here + (there - here) * share)


def _warped(speeds: Rows, steps: int, last: Rows) -> npt.NDArray[np.float64]:
    """Return the time (n, T) at which each step is read; steps behind the end read themselves."""
    time = np.arange(steps)
    share = np.minimum(time / np.maximum(last, 1)[:, None], 1.0) * (speeds.shape[1] - 1)
    knot = np.minimum(share.astype(np.int64), speeds.shape[1] - 2)
    before = np.take_along_axis(speeds, knot, axis=1)
    after = np.take_along_axis(speeds, knot + 1, axis=1)
    speed = before + (after - before) * (share - knot)
    gone = np.cumsum((speed[:, 1:] + speed[:, :-1]) / 2, axis=1)
    gone = np.concatenate([np.zeros((len(speeds), 1)), gone], axis=1)
    whole = np.take_along_axis(gone, last[:, None], axis=1)
    place = gone / np.where(whole > 0, whole, 1.0) * last[:, None]
    return np.where(time < last[:, None], np.minimum(place, last[:, None]), time)

"""Schedules that are known before the fit begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unifml.core.table import FloatArray
from unifml.errors import ParameterError
from unifml.training.schedules.base import Schedule

_HAIR = 1e-6  # of a step


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
    """From the learning rate down to a share of it along half a cosine, once or several times.

    Parameters
    ----------
    final : float, default=0.0
        Share of the learning rate that is left at the end.
    restarts : int, default=0
        How often the rate jumps back to the learning rate, and falls again.
    growth : float, default=1.0
        How many times longer each fall is than the one before.

    References
    ----------
    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.

    Examples
    --------
    >>> from unifml import Cosine, Training
    >>> Training(schedule=Cosine(final=0.1, restarts=2, growth=2.0))
    Training(schedule=Cosine(final=0.1, restarts=2, growth=2.0))
    """

    kind: ClassVar[str] = "cosine"
    final: float = 0.0
    restarts: int = 0
    growth: float = 1.0

    def factors(self, steps: FloatArray, total: int) -> FloatArray:
        lengths = self.growth ** np.arange(self.restarts + 1, dtype=np.float64)
        edges = np.concatenate([[0.0], np.cumsum(lengths)]) * (max(total, 1) / lengths.sum())
        # A step that rounding puts a hair before a restart belongs behind it.
        fall = np.searchsorted(edges[:-1], steps + _HAIR, side="right") - 1
        done = (steps - edges[fall]) / (edges[fall + 1] - edges[fall])
        return _eased(1.0, self.final, done)


@dataclass(frozen=True, repr=False)
class Step(Schedule):
    """The learning rate times `factor` after each so many steps.

    Parameters
    ----------
    every : int or float, default=0.3
        Optimizer steps, or a share of all of them.
    factor : float, default=0.1
        What a rate is multiplied by.

    Examples
    --------
    >>> from unifml import Step, Training
    >>> Training(schedule=Step(every=1000, factor=0.5))
    Training(schedule=Step(every=1000, factor=0.5))
    """

    kind: ClassVar[str] = "step"
    every: float = 0.3
    factor: float = 0.1

    def factors(self, steps: FloatArray, total: int) -> FloatArray:
        every = max(round(self.every * total), 1) if self.every < 1 else self.every
        factors: FloatArray = self.factor ** np.floor(steps / every)
        return factors


@dataclass(frozen=True, repr=False)
class Exponential(Schedule):
    """A rate that is multiplied by the same number in every step.

    Parameters
    ----------
    final : float or None, default=None
        Share of the learning rate that is left after all steps; 0.01 if `rate` is None as well.
    rate : float or None, default=None
        The number itself, instead of `final`.

    Examples
    --------
    >>> from unifml import Exponential, Training
    >>> Training(schedule=Exponential(final=0.05))
    Training(schedule=Exponential(final=0.05))
    """

    kind: ClassVar[str] = "exponential"
    final: float | None = None
    rate: float | None = None

    def check(self) -> None:
        super().check()
        if self.final is not None and self.rate is not None:
            raise ParameterError(
                repr(self), rule="final and rate say the same thing twice", fix="leave one out"
            )

    def factors(self, steps: FloatArray, total: int) -> FloatArray:
        if self.rate is not None:
            return self.rate**steps
        final: float = 0.01 if self.final is None else self.final
        return final ** (steps / max(total, 1))


@dataclass(frozen=True, repr=False)
class OneCycle(Schedule):
    """Up to the learning rate and down to almost nothing, along half cosines.

    Momentum stays as it is.

    Parameters
    ----------
    pct_start : float, default=0.3
        Share of the steps on the way up.
    div_factor : float, default=25.0
        The first rate is the learning rate divided by it.
    final_div_factor : float, default=1e4
        The last rate is the first one divided by it.

    References
    ----------
    Smith and Topin, "Super-convergence: very fast training of neural networks using large
    learning rates", 2019.

    Examples
    --------
    >>> from unifml import OneCycle, Training
    >>> Training(schedule=OneCycle(pct_start=0.2), learning_rate=0.01)
    Training(learning_rate=0.01, schedule=OneCycle(pct_start=0.2))
    """

    kind: ClassVar[str] = "one_cycle"
    pct_start: float = 0.3
    div_factor: float = 25.0
    final_div_factor: float = 1e4

    def factors(self, steps: FloatArray, total: int) -> FloatArray:
        first = 1.0 / self.div_factor
        top = max(self.pct_start * total - 1.0, 0.0)
        down = _eased(1.0, first / self.final_div_factor, (steps - top) / max(total - 1 - top, 1.0))
        up = _eased(first, 1.0, steps / max(top, _HAIR))
        return np.where(steps <= top, up, down) if top else down


def _eased(start: float, end: float, done: FloatArray) -> FloatArray:
    """Go from start to end along half a cosine."""
    angle = np.pi * np.clip(done, 0.0, 1.0)
    factors: FloatArray = end + (start - end) * 0.5 * (1.0 + np.cos(angle))
    return factors

"""Losses of numbers; several targets are averaged."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Any, ClassVar

import numpy as np

from unifml.core.plan import Output
from unifml.core.task import Kind, Task
from unifml.errors import DataError
from unifml.training.losses.base import Loss
from unifml.training.ops import Ops


@dataclass(frozen=True, repr=False)
class _OfErrors(Loss):
    """A loss of how far a prediction is from its target."""

    tasks: ClassVar[tuple[Kind, ...]] = ("regression",)

    def values(self, ops: Ops, outputs: Any, y: Any, task: Task, output: Output) -> Any:
        return ops.mean(self._of(ops, outputs - _target(ops, outputs, y)))

    def _of(self, ops: Ops, error: Any) -> Any:
        """Return the loss of errors ``prediction - target``."""
        raise NotImplementedError


@dataclass(frozen=True, repr=False)
class MSE(_OfErrors):
    """Half the squared error, as an objective is stated; the loss of numbers by default.

    Examples
    --------
    >>> from unifml import MSE, Training
    >>> Training(loss=MSE())
    Training(loss=MSE())
    """

    kind: ClassVar[str] = "mse"

    def _of(self, ops: Ops, error: Any) -> Any:
        return 0.5 * error * error


@dataclass(frozen=True, repr=False)
class MAE(_OfErrors):
    """The absolute error.

    Examples
    --------
    >>> from unifml import MAE, Training
    >>> Training(loss=MAE())
    Training(loss=MAE())
    """

    kind: ClassVar[str] = "mae"

    def _of(self, ops: Ops, error: Any) -> Any:
        return ops.abs(error)


@dataclass(frozen=True, repr=False)
class Huber(_OfErrors):
    """Half the squared error up to `delta`, and a line of slope `delta` beyond.

    Parameters
    ----------
    delta : float, default=1.0
        In units of the targets that the network learns: networks of ours learn targets that are
        scaled to deviation 1.

    References
    ----------
    Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35, 1964.

    Examples
    --------
    >>> from unifml import Huber, Training
    >>> Training(loss=Huber(delta=0.5))
    Training(loss=Huber(delta=0.5))
    """

    kind: ClassVar[str] = "huber"
    delta: float = 1.0

    def _of(self, ops: Ops, error: Any) -> Any:
        size = ops.abs(error)
        beyond = self.delta * (size - self.delta / 2)
        return ops.where(size <= self.delta, 0.5 * error * error, beyond)


@dataclass(frozen=True, repr=False)
class LogCosh(_OfErrors):
    """The logarithm of the hyperbolic cosine of the error: half its square, then its size.

    Examples
    --------
    >>> from unifml import LogCosh, Training
    >>> Training(loss=LogCosh())
    Training(loss=LogCosh())
    """

    kind: ClassVar[str] = "log_cosh"

    def _of(self, ops: Ops, error: Any) -> Any:
        return error + ops.softplus(-2.0 * error) - log(2.0)


@dataclass(frozen=True, repr=False)
class Quantile(_OfErrors):
    """The pinball loss: the prediction is the value that a share `q` of targets lies below.

    ``q * (y - p)`` where the target is above the prediction, ``(1 - q) * (p - y)`` elsewhere.

    Parameters
    ----------
    q : float, default=0.5
        The share; 0.5 predicts the median.

    References
    ----------
    Koenker and Bassett, "Regression quantiles", Econometrica 46, 1978.

    Examples
    --------
    >>> from unifml import Quantile, Training
    >>> Training(loss=Quantile(q=0.9))
    Training(loss=Quantile(q=0.9))
    """

    kind: ClassVar[str] = "quantile"
    q: float = 0.5

    def _of(self, ops: Ops, error: Any) -> Any:
        return ops.where(error < 0, -self.q * error, (1.0 - self.q) * error)


@dataclass(frozen=True, repr=False)
class Poisson(Loss):
    """Minus the logarithm of a Poisson probability, without what the target alone decides.

    ``exp(z) - y * z``: the network's output z is the logarithm of the rate, so that predictions
    are positive. Targets are counts, or other numbers of at least 0, and are not scaled.

    Examples
    --------
    >>> from unifml import Poisson, Training
    >>> Training(loss=Poisson())
    Training(loss=Poisson())
    """

    kind: ClassVar[str] = "poisson"
    tasks: ClassVar[tuple[Kind, ...]] = ("regression",)
    output: ClassVar[Output] = "log_values"

    @property
    def scales_target(self) -> bool:
        return False

    def values(self, ops: Ops, outputs: Any, y: Any, task: Task, output: Output) -> Any:
        return ops.mean(ops.exp(outputs) - _target(ops, outputs, y) * outputs)

    def check_targets(self, y: Any) -> None:
        least = np.min(y) if np.size(y) else 0
        if least < 0:
            raise DataError(
                "loss 'poisson'",
                found=f"a target of {least:g}",
                rule="y >= 0 must hold for counts",
                fix='use loss="mse", or shift the targets',
            )


def _target(ops: Ops, outputs: Any, y: Any) -> Any:
    return ops.shaped_like(ops.like(y, outputs), outputs)

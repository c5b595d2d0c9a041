"""Optimizers, one meaning each: their settings and their update rule.

The rules use only arithmetic, so they run on the arrays of any framework. A framework's own
optimizer may stand in for a rule where its formula is the same (torch's are).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from unifml.core.spec import Spec
from unifml.core.table import FloatArray
from unifml.errors import DataTypeError, UnknownNameError
from unifml.training.rules import check_fields

Slots = tuple[Any, ...]
Root = Callable[[Any], Any]
Update = tuple[Any, Slots]


class Scalars(NamedTuple):
    """What an update rule needs to know of a step, computed in float64 on the host.

    Attributes
    ----------
    rate : array of shape (steps,)
        Learning rate, with the bias correction of the first moment where there is one.
    correction : array of shape (steps,)
        Factor of the square root of the second moment (1 where there is none).
    decay : array of shape (steps,)
        Factor that decoupled weight decay puts on kernels.
    """

    rate: FloatArray
    correction: FloatArray
    decay: FloatArray


@dataclass(frozen=True, repr=False)
class Optimizer(Spec):
    """The base of all optimizers."""

    kind: ClassVar[str] = "optimizer"
    slots: ClassVar[int] = 0
    learning_rate: ClassVar[float] = 1e-3

    def scalars(self, rates: FloatArray, first_step: int, weight_decay: float) -> Scalars:
        """Return the scalars of steps ``first_step + 1, ...`` with these learning rates."""
        rates = np.asarray(rates, dtype=np.float64)
        ones = np.ones_like(rates)
        return Scalars(rates, ones, 1.0 - rates * weight_decay * self.decays)

    @property
    def decays(self) -> bool:
        """Whether decoupled weight decay is part of it."""
        return False

    def update(self, gradient: Any, slots: Slots, step: Scalars, sqrt: Root) -> Update:
        """Return what is to be subtracted from a weight, and the new slots.

        Parameters
        ----------
        gradient : array
            Gradient of the objective, penalties included.
        slots : tuple of arrays
            The optimizer's memory of this weight; zeros before the first step.
        step : Scalars
            Rate and correction of this step, in the dtype of the weights.
        sqrt : callable
            Square root of the framework's arrays.
        """
        raise NotImplementedError


@dataclass(frozen=True, repr=False)
class SGD(Optimizer):
    """Stochastic gradient descent; the learning rate is 1e-2 unless given.

    ``v = momentum * v + g``, ``w -= rate * v``; with Nesterov ``w -= rate * (g + momentum * v)``.

    Parameters
    ----------
    momentum : float, default=0.0
        Share of the last step's direction that is kept.
    nesterov : bool, default=False
        Look ahead along the momentum.

    References
    ----------
    Sutskever et al., "On the importance of initialization and momentum in deep learning",
    ICML 2013.

    Examples
    --------
    >>> from unifml import SGD, Training
    >>> Training(optimizer=SGD(momentum=0.9), learning_rate=0.05)
    Training(optimizer=SGD(momentum=0.9), learning_rate=0.05)
    """

    kind: ClassVar[str] = "sgd"
    slots: ClassVar[int] = 1
    learning_rate: ClassVar[float] = 1e-2
    momentum: float = 0.0
    nesterov: bool = False

    def update(self, gradient: Any, slots: Slots, step: Scalars, sqrt: Root) -> Update:
        velocity = self.momentum * slots[0] + gradient
        direction = gradient + self.momentum * velocity if self.nesterov else velocity
        return step.rate * direction, (velocity,)


@dataclass(frozen=True, repr=False)
class Adam(Optimizer):
    """Adam: steps scaled by running moments of the gradient; the learning rate is 1e-3.

    ``w -= rate / (1 - b1^t) * m / (sqrt(v / (1 - b2^t)) + epsilon)``, corrections in float64.

    Parameters
    ----------
    beta_1, beta_2 : float, default=0.9, 0.999
        Decay of the first and second moment.
    epsilon : float, default=1e-8
        Added after the correction.

    References
    ----------
    Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015.

    Examples
    --------
    >>> from unifml import Adam, Training
    >>> Training(optimizer=Adam(beta_2=0.99))
    Training(optimizer=Adam(beta_2=0.99))
    """

    kind: ClassVar[str] = "adam"
    slots: ClassVar[int] = 2
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    def scalars(self, rates: FloatArray, first_step: int, weight_decay: float) -> Scalars:
        plain = super().scalars(rates, first_step, weight_decay)
        t = first_step + 1 + np.arange(len(plain.rate), dtype=np.float64)
        return plain._replace(
            rate=plain.rate / (1.0 - self.beta_1**t),
            correction=1.0 / np.sqrt(1.0 - self.beta_2**t),
        )

    def update(self, gradient: Any, slots: Slots, step: Scalars, sqrt: Root) -> Update:
        first = self.beta_1 * slots[0] + (1.0 - self.beta_1) * gradient
        second = self.beta_2 * slots[1] + (1.0 - self.beta_2) * (gradient * gradient)
        root = sqrt(second) * step.correction + self.epsilon
        return step.rate * first / root, (first, second)


@dataclass(frozen=True, repr=False)
class AdamW(Adam):
    """Adam with decoupled weight decay on kernels: ``w *= 1 - rate * weight_decay`` before a step.

    ``Training(weight_decay=)`` gives the decay, 0 unless given; biases and norms are exempt.

    Parameters
    ----------
    beta_1, beta_2 : float, default=0.9, 0.999
        Decay of the first and second moment.
    epsilon : float, default=1e-8
        Added after the correction.

    References
    ----------
    Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019.

    Examples
    --------
    >>> from unifml import Training
    >>> Training(optimizer="adamw", weight_decay=0.01)
    Training(optimizer='adamw', weight_decay=0.01)
    """

    kind: ClassVar[str] = "adamw"

    @property
    def decays(self) -> bool:
        return True


@dataclass(frozen=True, repr=False)
class RMSprop(Optimizer):
    """Steps scaled by the running root of the squared gradient; the learning rate is 1e-3.

    ``v = rho * v + (1 - rho) * g^2``, ``w -= rate * g / (sqrt(v) + epsilon)``.

    Parameters
    ----------
    rho : float, default=0.9
        Decay of the squared gradient.
    epsilon : float, default=1e-8
        Added outside the root.

    References
    ----------
    Tieleman and Hinton, "Lecture 6.5: rmsprop", Coursera, 2012.

    Examples
    --------
    >>> from unifml import RMSprop
    >>> RMSprop(rho=0.95)
    RMSprop(rho=0.95)
    """

    kind: ClassVar[str] = "rmsprop"
    slots: ClassVar[int] = 1
    rho: float = 0.9
    epsilon: float = 1e-8

    def update(self, gradient: Any, slots: Slots, step: Scalars, sqrt: Root) -> Update:
        square = self.rho * slots[0] + (1.0 - self.rho) * (gradient * gradient)
        return step.rate * gradient / (sqrt(square) + self.epsilon), (square,)


OPTIMIZERS: dict[str, type[Optimizer]] = {kind.kind: kind for kind in (SGD, Adam, AdamW, RMSprop)}


def as_optimizer(value: object) -> Optimizer:
    """Return the optimizer of a name, or the optimizer itself."""
    if isinstance(value, str):
        if value not in OPTIMIZERS:
            raise UnknownNameError.among("optimizer", value, OPTIMIZERS)
        return OPTIMIZERS[value]()
    if isinstance(value, Optimizer):
        check_fields(value)
        return value
    raise DataTypeError(f"optimizer={value!r}", rule="a name or an Optimizer of unifml")

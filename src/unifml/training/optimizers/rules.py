"""The optimizers: from the gradient of a weight to its step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from unifml.core.table import FloatArray
from unifml.training.optimizers.base import Maths, Optimizer, Scalars, Slots, Update


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

    def update(self, gradient: Any, slots: Slots, step: Scalars, maths: Maths) -> Update:
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

    def update(self, gradient: Any, slots: Slots, step: Scalars, maths: Maths) -> Update:
        first = self.beta_1 * slots[0] + (1.0 - self.beta_1) * gradient
        second = self.beta_2 * slots[1] + (1.0 - self.beta_2) * (gradient * gradient)
        root = maths.sqrt(second) * step.correction + self.epsilon
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

    def update(self, gradient: Any, slots: Slots, step: Scalars, maths: Maths) -> Update:
        square = self.rho * slots[0] + (1.0 - self.rho) * (gradient * gradient)
        return step.rate * gradient / (maths.sqrt(square) + self.epsilon), (square,)


@dataclass(frozen=True, repr=False)
class Adagrad(Optimizer):
    """Steps scaled by the root of the sum of all squared gradients; the learning rate is 1e-2.

    ``v = v + g^2``, ``w -= rate * g / (sqrt(v) + epsilon)``; v starts at 0.

    Parameters
    ----------
    epsilon : float, default=1e-8
        Added outside the root.

    References
    ----------
    Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic
    optimization", Journal of Machine Learning Research 12, 2011.

    Examples
    --------
    >>> from unifml import Adagrad
    >>> Adagrad(epsilon=1e-10)
    Adagrad(epsilon=1e-10)
    """

    kind: ClassVar[str] = "adagrad"
    slots: ClassVar[int] = 1
    learning_rate: ClassVar[float] = 1e-2
    epsilon: float = 1e-8

    def update(self, gradient: Any, slots: Slots, step: Scalars, maths: Maths) -> Update:
        square = slots[0] + gradient * gradient
        return step.rate * gradient / (maths.sqrt(square) + self.epsilon), (square,)


@dataclass(frozen=True, repr=False)
class Lion(Optimizer):
    """Steps of one size, in the direction of a running gradient's signs; the rate is 1e-4.

    ``w -= rate * sign(b1 * m + (1 - b1) * g)``, then ``m = b2 * m + (1 - b2) * g``. Decay is
    decoupled, as in `AdamW`; it wants a rate 3 to 10 times smaller and a decay as much larger.

    Parameters
    ----------
    beta_1, beta_2 : float, default=0.9, 0.99
        Share of the running gradient in a step, and of itself in what it becomes.

    References
    ----------
    Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023.

    Examples
    --------
    >>> from unifml import Lion, Training
    >>> Training(optimizer=Lion(beta_2=0.98), weight_decay=0.1)
    Training(optimizer=Lion(beta_2=0.98), weight_decay=0.1)
    """

    kind: ClassVar[str] = "lion"
    slots: ClassVar[int] = 1
    learning_rate: ClassVar[float] = 1e-4
    beta_1: float = 0.9
    beta_2: float = 0.99

    @property
    def decays(self) -> bool:
        return True

    def update(self, gradient: Any, slots: Slots, step: Scalars, maths: Maths) -> Update:
        towards = maths.sign(self.beta_1 * slots[0] + (1.0 - self.beta_1) * gradient)
        return step.rate * towards, (self.beta_2 * slots[0] + (1.0 - self.beta_2) * gradient,)

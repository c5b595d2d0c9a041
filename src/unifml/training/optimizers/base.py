"""What every optimizer is: settings, scalars of its steps, and an update rule.

The rules use only arithmetic, so they run on the arrays of any framework. A framework's own
optimizer may stand in for a rule where its formula is the same (torch's are).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np

from unifml.core.spec import Spec
from unifml.core.table import FloatArray

Slots = tuple[Any, ...]
Update = tuple[Any, Slots]


class Maths(Protocol):
    """The functions of arrays that rules need, beyond arithmetic; a module may be one."""

    @property
    def sqrt(self) -> Any: ...

    @property
    def sign(self) -> Any:
        """Return -1, 0 or 1."""
        ...


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

    def update(self, gradient: Any, slots: Slots, step: Scalars, maths: Maths) -> Update:
        """Return what is to be subtracted from a weight, and the new slots.

        Parameters
        ----------
        gradient : array
            Gradient of the objective, penalties included.
        slots : tuple of arrays
            The optimizer's memory of this weight; zeros before the first step.
        step : Scalars
            Rate, correction and decay of this step, in the dtype of the weights.
        maths : Maths
            Functions of the framework's arrays: ``numpy``, ``torch`` and ``keras.ops`` will do.
        """
        raise NotImplementedError

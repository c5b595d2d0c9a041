"""An optimizer of the user's own, which only its framework can step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from unifml.errors import CapabilityError
from unifml.training.optimizers.base import Maths, Optimizer, Scalars, Slots, Update


@dataclass(frozen=True, repr=False, eq=False)
class CustomOptimizer(Optimizer):
    """An optimizer of the user's own. Two are equal if they hold the same object.

    Its own learning rates hold, times the schedule; ``Training(learning_rate=)`` replaces them.
    So where the user gave none, `learning_rate` here is the optimizer's own if it says so (Keras's
    do), else 1, and a rate of the loop means ``own rate * rate / learning_rate``.

    Parameters
    ----------
    factory : object
        On Keras a ``keras.optimizers.Optimizer``, of which a copy is used; on torch a function
        from parameters to a ``torch.optim.Optimizer``.

    Examples
    --------
    >>> from unifml import CustomOptimizer, Training
    >>> def slow(parameters):
    ...     import torch
    ...     return torch.optim.Adadelta(parameters, lr=0.1)
    >>> training = Training(optimizer=CustomOptimizer(slow))
    """

    kind: ClassVar[str] = "custom"
    factory: Any

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "learning_rate", _own_rate(self.factory))

    def update(self, gradient: Any, slots: Slots, step: Scalars, maths: Maths) -> Update:
        raise CapabilityError(
            f"the optimizer {self.factory!r} as a rule of unifml",
            rule="an optimizer of the user's own is stepped by its framework",
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CustomOptimizer) and self.factory is other.factory

    def __hash__(self) -> int:
        return id(self.factory)


def _own_rate(factory: Any) -> float:
    """Return the learning rate that an optimizer says it has; 1 where it says none."""
    config = factory.get_config() if hasattr(factory, "get_config") else {}
    rate = config.get("learning_rate")
    return float(rate) if isinstance(rate, int | float) else 1.0

"""A loss of the user's own, which only its framework can compute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from unifml.core.plan import Output
from unifml.core.task import Kind, Task
from unifml.errors import CapabilityError
from unifml.training.losses.base import Loss
from unifml.training.ops import Ops


@dataclass(frozen=True, repr=False, eq=False)
class CustomLoss(Loss):
    """A loss of the user's own. Two are equal if they hold the same object.

    Parameters
    ----------
    function : object
        On torch an ``nn.Module``, on Keras a ``keras.losses.Loss``, on either a function
        ``f(outputs, targets)`` in tensors. It returns the loss of each row, (n,) or (n, ...),
        whose mean is taken; one number for the batch only where rows have no weights. A module
        with a `reduction` is used without it, and so is a loss of Keras.
        Targets are class codes (n,), labels (n, labels), or values (n, targets); on torch those
        of one logit (two classes) and of labels are floats in the outputs' shape, as its own
        losses want them. Parameters that a module has are not trained.
    scaled_targets : bool, default=True
        Let a network of ours learn targets that are moved and scaled to mean 0 and deviation 1:
        the loss sees these.

    Examples
    --------
    >>> from unifml import CustomLoss, Training
    >>> def fourth_power(outputs, targets):
    ...     return (outputs - targets) ** 4
    >>> training = Training(loss=CustomLoss(fourth_power, scaled_targets=False))
    """

    kind: ClassVar[str] = "custom"
    tasks: ClassVar[tuple[Kind, ...]] = ("classification", "regression")
    function: Any
    scaled_targets: bool = True

    @property
    def scales_target(self) -> bool:
        return self.scaled_targets

    def output_for(self, task: Task) -> Output:
        return "logits" if task.kind == "classification" else "values"

    def values(self, ops: Ops, outputs: Any, y: Any, task: Task, output: Output) -> Any:
        raise CapabilityError(
            f"the loss {self.function!r} in NumPy",
            rule="a loss of the user's own is computed by its framework",
        )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, CustomLoss)
            and self.function is other.function
            and self.scaled_targets == other.scaled_targets
        )

    def __hash__(self) -> int:
        return hash((id(self.function), self.scaled_targets))

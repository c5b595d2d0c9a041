"""What every loss is: settings, one rule, and what it makes of outputs and targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from unifml.core.plan import Output
from unifml.core.spec import Spec
from unifml.core.task import Kind, Task
from unifml.errors import ParameterError
from unifml.training.ops import Ops
from unifml.training.rules import check_fields


@dataclass(frozen=True, repr=False)
class Loss(Spec):
    """The base of all losses.

    Attributes
    ----------
    kind : str
        Its name in ``Training(loss=)``.
    tasks : tuple of {"classification", "regression"}
        What it is for.
    output : {"logits", "scores", "values", "log_values"}
        What the raw outputs of a network of ours are under it.

    Examples
    --------
    >>> import unifml
    >>> unifml.Training(loss=unifml.Huber(delta=2.0))
    Training(loss=Huber(delta=2.0))
    """

    kind: ClassVar[str] = "loss"
    tasks: ClassVar[tuple[Kind, ...]] = ()
    output: ClassVar[Output] = "values"

    @property
    def scales_target(self) -> bool:
        """Whether a network of ours may learn targets moved and scaled to mean 0, deviation 1."""
        return True

    def output_for(self, task: Task) -> Output:
        """Return what the raw outputs of a network of ours are."""
        return self.output

    def values(self, ops: Ops, outputs: Any, y: Any, task: Task, output: Output) -> Any:
        """Return the loss of each row, shape (n,).

        Parameters
        ----------
        ops : Ops
            Operations on the arrays of a framework.
        outputs : array of shape (n, width)
            What the network returned.
        y : array
            Values (n,) or (n, targets); class codes (n,) or labels (n, labels), whole numbers; or
            shares of classes as floats, (n, classes), (n, labels), or (n, 1) of class 1.
        task : Task
            What is learned.
        output : str
            What the outputs are, see `unifml.core.plan.Plan`.
        """
        raise NotImplementedError

    def check(self, task: Task) -> Loss:
        """Raise for settings that cannot be, or that this task has no place for; return self.

        Raises
        ------
        ParameterError
        """
        check_fields(self)
        if task.kind not in self.tasks:
            raise ParameterError(
                f"loss={self!r} for {task.kind}",
                rule=f"it is a loss for {' and '.join(self.tasks)}",
            )
        return self

    def check_targets(self, y: Any) -> None:
        """Raise for targets that the loss has no value for.

        Raises
        ------
        DataError
        """

"""What every model says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from unifml.core.plan import Procedure, Translation
from unifml.core.signature import Shape, Signature
from unifml.core.space import Space
from unifml.core.spec import Spec, default_of
from unifml.core.task import Purpose, Task
from unifml.layers import Network


@dataclass(frozen=True, repr=False)
class Model(Spec):
    """The base of all models: a network, a translation into a library's words, or both.

    Which backends a model has follows from what it offers and what their capabilities say. Write
    a subclass to add a model; it gets every backend that can build its network.

    Attributes
    ----------
    kind : str
        Its name.
    tasks : tuple of str
        ``classification``, ``regression``; or ``transformation``, whose network has a layer
        ``encoder`` and one ``decoder`` that rebuilds all values of a row.
    default_backend : str
        The backend where nobody says otherwise: a constant, so that code means the same anywhere.
    procedure : {"epochs", "exact", "native"}
        How its network is fitted.
    uses : frozenset of str
        The fields of `unifml.Training` that mean something for it.
    scales_target : bool
        Whether targets of a regression are standardised before the network sees them.
    clips_target : bool
        Whether predictions stay between the least and the greatest target of the training rows.
    axes : tuple of int or None
        Numbers of axes that one row may have: 1 for tables; None: any.
    example_shape : tuple of int
        Shape of one row that it can learn from, for questions asked without data.
    """

    kind: ClassVar[str] = "model"
    tasks: ClassVar[tuple[Purpose, ...]] = ("classification", "regression")
    default_backend: ClassVar[str] = "torch"
    procedure: ClassVar[Procedure] = "epochs"
    uses: ClassVar[frozenset[str]] = frozenset()
    scales_target: ClassVar[bool] = False
    clips_target: ClassVar[bool] = False
    example_shape: ClassVar[Shape] = (4,)
    axes: ClassVar[tuple[int, ...] | None] = None

    def network(self, task: Task, signature: Signature) -> Network | None:
        """Return the network, or None for a model that is not one."""
        return None

    def translation(
        self, dialect: str, task: Task, settings: Mapping[str, Any]
    ) -> Translation | None:
        """Return the model in the words of a library, or None.

        A subclass that speaks a dialect has a method ``to_<dialect>(task, settings)``.

        Parameters
        ----------
        dialect : str
            Whose words, one of `Capabilities.dialects`.
        task : Task
            What is learned.
        settings : mapping
            ``settings`` (the resolved training settings), ``total_weight`` (sum of the weights of
            all rows) and ``seed`` (for what the library draws by itself).
        """
        speak = getattr(self, f"to_{dialect}", None)
        return speak(task, settings) if speak else None

    def training_defaults(self, task: Task, total_weight: float) -> Mapping[str, Any]:
        """Return this model's own defaults for fields of `unifml.Training`."""
        return {}

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Return the parameters' defaults by name."""
        return {field.name: default_of(field) for field in fields(cls) if field.init}

    def coded_columns(self, signature: Signature) -> tuple[int, ...]:
        """Return the columns that hold codes of categories; `Signature.levels` counts them."""
        return ()

    def example(self) -> Signature:
        """Return a signature that it fits, where no data are given: two classes or targets."""
        return Signature(self.example_shape, 2, 2)

    def space(self) -> Space:
        """Return the default search space, by short or nested parameter name."""
        return {}

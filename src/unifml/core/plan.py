"""Everything that an adapter is told about one fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from unifml.core.seeds import Seeds
from unifml.core.signature import Signature
from unifml.core.task import Task

if TYPE_CHECKING:
    import numpy as np

    from unifml.layers import Graph, Network
    from unifml.training import Settings

Procedure = Literal["epochs", "exact", "native"]
Output = Literal["logits", "probabilities", "log_probabilities", "scores", "values", "log_values"]


@dataclass(frozen=True)
class Translation:
    """A model in the words of a library: the class to construct, and how.

    Attributes
    ----------
    estimator : str
        Import path, ``"package.module.Class"``.
    params : tuple of (str, object)
        Arguments, in the library's words.
    procedure : {"native", "epochs"}
        Fitted by its own ``fit``, or epoch by epoch through the one loop.
    notes : tuple of str
        What was renamed, rescaled or defaulted, for `unifml.translate`.
    """

    estimator: str
    params: tuple[tuple[str, Any], ...] = ()
    procedure: Procedure = "native"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Plan:
    """What is to be done, decided: the adapter computes it.

    Attributes
    ----------
    model : object
        The model's spec, or the native model, class or factory of the user.
    task : Task
        What is to be learned.
    signature : Signature
        Shapes and dtype of the data.
    settings : Settings
        The training settings, resolved: nothing is None that must have a value.
    seeds : Seeds
        The streams of random numbers.
    procedure : {"epochs", "exact", "native"}
        How the model is fitted.
    output : {"logits", "probabilities", "log_probabilities", "scores", "values", "log_values"}
        What the network's raw outputs mean; the largest of ``scores`` wins, but they are not
        probabilities; ``log_values`` are logarithms of what is predicted.
    device : str
        Where to compute, such as ``"cpu"`` or ``"cuda:0"``.
    network : Network or None
        The network, if the model is one of ours.
    translation : Translation or None
        The model in the words of a library, if the adapter speaks them.
    classes : array or None
        The user's class labels, in the order of the codes.
    """

    model: Any
    task: Task
    signature: Signature
    settings: Settings
    seeds: Seeds
    procedure: Procedure = "epochs"
    output: Output = "logits"
    device: str = "cpu"
    network: Network | None = None
    translation: Translation | None = None
    classes: np.ndarray | None = None

    @property
    def scales_target(self) -> bool:
        """Whether the targets are standardised for the network."""
        wanted = getattr(self.model, "scales_target", False) and self.settings.loss.scales_target
        return bool(wanted) and self.task.kind == "regression"

    @property
    def clips_target(self) -> bool:
        """Whether predictions stay between the least and the greatest target."""
        return bool(getattr(self.model, "clips_target", False)) and self.task.kind == "regression"

    @property
    def graph(self) -> Graph:
        """The network written out for the inputs of the signature."""
        assert self.network is not None
        return self.network.graph(self.signature.feeds)

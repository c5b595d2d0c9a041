"""The textbook multilayer perceptron, and what is added to it for tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from unifml.core.plan import Translation
from unifml.core.signature import Signature
from unifml.core.space import Categorical, Float, Space
from unifml.core.task import Task
from unifml.layers import (
    Activation,
    Dense,
    Layer,
    Network,
    Residual,
    Standardize,
)
from unifml.models import pieces, rules
from unifml.models.tables import TableModel

_NORMS = ("batch", "layer", "rms")


@dataclass(frozen=True, repr=False)
class MLP(TableModel):
    """A multilayer perceptron: dense layers with an activation between them.

    Inputs are standardised inside the network, and so are the targets of a regression. It has one
    meaning on every backend: the same seed gives the same model.

    Parameters
    ----------
    hidden : tuple of int, default=(100,)
        Units of each hidden layer.
    activation : str, default="relu"
        Activation of the hidden layers (see `unifml.layers.Activation`).
    dropout : float, default=0.0
        Share of hidden units dropped in training, after each hidden layer.
    norm : {"batch", "layer", "rms"} or None, default=None
        Normalise each hidden layer, before its activation: each unit over the batch, or each row
        over its units.
    residual : bool, default=False
        Add its input to what each hidden layer but the first gives; through a linear map where
        their widths differ.
    numeric : {"periodic", "piecewise"} or None, default=None
        Make `numeric_dim` features of each column of numbers, behind its sines and cosines at
        learned frequencies or its place among quantiles of the training rows.
    numeric_dim : int, default=8
        Features of each such column.
    categorical : tuple of int or str, default=()
        Columns that hold codes of categories, whole numbers from 0 on, by number or by name; each
        code gets a learned vector. Codes that the training rows did not have share one.
    categorical_dim : int, default=8
        Length of these vectors.

    See Also
    --------
    unifml.Training : Epochs, optimizer, penalties and early stopping.

    References
    ----------
    Rumelhart et al., "Learning representations by back-propagating errors", Nature 323, 1986.
    Gorishniy et al., "Revisiting deep learning models for tabular data", NeurIPS 2021, and "On
    embeddings for numerical features in tabular deep learning", NeurIPS 2022. Guo and Berkhahn,
    "Entity embeddings of categorical variables", arXiv:1604.06737.

    Examples
    --------
    >>> from unifml import Classifier
    >>> from unifml.models import MLP
    >>> Classifier(MLP(hidden=(64, 32)), backend="sklearn")
    Classifier(model=MLP(hidden=(64, 32)), backend='sklearn')
    """

    kind: ClassVar[str] = "mlp"
    axes: ClassVar[tuple[int, ...] | None] = (1,)
    default_backend: ClassVar[str] = "torch"
    scales_target: ClassVar[bool] = True
    uses: ClassVar[frozenset[str]] = pieces.BY_EPOCHS
    hidden: tuple[int, ...] = (100,)
    activation: str = "relu"
    dropout: float = 0.0
    norm: str | None = None
    residual: bool = False
    numeric: str | None = None
    numeric_dim: int = 8
    categorical: tuple[int | str, ...] = ()
    categorical_dim: int = 8

    def network(self, task: Task, signature: Signature) -> Network:
        self._check()
        blocks = (layer for i, n in enumerate(self.hidden) for layer in self._block(i, int(n)))
        return Network((*self._first(signature), *blocks, Dense(task.width, name="output")))

    def _first(self, signature: Signature) -> tuple[Layer, ...]:
        """Return what stands before the hidden layers: columns become features."""
        codes, others = self._parted(signature)
        scaled = Standardize(columns=others if codes else None, name="standardize")
        return (*((scaled,) if others else ()), *self._features(signature))

    def _block(self, index: int, units: int) -> tuple[Layer, ...]:
        inner = self.residual and index > 0
        end = "" if inner else f"_{index}"
        layers = (
            # A norm over the batch takes any bias away again.
            Dense(units, bias=self.norm != "batch", name=f"hidden{end}"),
            *pieces.norm(self.norm, units, f"norm{end}"),
            Activation(self.activation, name=f"activation{end}"),
            *pieces.dropped(self.dropout, f"dropout{end}"),
        )
        return (Residual(layers, name=f"block_{index}"),) if inner else layers

    def to_sklearn(self, task: Task, settings: Mapping[str, Any]) -> Translation:
        """Return the scikit-learn estimator that means the same."""
        self._check()
        name = "MLPClassifier" if task.kind == "classification" else "MLPRegressor"
        activation = _SKLEARN_ACTIVATIONS.get(self.activation, self.activation)
        return Translation(
            f"sklearn.neural_network.{name}",
            (("hidden_layer_sizes", tuple(self.hidden)), ("activation", activation)),
            procedure="epochs",
            notes=(
                "hidden -> hidden_layer_sizes",
                f"activation: {self.activation!r} -> {activation!r}",
                "initial weights, batch order, optimizer and l2 are unifml's own, set per step",
            ),
        )

    def _check(self) -> None:
        """Raise for parameters that no backend could make a network of."""
        rules.wholes("hidden", self.hidden, "one layer of 64 units")
        rules.activation(self.activation)
        rules.share("dropout", self.dropout)
        rules.among_or_none("norm", self.norm, _NORMS)
        rules.flag("residual", self.residual)
        super()._check()

    def space(self) -> Space:
        return {
            "hidden": Categorical(((32,), (64,), (128,), (64, 64), (128, 64), (256, 128))),
            "activation": Categorical(("relu", "tanh")),
            "dropout": Float(0.0, 0.5),
            "learning_rate": Float(1e-4, 3e-2, log=True),
            "batch_size": Categorical((32, 64, 128, 256)),
            "l2": Float(1e-7, 1e-2, log=True),
        }


_SKLEARN_ACTIVATIONS = {"sigmoid": "logistic"}

"""The textbook multilayer perceptron."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from numbers import Integral, Real
from typing import Any, ClassVar

from unifml.core.plan import Translation
from unifml.core.signature import Signature
from unifml.core.space import Categorical, Float, Space
from unifml.core.task import Task
from unifml.errors import ParameterError, UnknownNameError
from unifml.layers import (
    ACTIVATIONS,
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Layer,
    Network,
    Standardize,
)
from unifml.models.base import Model


@dataclass(frozen=True, repr=False)
class MLP(Model):
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
    batch_norm : bool, default=False
        Normalise each hidden layer over the batch, before its activation.

    See Also
    --------
    unifml.Training : Epochs, optimizer, penalties and early stopping.

    References
    ----------
    Rumelhart et al., "Learning representations by back-propagating errors", Nature 323, 1986.

    Examples
    --------
    >>> from unifml import Classifier
    >>> from unifml.models import MLP
    >>> Classifier(MLP(hidden=(64, 32)), backend="sklearn")
    Classifier(model=MLP(hidden=(64, 32)), backend='sklearn')
    """

    kind: ClassVar[str] = "mlp"
    default_backend: ClassVar[str] = "torch"
    scales_target: ClassVar[bool] = True
    uses: ClassVar[frozenset[str]] = frozenset(
        {"epochs", "batch_size", "optimizer", "learning_rate", "weight_decay", "l1", "l2", "loss"}
        | {"schedule", "validation", "early_stopping", "refit", "callbacks", "precision"}
    )
    hidden: tuple[int, ...] = (100,)
    activation: str = "relu"
    dropout: float = 0.0
    batch_norm: bool = False

    def network(self, task: Task, signature: Signature) -> Network:
        self._check()
        blocks = chain.from_iterable(self._block(i, n) for i, n in enumerate(self.hidden))
        return Network((Standardize(name="standardize"), *blocks, Dense(task.width, name="output")))

    def _block(self, index: int, units: int) -> tuple[Layer, ...]:
        return (
            Dense(int(units), name=f"hidden_{index}"),
            *((BatchNorm(name=f"norm_{index}"),) if self.batch_norm else ()),
            Activation(self.activation, name=f"activation_{index}"),
            *((Dropout(self.dropout, name=f"dropout_{index}"),) if self.dropout else ()),
        )

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
        if not isinstance(self.hidden, tuple) or not all(map(_whole, self.hidden)):
            raise ParameterError(
                f"hidden={self.hidden!r}",
                rule="hidden is a tuple of whole numbers >= 1",
                fix="write hidden=(64,) for one layer of 64 units",
            )
        if self.activation not in ACTIVATIONS:
            raise UnknownNameError.among("activation", self.activation, ACTIVATIONS)
        if not isinstance(self.dropout, Real) or not 0 <= self.dropout < 1:
            raise ParameterError(f"dropout={self.dropout!r}", rule="0 <= dropout < 1 must hold")
        if not isinstance(self.batch_norm, bool):
            raise ParameterError(f"batch_norm={self.batch_norm!r}", rule="True or False")

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


def _whole(units: object) -> bool:
    return isinstance(units, Integral) and not isinstance(units, bool) and int(units) >= 1

"""Convolutional networks for signals, images and volumes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from unifml.core.signature import Shape, Signature
from unifml.core.space import Categorical, Float, Space
from unifml.core.task import Task
from unifml.errors import ParameterError
from unifml.layers import (
    Activation,
    Dense,
    Flatten,
    GlobalAvgPool,
    GlobalMaxPool,
    Layer,
    MaxPool,
    Network,
    Residual,
)
from unifml.layers.convolution import CONVOLUTIONS
from unifml.layers.windows import Size
from unifml.models import pieces, rules
from unifml.models.base import Model

_HEADS: dict[str, type[Layer]] = {"avg": GlobalAvgPool, "max": GlobalMaxPool, "flatten": Flatten}
_NORMS = ("batch", "group", "layer")


@dataclass(frozen=True, repr=False)
class CNN(Model):
    """A convolutional network: windows slide over signals, images or volumes.

    Rows have the shape (steps, features), (height, width, features) or (depth, height, width,
    features), features last. Inputs are standardised inside the network, each feature by one mean
    and one deviation, and so are the targets of a regression.

    Parameters
    ----------
    filters : tuple of int, default=(32, 64)
        Outputs of each convolution; a norm, an activation and a pooling follow each.
    kernel_size : int or tuple of int, default=3
        Size of the windows, along each axis.
    activation : str, default="relu"
        Activation behind each convolution (see `unifml.layers.Activation`).
    norm : {"batch", "layer", "group"} or None, default="batch"
        Normalise what each convolution gives: each filter over the batch, each place over the
        filters, or groups of 8 filters over all places.
    pool : int or tuple of int, default=2
        Size of the largest-value poolings behind them, along each axis; 1: none.
    residual : bool, default=False
        Make each convolution a block of two, with its input added to what comes out.
    head : {"flatten", "avg", "max"}, default="flatten"
        How places become one row of features: all of them side by side, their mean, or their
        largest values.
    hidden : tuple of int, default=()
        Units of dense layers behind that.
    dropout : float, default=0.0
        Share of values dropped in training, before the output and behind each dense layer.
    dims : int or None, default=None
        Number of axes that windows slide over. Rows of just as many axes have one feature, so
        ``CNN(dims=2)`` takes images (n, height, width). None: all axes but the last; rows of one
        axis are signals of one feature.

    See Also
    --------
    unifml.Training : Epochs, optimizer, penalties and early stopping.

    References
    ----------
    LeCun et al., "Gradient-based learning applied to document recognition", Proceedings of the
    IEEE 86, 1998. He et al., "Deep residual learning for image recognition", CVPR 2016.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from unifml import Classifier, Training
    >>> from unifml.models import CNN
    >>> images, y = load_digits().images, load_digits().target
    >>> clf = Classifier(CNN(filters=(8,), dims=2), training=Training(epochs=2), random_state=0)
    >>> clf.fit(images, y).predict_proba(images[:3]).shape
    (3, 10)
    """

    kind: ClassVar[str] = "cnn"
    axes: ClassVar[tuple[int, ...] | None] = (1, 2, 3, 4)
    example_shape: ClassVar[Shape] = (8, 8, 1)
    default_backend: ClassVar[str] = "torch"
    scales_target: ClassVar[bool] = True
    uses: ClassVar[frozenset[str]] = pieces.BY_EPOCHS
    filters: tuple[int, ...] = (32, 64)
    kernel_size: Size = 3
    activation: str = "relu"
    norm: str | None = "batch"
    pool: Size = 2
    residual: bool = False
    head: str = "flatten"
    hidden: tuple[int, ...] = ()
    dropout: float = 0.0
    dims: int | None = None

    def network(self, task: Task, signature: Signature) -> Network:
        self._check()
        shape = signature.input_shape
        rank = self._rank(shape)
        return Network(
            (
                *pieces.numbers(shape, features=len(shape) > rank),
                *self._stages(rank),
                _HEADS[self.head](name="flat" if self.head == "flatten" else "pool"),
                *pieces.dropped(self.dropout, "dropout"),
                *pieces.dense(self.hidden, self.activation, self.dropout),
                Dense(task.width, name="output"),
            )
        )

    def training_defaults(self, task: Task, total_weight: float) -> Mapping[str, Any]:
        return {"epochs": 20, "batch_size": 64, "schedule": "cosine", "learning_rate": 2e-3}

    def example(self) -> Signature:
        shape = self.example_shape if self.dims is None else (8,) * self.dims + (1,)
        return Signature(shape, 2, 2)

    def space(self) -> Space:
        return {
            "filters": Categorical(((16,), (32,), (16, 32), (32, 64), (32, 64, 128))),
            "kernel_size": Categorical((3, 5)),
            "dropout": Float(0.0, 0.5),
            "learning_rate": Float(1e-4, 1e-2, log=True),
            "batch_size": Categorical((32, 64, 128)),
            "l2": Float(1e-7, 1e-2, log=True),
        }

    def _stages(self, rank: int) -> Iterator[Layer]:
        for i, filters in enumerate(self.filters):
            if self.residual:
                inner = (*self._convolution(rank, filters, "_0"), self._activation("_0"))
                again = self._convolution(rank, filters, "_1")
                yield Residual((*inner, *again), name=f"block_{i}")
            else:
                yield from self._convolution(rank, filters, f"_{i}")
            yield self._activation(f"_{i}")
            if self.pool != 1:
                yield MaxPool(self.pool, padding="same", name=f"pool_{i}")

    def _convolution(self, rank: int, filters: int, end: str) -> tuple[Layer, ...]:
        # A norm over the batch takes any bias away again.
        bias = self.norm != "batch"
        window = CONVOLUTIONS[rank](
            int(filters), self.kernel_size, bias=bias, initial="he_normal", name=f"conv{end}"
        )
        return (window, *pieces.norm(self.norm, int(filters), f"norm{end}"))

    def _activation(self, end: str) -> Layer:
        return Activation(self.activation, name=f"activation{end}")

    def _rank(self, shape: Shape) -> int:
        """Return the number of axes that windows slide over."""
        rank = max(len(shape) - 1, 1) if self.dims is None else self.dims
        if rank > 3 or len(shape) not in (rank, rank + 1):
            raise ParameterError(
                f"CNN(dims={self.dims}) for rows of shape {shape}",
                rule=f"rows have {rank} axes, or {rank + 1} with one of features at the end"
                if rank <= 3
                else "windows slide over 3 axes at most",
            )
        return rank

    def _check(self) -> None:
        """Raise for parameters that no backend could make a network of."""
        rules.wholes("filters", self.filters, "one convolution of 64 filters", empty=False)
        rules.size("kernel_size", self.kernel_size)
        rules.activation(self.activation)
        rules.among_or_none("norm", self.norm, _NORMS)
        rules.size("pool", self.pool)
        rules.flag("residual", self.residual)
        rules.among("head", self.head, _HEADS)
        rules.wholes("hidden", self.hidden, "one dense layer of 64 units")
        rules.share("dropout", self.dropout)
        if self.dims not in (None, 1, 2, 3) or isinstance(self.dims, bool):
            raise ParameterError(f"dims={self.dims!r}", rule="dims is 1, 2, 3 or None")

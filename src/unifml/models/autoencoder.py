"""Autoencoders: a short code for each row, and the row again from its code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import ClassVar

from unifml.core.signature import ANY, Shape, Signature
from unifml.core.space import Categorical, Float, Space
from unifml.core.task import Purpose, Task
from unifml.errors import ParameterError
from unifml.layers import (
    Activation,
    Columns,
    ConvTranspose1D,
    ConvTranspose2D,
    ConvTranspose3D,
    Dense,
    Flatten,
    Layer,
    Network,
    Permute,
    Reshape,
    Sequential,
    Standardize,
)
from unifml.layers.convolution import CONVOLUTIONS
from unifml.layers.windows import Size
from unifml.models import pieces, rules
from unifml.models.base import Model

_TRANSPOSED = {1: ConvTranspose1D, 2: ConvTranspose2D, 3: ConvTranspose3D}


@dataclass(frozen=True, repr=False)
class Autoencoder(Model):
    """An autoencoder: an encoder gives each row a short code, a decoder the row again.

    It learns to rebuild its standardised inputs. Rows are tables, signals, images or volumes; with
    `filters` they are narrowed and widened again by convolutions. It is for `unifml.Transformer`.

    Parameters
    ----------
    hidden : tuple of int, default=(64,)
        Units of the dense layers before the code; the decoder has them in reverse. With ``()``
        and no filters, both halves are linear.
    code : int, default=8
        Numbers in the code of a row.
    activation : str, default="relu"
        Activation of all layers but the code and the output (see `unifml.layers.Activation`).
    dropout : float, default=0.0
        Share of hidden units dropped in training, after each hidden layer.
    filters : tuple of int, default=()
        Outputs of the convolutions before the dense layers, each of which halves the sides of a
        row; the decoder has transposed ones in reverse. ``()``: rows are made flat.
    kernel_size : int or tuple of int, default=3
        Size of their windows, along each axis.

    See Also
    --------
    unifml.Transformer : The estimator that it is for.
    unifml.Training : Epochs, optimizer, penalties and early stopping.

    References
    ----------
    Hinton and Salakhutdinov, "Reducing the dimensionality of data with neural networks", Science
    313, 2006.

    Examples
    --------
    >>> from unifml import Transformer
    >>> from unifml.models import Autoencoder
    >>> Transformer(Autoencoder(code=2))
    Transformer(model=Autoencoder(code=2), backend='torch')
    """

    kind: ClassVar[str] = "autoencoder"
    tasks: ClassVar[tuple[Purpose, ...]] = ("transformation",)
    axes: ClassVar[tuple[int, ...] | None] = (1, 2, 3, 4)
    default_backend: ClassVar[str] = "torch"
    scales_target: ClassVar[bool] = True
    uses: ClassVar[frozenset[str]] = pieces.BY_EPOCHS
    hidden: tuple[int, ...] = (64,)
    code: int = 8
    activation: str = "relu"
    dropout: float = 0.0
    filters: tuple[int, ...] = ()
    kernel_size: Size = 3

    def network(self, task: Task, signature: Signature) -> Network:
        self._check(signature)
        shape = signature.input_shape
        return Network(
            (
                Standardize(name="standardize"),
                Sequential(tuple(self._encoder(shape)), name="encoder"),
                Sequential(tuple(self._decoder(shape)), name="decoder"),
            )
        )

    def space(self) -> Space:
        return {
            "hidden": Categorical(((), (64,), (128,), (128, 64), (256, 128))),
            "activation": Categorical(("relu", "tanh")),
            "learning_rate": Float(1e-4, 3e-2, log=True),
            "batch_size": Categorical((32, 64, 128, 256)),
            "l2": Float(1e-7, 1e-2, log=True),
        }

    def _encoder(self, shape: Shape) -> Iterator[Layer]:
        for i, filters in enumerate(self.filters):
            conv = CONVOLUTIONS[len(shape) - 1]
            yield conv(int(filters), self.kernel_size, strides=2, name=f"conv_{i}")
            yield self._activation(f"conv_activation_{i}")
        if len(shape) > 1:
            yield Flatten(name="flat")
        yield from pieces.dense(self.hidden, self.activation, self.dropout)
        yield Dense(int(self.code), name="output")

    def _decoder(self, shape: Shape) -> Iterator[Layer]:
        yield from pieces.dense(self.hidden[::-1], self.activation, self.dropout)
        if self.filters:
            yield from self._widening(shape)
        else:
            yield Dense(prod(shape), name="output")

    def _widening(self, shape: Shape) -> Iterator[Layer]:
        """Go the encoder's way back: sides double, and are cut to those of a row at last."""
        halvings = 2 ** len(self.filters)
        small = tuple(-(-side // halvings) for side in shape[:-1])
        conv = _TRANSPOSED[len(small)]
        yield Dense(prod(small) * int(self.filters[-1]), name="narrow")
        yield self._activation("narrow_activation")
        yield Reshape((*small, int(self.filters[-1])), name="places")
        for i, filters in enumerate(self.filters[-2::-1]):
            yield conv(int(filters), self.kernel_size, strides=2, name=f"conv_{i}")
            yield self._activation(f"conv_activation_{i}")
        yield conv(shape[-1], self.kernel_size, strides=2, name="output")
        yield from _cut(tuple(side * halvings for side in small), shape)
        yield Flatten(name="flat")

    def _activation(self, name: str) -> Layer:
        return Activation(self.activation, name=name)

    def _check(self, signature: Signature) -> None:
        """Raise for parameters, and for rows, that no backend could make a network of."""
        rules.wholes("hidden", self.hidden, "one layer of 64 units")
        rules.whole("code", self.code)
        rules.activation(self.activation)
        rules.share("dropout", self.dropout)
        rules.wholes("filters", self.filters, "one convolution of 64 filters")
        rules.size("kernel_size", self.kernel_size)
        shape = signature.input_shape
        if signature.named or ANY in shape:
            raise ParameterError(
                f"model {self.kind!r} for {', '.join(feed.name for feed in signature.feeds)}",
                found="several inputs, or sequences of unequal length",
                rule="it rebuilds one array of rows of one shape",
            )
        if self.filters and not 2 <= len(shape) <= 4:
            raise ParameterError(
                f"filters={self.filters!r} for rows of shape {shape}",
                rule="convolutions slide over signals, images and volumes, features last",
                fix="set filters=(), or give rows an axis of features: X[..., None]",
            )


def _cut(long: Shape, shape: Shape) -> Iterator[Layer]:
    """Cut what is behind the sides of a row off, one axis after the other."""
    for axis, side in enumerate(shape[:-1]):
        if long[axis] > side:
            turn = list(range(len(shape)))
            turn[axis], turn[-1] = turn[-1], turn[axis]
            yield Permute(tuple(turn), name=f"turn_{axis}")
            yield Columns(tuple(range(side)), name=f"cut_{axis}")
            yield Permute(tuple(turn), name=f"back_{axis}")

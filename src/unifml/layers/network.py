"""Layers put together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from unifml.errors import DataTypeError, ParameterError
from unifml.layers.base import Layer, Shape, WeightSpec
from unifml.layers.standardize import Standardize


@dataclass(frozen=True, repr=False)
class Sequential(Layer):
    """Layers one after the other; names of inner layers get the name of this one before them.

    Parameters
    ----------
    layers : tuple of Layer
        The layers, first to last.

    Examples
    --------
    >>> from unifml.layers import Activation, Dense, Sequential
    >>> block = Sequential((Dense(4), Activation("relu")), name="block")
    >>> [name for name, layer in block.named()]
    ['block.dense_0', 'block.activation_0']
    """

    kind: ClassVar[str] = "sequential"
    layers: tuple[Layer, ...]

    def named(self) -> Iterator[tuple[str, Layer]]:
        """Yield every layer that is not a combinator, with its full name."""
        prefix = f"{self.name}." if self.name else ""
        counts: Counter[str] = Counter()
        for layer in self.layers:
            if not isinstance(layer, Layer):
                raise DataTypeError(
                    "Sequential(layers)", found=repr(layer), rule="each must be a Layer"
                )
            name = layer.name or f"{layer.kind}_{counts[layer.kind]}"
            counts[layer.kind] += layer.name is None
            if isinstance(layer, Sequential):
                inner = Sequential(layer.layers, name=name)
                yield from ((prefix + path, leaf) for path, leaf in inner.named())
            else:
                yield prefix + name, layer

    def output_shape(self, shape: Shape) -> Shape:
        for _, layer in self.named():
            shape = layer.output_shape(shape)
        return shape


@dataclass(frozen=True, repr=False)
class Network(Sequential):
    """A whole network: what an adapter builds.

    Parameters
    ----------
    layers : tuple of Layer
        The layers, first to last. `Standardize` may stand first only.

    Examples
    --------
    >>> from unifml.layers import Activation, Dense, Network, Standardize
    >>> net = Network((Standardize(), Dense(8), Activation("relu"), Dense(1, name="output")))
    >>> print(net.summary((4,)))
    standardize_0  Standardize()                                             (4,)     8
    dense_0        Dense(units=8, bias=True, initial='glorot_uniform')       (8,)    40
    activation_0   Activation(function='relu')                               (8,)     0
    output         Dense(units=1, bias=True, initial='glorot_uniform')       (1,)     9
    57 weights, 49 of them trained
    """

    kind: ClassVar[str] = "network"

    def __post_init__(self) -> None:
        super().__post_init__()
        leaves = list(self.named())
        repeated = [n for n, count in Counter(n for n, _ in leaves).items() if count > 1]
        if repeated:
            raise ParameterError(f"layer names {repeated}", rule="names must be unique")
        if any(isinstance(layer, Standardize) for _, layer in leaves[1:]):
            raise ParameterError("Standardize after the first layer", rule="it stands first only")

    @property
    def standardize(self) -> str | None:
        """The name of the leading `Standardize`, if there is one."""
        name, layer = next(self.named())
        return name if isinstance(layer, Standardize) else None

    def body(self) -> Iterator[tuple[str, Layer]]:
        """Yield the named layers after the leading `Standardize`: what programs compute."""
        return ((n, layer) for n, layer in self.named() if not isinstance(layer, Standardize))

    def kinds(self) -> frozenset[str]:
        """Return the kinds of its layers."""
        return frozenset(layer.kind for _, layer in self.named())

    def walk(self, shape: Shape) -> Iterator[tuple[str, Layer, Shape]]:
        """Yield name, layer and *input* shape of every layer."""
        for name, layer in self.named():
            yield name, layer, shape
            shape = layer.output_shape(shape)

    def weight_specs(self, shape: Shape) -> dict[str, WeightSpec]:
        """Return all canonical weights by ``layer.weight``."""
        return {
            f"{name}.{spec.name}": spec
            for name, layer, inner in self.walk(shape)
            for spec in layer.weights(inner)
        }

    def summary(self, shape: Shape) -> str:
        """Return a table of layers, output shapes and counts of weights."""
        rows, total, trained = [], 0, 0
        for name, layer, inner in self.walk(shape):
            specs = layer.weights(inner)
            count = sum(_size(spec) for spec in specs)
            total += count
            trained += sum(_size(spec) for spec in specs if spec.trainable)
            rows.append((name, layer.describe(), str(layer.output_shape(inner)), str(count)))
        wide = [max(len(row[i]) for row in rows) for i in range(4)]
        lines = [
            f"{a:<{wide[0]}}  {b:<{wide[1]}}  {c:>{wide[2] + 5}}  {d:>{wide[3] + 2}}"
            for a, b, c, d in rows
        ]
        return "\n".join([*lines, f"{total} weights, {trained} of them trained"])


def _size(spec: WeightSpec) -> int:
    size = 1
    for side in spec.shape:
        size *= side
    return size

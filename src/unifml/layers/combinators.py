"""Layers put together: one after the other, side by side, around, again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from unifml.core.signature import Feed
from unifml.errors import DataTypeError, ParameterError, UnknownNameError
from unifml.layers.base import Layer, Masks, Shape
from unifml.layers.convolution import CONVOLUTIONS
from unifml.layers.dense import Dense
from unifml.layers.graph import Trace, Value

How = Literal["concat", "add", "multiply", "average"]
JOINS = ("add", "average", "concat", "multiply")


class Combinator(Layer):
    """What several layers make together; its shapes are found by tracing them."""

    def output_shape(self, *shapes: Shape) -> Shape:
        trace = Trace((Feed("X", shapes[0]),))
        return self.trace(trace, self.name or self.kind, trace.feed()).shape


def children(layers: tuple[Layer, ...], path: str) -> Iterator[tuple[str, Layer]]:
    """Yield inner layers with their full names: their own, or their kind and count.

    Raises
    ------
    DataTypeError, ParameterError
        For what is no layer, and for two layers of one name.
    """
    if not isinstance(layers, tuple):
        raise DataTypeError(
            f"layers of {path or 'a network'}",
            found=f"a {type(layers).__name__}",
            rule="a tuple of layers",
            fix="write (layer,) for one",
        )
    counts: Counter[str] = Counter()
    for layer in layers:
        if not isinstance(layer, Layer):
            raise DataTypeError(
                f"layers of {path or 'a network'}",
                found=repr(layer),
                rule="each must be a Layer, an instance",
                fix=f"write {layer.__name__}(...)" if isinstance(layer, type) else "",
            )
        name = layer.name or f"{layer.kind}_{counts[layer.kind]}"
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            raise ParameterError(
                f"layer name {name!r}", rule="names are letters, digits, _ and - without spaces"
            )
        counts[layer.kind] += layer.name is None
        yield f"{path}.{name}" if path else name, layer


@dataclass(frozen=True, repr=False)
class Sequential(Combinator):
    """Layers one after the other; names of inner layers get the name of this one before them.

    Parameters
    ----------
    layers : tuple of Layer
        The layers, first to last.

    Examples
    --------
    >>> from unifml.layers import Activation, Dense, Network, Sequential
    >>> block = Sequential((Dense(4), Activation("relu")), name="block")
    >>> [node.name for node in Network((block,)).graph((8,)).nodes]
    ['block.dense_0', 'block.activation_0']
    """

    kind: ClassVar[str] = "sequential"
    layers: tuple[Layer, ...]

    def trace(self, trace: Trace, path: str, x: Value | None) -> Value:
        for name, layer in children(self.layers, path):
            x = layer.trace(trace, name, x)
        return trace.keep(path, trace.feed() if x is None else x)


@dataclass(frozen=True, repr=False)
class Residual(Combinator):
    """Layers, and their input added to what comes out: ``x + f(x)``.

    Parameters
    ----------
    layers : tuple of Layer
        The layers of ``f``.
    projection : {"auto", True, False}, default="auto"
        Whether the input goes through a linear map (a convolution of width 1 for images and
        signals) first: ``"auto"``, where shapes differ.

    References
    ----------
    He et al., "Deep residual learning for image recognition", CVPR 2016.

    Examples
    --------
    >>> from unifml.layers import Activation, Dense, Residual
    >>> Residual((Dense(8), Activation("relu"), Dense(4))).output_shape((4,))
    (4,)
    """

    kind: ClassVar[str] = "residual"
    layers: tuple[Layer, ...]
    projection: bool | str = "auto"

    def trace(self, trace: Trace, path: str, x: Value | None) -> Value:
        x = trace.feed() if x is None else x
        y = Sequential(self.layers).trace(trace, path, x)
        if self.projection not in ("auto", True, False):
            raise ParameterError(
                f"Residual(projection={self.projection!r})", rule='projection is "auto" or a bool'
            )
        if self.projection is True or (self.projection == "auto" and x.shape != y.shape):
            x = _projection(x.shape, y.shape, path).trace(trace, f"{path}.projection", x)
        return trace.keep(path, trace.add(f"{path}.add", Join("add"), x, y))


@dataclass(frozen=True, repr=False)
class Parallel(Combinator):
    """Branches that take the same input, and are put together again.

    Parameters
    ----------
    branches : tuple of Layer
        The branches. One that begins with `Input` or `Skip` takes something else.
    join : {"concat", "add", "multiply", "average"} or None, default="concat"
        ``concat`` puts features side by side. None goes on with the first branch; the others are
        outputs of the network, or taken later by `Skip`.

    Examples
    --------
    >>> from unifml.layers import Dense, Parallel
    >>> Parallel((Dense(3), Dense(2))).output_shape((8,))
    (5,)
    """

    kind: ClassVar[str] = "parallel"
    branches: tuple[Layer, ...]
    join: How | None = "concat"

    def trace(self, trace: Trace, path: str, x: Value | None) -> Value:
        if not self.branches:
            raise ParameterError(f"layer {path!r}, Parallel(())", rule="it needs a branch")
        ends = [layer.trace(trace, n, x) for n, layer in children(self.branches, path)]
        if self.join is None or len(ends) == 1:
            return trace.keep(path, ends[0])
        return trace.keep(path, trace.add(f"{path}.{self.join}", Join(self.join), *ends))


@dataclass(frozen=True, repr=False)
class Repeat(Combinator):
    """The same layers several times, each time with weights of their own.

    Parameters
    ----------
    layer : Layer
        What is repeated.
    times : int
        How often.

    Examples
    --------
    >>> from unifml.layers import Dense, Network, Repeat
    >>> [node.name for node in Network((Repeat(Dense(4), 2, name="block"),)).graph((4,)).nodes]
    ['block.0', 'block.1']
    """

    kind: ClassVar[str] = "repeat"
    layer: Layer
    times: int

    def trace(self, trace: Trace, path: str, x: Value | None) -> Value:
        if not isinstance(self.times, int) or self.times < 0:
            raise ParameterError(f"Repeat(times={self.times!r})", rule="a whole number >= 0")
        if not isinstance(self.layer, Layer):
            raise DataTypeError(f"{path}: Repeat({self.layer!r})", rule="it repeats a Layer")
        x = trace.feed() if x is None else x
        for i in range(self.times):
            x = self.layer.trace(trace, f"{path}.{i}", x)
        return trace.keep(path, x)


@dataclass(frozen=True, repr=False)
class Input(Combinator):
    """An input of the network by its name: where a branch begins.

    Parameters
    ----------
    source : str
        Name of the input: a key of the dict that is X.

    Examples
    --------
    >>> from unifml.layers import Dense, Input, Network, Parallel, Sequential
    >>> left, right = (Sequential((Input(name), Dense(2))) for name in ("left", "right"))
    >>> network = Network((Parallel((left, right)), Dense(1)))
    """

    kind: ClassVar[str] = "input"
    source: str

    def trace(self, trace: Trace, path: str, x: Value | None) -> Value:
        return trace.keep(path, trace.feed(self.source))


@dataclass(frozen=True, repr=False)
class Skip(Combinator):
    """What an earlier layer gave, by its full name: where a long skip connection begins.

    Parameters
    ----------
    source : str
        Full name of a layer, or of a combinator, that stands before this one.

    Examples
    --------
    >>> from unifml.layers import Dense, Network, Parallel, Sequential, Skip
    >>> layers = (Dense(4, name="first"), Dense(8), Parallel((Sequential(()), Skip("first"))))
    >>> Network(layers).graph((2,)).result.shape
    (12,)
    """

    kind: ClassVar[str] = "skip"
    source: str

    def trace(self, trace: Trace, path: str, x: Value | None) -> Value:
        return trace.keep(path, trace.value(self.source))


@dataclass(frozen=True, repr=False)
class Join(Layer):
    """Several inputs become one: features side by side, sums, products, or means.

    Parameters
    ----------
    how : {"concat", "add", "multiply", "average"}
        ``concat`` joins the last axis.

    Examples
    --------
    >>> from unifml.layers import Join
    >>> Join("concat").output_shape((3,), (2,))
    (5,)
    """

    kind: ClassVar[str] = "join"
    masks: ClassVar[Masks] = "keep"
    how: How = "concat"

    def output_shape(self, *shapes: Shape) -> Shape:
        if self.how not in JOINS:
            raise UnknownNameError.among("join", self.how, JOINS)
        first = shapes[0]
        if self.how == "concat":
            same = all(shape[:-1] == first[:-1] and shape for shape in shapes)
            self.need(same, "inputs that are put side by side agree in all but their last axis")
            return (*first[:-1], sum(shape[-1] for shape in shapes))
        self.need(all(s == first for s in shapes), f"inputs of {self.how!r} have one shape")
        return first


def _projection(given: Shape, wanted: Shape, path: str) -> Layer:
    """Return the linear map from one shape to another."""
    rank = len(given) - 1
    if given[:-1] == wanted[:-1] and wanted and rank < 2:  # the same, and sequences may be ragged
        return Dense(wanted[-1])
    strides = tuple(-(-a // b) for a, b in zip(given[:-1], wanted[:-1], strict=False))
    reached = tuple(-(-a // s) for a, s in zip(given[:-1], strides, strict=False))
    if len(given) != len(wanted) or rank not in CONVOLUTIONS or reached != wanted[:-1]:
        raise ParameterError(
            f"layer {path!r}, Residual",
            found=f"{given} goes in and {wanted} comes out",
            rule="a projection changes the features, and the other axes by strides",
            fix='use padding="same" inside',
        )
    return CONVOLUTIONS[rank](wanted[-1], 1, strides=strides)

"""Which Keras variable holds which canonical weights, and in what layout."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.adapters.keras.building import flat
from unifml.adapters.keras.primitives_sequences import position_table
from unifml.layers import Graph, Node

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Binding:
    """One Keras variable, and the canonical weights that it holds: mostly one, as they are.

    Attributes
    ----------
    names : tuple of str
        Canonical names; none for a table that is always the same.
    variable : keras.Variable
        The variable.
    there, back : callable
        From the canonical arrays to Keras's one, and from Keras's to a tuple of them.
    """

    names: tuple[str, ...]
    variable: Any
    there: Callable[..., Array]
    back: Callable[[Array], tuple[Array, ...]]

    def to_keras(self, weights: Mapping[str, Array]) -> Array:
        """Return the value of the variable for canonical weights."""
        return self.there(*(np.asarray(weights[name]) for name in self.names))

    def to_canonical(self, value: Array) -> dict[str, Array]:
        """Return the canonical weights that a value of the variable stands for."""
        parts = self.back(np.asarray(value))
        return {n: np.array(part, order="C") for n, part in zip(self.names, parts, strict=True)}


def bindings(model: Any, graph: Graph) -> Iterator[Binding]:
    """Yield all variables of a model built from a graph, but those of `Standardize`.

    What no output depends on is not in a Keras model.
    """
    natives = {layer.name: layer for layer in model.layers}
    for node in graph.nodes:
        kind, native = node.layer.kind, natives.get(flat(node.name))
        kind = kind.rstrip("123d") if "conv" in kind else kind
        if kind in _KINDS and native is not None:
            for names, variable, there, back in _KINDS[kind](node, native):
                yield Binding(tuple(f"{node.name}.{n}" for n in names), variable, there, back)


Row = tuple[tuple[str, ...], Any, Callable[..., Array], Callable[[Array], tuple[Array, ...]]]


def _as_is(names: Mapping[str, str]) -> Callable[[Node, Any], Iterator[Row]]:
    """Bind weights by Keras's attribute, in one layout."""

    def rows(node: Node, native: Any) -> Iterator[Row]:
        for spec in node.weights:
            yield _same(spec.name, getattr(native, names[spec.name]))

    return rows


def _same(name: str, variable: Any) -> Row:
    return (name,), variable, lambda value: value, lambda value: (value,)


def _turned(name: str, variable: Any, there: Any, back: Any) -> Row:
    return (name,), variable, there, lambda value: (back(value),)


def _transposed(node: Node, native: Any) -> Iterator[Row]:
    """Keras's kernels of transposed convolutions are ``(*window, out, in)``."""

    def swap(value: Array) -> Array:
        return value.swapaxes(-1, -2)

    yield _turned("kernel", native.kernel, swap, swap)
    if node.layer.bias:  # type: ignore[attr-defined]
        yield _same("bias", native.bias)


def _attention(node: Node, native: Any) -> Iterator[Row]:
    """Keras keeps the heads on an axis of their own."""
    for spec in node.weights:
        part, _, what = spec.name.partition("_")
        variable = getattr(getattr(native, f"{part}_dense"), what)
        theirs, ours = tuple(variable.shape), spec.shape
        yield _turned(
            spec.name,
            variable,
            lambda value, shape=theirs: value.reshape(shape),
            lambda value, shape=ours: value.reshape(shape),
        )


def _recurrent(node: Node, native: Any) -> Iterator[Row]:
    ways = {"": native}
    if node.layer.bidirectional:  # type: ignore[attr-defined]
        ways = {"forward_": native.forward_layer, "backward_": native.backward_layer}
    for way, layer in ways.items():
        one_way = _gru if node.layer.kind == "gru" else _one_way
        yield from one_way(way, layer.cell)


def _one_way(way: str, cell: Any) -> Iterator[Row]:
    yield _same(f"{way}kernel", cell.kernel)
    yield _same(f"{way}recurrent", cell.recurrent_kernel)
    yield _same(f"{way}bias", cell.bias)


def _gru(way: str, cell: Any) -> Iterator[Row]:
    """Keras's gates are z, r, n; and both biases are one variable."""
    yield _turned(f"{way}kernel", cell.kernel, _other_gates, _other_gates)
    yield _turned(f"{way}recurrent", cell.recurrent_kernel, _other_gates, _other_gates)

    def there(bias: Array, recurrent: Array) -> Array:
        return _other_gates(np.stack([bias, recurrent]))

    def back(value: Array) -> tuple[Array, ...]:
        return tuple(_other_gates(value))

    yield (f"{way}bias", f"{way}recurrent_bias"), cell.bias, there, back


def _other_gates(value: Array) -> Array:
    """Swap the first two of three gates."""
    first, second, third = np.split(value, 3, axis=-1)
    return np.concatenate([second, first, third], axis=-1)


def _sinusoids(node: Node, native: Any) -> Iterator[Row]:
    yield (), native.embeddings, lambda: position_table(node), lambda value: ()


_NORM = {"scale": "gamma", "offset": "beta"}
_KINDS: dict[str, Callable[[Node, Any], Iterator[Row]]] = {
    "dense": _as_is({"kernel": "kernel", "bias": "bias"}),
    "feature_dense": _as_is({"kernel": "kernel", "bias": "bias"}),
    "batch_norm": _as_is(_NORM | {"mean": "moving_mean", "variance": "moving_variance"}),
    "layer_norm": _as_is(_NORM),
    "group_norm": _as_is(_NORM),
    "rms_norm": _as_is({"scale": "scale"}),
    "embedding": _as_is({"table": "embeddings"}),
    "learned_positions": _as_is({"table": "embeddings"}),
    "sinusoidal_positions": _sinusoids,
    "learned_activation": _as_is({"strength": "kernel"}),
    "periodic": _as_is({"frequency": "kernel"}),
    "piecewise": _as_is({"slope": "kernel", "shift": "bias"}),
    "conv": _as_is({"kernel": "kernel", "bias": "bias"}),
    "depthwise_conv": _as_is({"kernel": "kernel", "bias": "bias"}),
    "conv_transpose": _transposed,
    "lstm": _recurrent,
    "gru": _recurrent,
    "simple_rnn": _recurrent,
    "attention": _attention,
}

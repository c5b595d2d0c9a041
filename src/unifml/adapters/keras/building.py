"""What the builders of primitives are handed, and the words of Keras that they share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

from unifml.core.adapter import Weights
from unifml.layers import Node


@dataclass(frozen=True)
class Site:
    """One primitive under construction.

    Attributes
    ----------
    node : Node
        The primitive and where it stands.
    dtype : str
        Dtype of its weights and values.
    seed : int
        Seed of its dropout and initialisers, so that nothing draws from global generators.
    exact : bool
        Whether it is for a program, which is never saved, and exact in float64 too.
    weights : mapping
        Canonical weights that will be written, for layers that are made differently for some.
    mask : callable
        ``mask(source)``: which steps (n, T) are no padding.
    policy : str or None
        Keras's policy of dtypes, where values have other bits than weights.
    """

    node: Node
    dtype: str
    seed: int
    exact: bool
    weights: Weights
    mask: Callable[[str], Any]
    policy: str | None = None

    @property
    def name(self) -> str:
        """Keras's name of the layer."""
        return flat(self.node.name)

    @property
    def layer(self) -> Any:
        """The primitive itself."""
        return self.node.layer

    @property
    def common(self) -> dict[str, Any]:
        """The arguments that all layers take."""
        return {"name": self.name, "dtype": self.policy or self.dtype}

    @property
    def start(self) -> dict[str, Any]:
        """The initialiser of each weight, by the canonical short name."""
        return {spec.name: initializer(spec.initial, self.seed) for spec in self.node.weights}


Builder = Callable[[Site, tuple[Any, ...]], Any]


def flat(path: str) -> str:
    """Return Keras's name for a full name of ours."""
    return path.replace(".", "_")


def named(value: Any, name: str) -> Any:
    """Name the operation that made a value, as ``summary()`` shows it and files keep it."""
    value._keras_history.operation.name = name
    return value


def initializer(initial: str, seed: int) -> Any:
    """Return Keras's initialiser, with a seed of its own."""
    kind, _, number = initial.partition(":")
    if kind == "normal":
        return keras.initializers.RandomNormal(0.0, float(number), seed=seed)
    if kind in _INITIALIZERS:
        return getattr(keras.initializers, _INITIALIZERS[kind])(seed=seed)
    return "zeros" if kind == "forget_ones" else kind  # the LSTM adds the ones by itself


_INITIALIZERS = {
    "glorot_uniform": "GlorotUniform",
    "he_normal": "HeNormal",
    "orthogonal": "Orthogonal",
}

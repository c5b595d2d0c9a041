"""The layers of the toy backend: forward, and backward by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import erf
from typing import Any

import numpy as np

from unifml.layers import BatchNorm, Dense, Layer, LayerNorm
from unifml.layers.activation import LEAKY_SLOPE

Array = Any  # a NumPy array of floats
Arrays = Mapping[str, Array]
Back = Callable[[Array], tuple[Array, dict[str, Array]]]
"""Gradient of the output -> gradient of the input, and those of the weights by name."""


def forward(layer: Layer, x: Array, weights: Arrays, training: bool) -> tuple[Array, Back]:
    """Return a layer's output, and the function that walks back through it."""
    if isinstance(layer, Dense):
        return _dense(x, weights)
    if isinstance(layer, BatchNorm):
        return _batch_norm(layer, x, weights, training)
    if isinstance(layer, LayerNorm):
        return _layer_norm(layer, x, weights)
    if getattr(layer, "function", "") == "softmax":
        return _softmax(x)
    function, slope = _ACTIVATIONS[getattr(layer, "function", "identity")]
    return function(x), lambda g: (g * slope(x), {})


def _dense(x: Array, weights: Arrays) -> tuple[Array, Back]:
    def back(g: Array) -> tuple[Array, dict[str, Array]]:
        gradients = {"kernel": x.T @ g, "bias": g.sum(axis=0)}
        return g @ weights["kernel"].T, {name: gradients[name] for name in weights}

    return x @ weights["kernel"] + weights.get("bias", 0), back


def _batch_norm(layer: BatchNorm, x: Array, weights: Arrays, training: bool) -> tuple[Array, Back]:
    if not training:
        scale = weights["scale"] / np.sqrt(weights["variance"] + layer.epsilon)
        return (x - weights["mean"]) * scale + weights["offset"], lambda g: (g * scale, {})
    before = tuple(range(x.ndim - 1))  # all but the features
    for name, now in (("mean", x.mean(axis=before)), ("variance", x.var(axis=before))):
        weights[name][...] = layer.momentum * weights[name] + (1 - layer.momentum) * now
    return _normalise(x, weights, layer.epsilon, before)


def _layer_norm(layer: LayerNorm, x: Array, weights: Arrays) -> tuple[Array, Back]:
    return _normalise(x, weights, layer.epsilon, (-1,))


def _normalise(
    x: Array, weights: Arrays, epsilon: float, axis: tuple[int, ...]
) -> tuple[Array, Back]:
    deviation = np.sqrt(x.var(axis=axis, keepdims=True) + epsilon)
    z = (x - x.mean(axis=axis, keepdims=True)) / deviation

    def back(g: Array) -> tuple[Array, dict[str, Array]]:
        inner = g * weights["scale"]
        along = inner.mean(axis=axis, keepdims=True) + z * (inner * z).mean(
            axis=axis, keepdims=True
        )
        return (inner - along) / deviation, {
            "scale": (g * z).reshape(-1, x.shape[-1]).sum(0),
            "offset": g.reshape(-1, x.shape[-1]).sum(0),
        }

    return z * weights["scale"] + weights["offset"], back


def _softmax(x: Array) -> tuple[Array, Back]:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    shares = powers / powers.sum(axis=-1, keepdims=True)
    return shares, lambda g: (shares * (g - (g * shares).sum(axis=-1, keepdims=True)), {})


def _sigmoid(x: Array) -> Array:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def _softplus(x: Array) -> Array:
    return np.logaddexp(0, x).astype(x.dtype)


def _mish_slope(x: Array) -> Array:
    bent = np.tanh(_softplus(x))
    return bent + x * _sigmoid(x) * (1 - bent * bent)


_SELU, _SELU_LOW = 1.0507009873554805, 1.6732632423543772


def _normal(x: Array) -> Array:
    return np.array([0.5 * (1.0 + erf(v / 2**0.5)) for v in x.flat], x.dtype).reshape(x.shape)


def _bell(x: Array) -> Array:
    return np.exp(-0.5 * x * x) / (2 * np.pi) ** 0.5


_ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "identity": (lambda x: x, np.ones_like),
    "relu": (lambda x: np.maximum(x, 0), lambda x: (x > 0).astype(x.dtype)),
    "leaky_relu": (
        lambda x: np.where(x > 0, x, LEAKY_SLOPE * x),
        lambda x: np.where(x > 0, 1, LEAKY_SLOPE).astype(x.dtype),
    ),
    "elu": (lambda x: np.where(x > 0, x, np.expm1(x)), lambda x: np.exp(np.minimum(x, 0))),
    "gelu": (lambda x: x * _normal(x), lambda x: _normal(x) + x * _bell(x)),
    "silu": (
        lambda x: x * _sigmoid(x),
        lambda x: _sigmoid(x) * (1 + x * (1 - _sigmoid(x))),
    ),
    "mish": (lambda x: x * np.tanh(_softplus(x)), _mish_slope),
    "softplus": (_softplus, _sigmoid),
    "selu": (
        lambda x: _SELU * np.where(x > 0, x, _SELU_LOW * np.expm1(x)),
        lambda x: _SELU * np.where(x > 0, 1, _SELU_LOW * np.exp(np.minimum(x, 0))),
    ),
    "relu6": (lambda x: np.clip(x, 0, 6), lambda x: ((x > 0) & (x < 6)).astype(x.dtype)),
    "hard_sigmoid": (
        lambda x: np.clip(x + 3, 0, 6) / 6,
        lambda x: ((x > -3) & (x < 3)).astype(x.dtype) / 6,
    ),
    "hard_silu": (
        lambda x: x * np.clip(x + 3, 0, 6) / 6,
        lambda x: np.where(x < -3, 0, np.where(x > 3, 1, (2 * x + 3) / 6)).astype(x.dtype),
    ),
    "hard_tanh": (lambda x: np.clip(x, -1, 1), lambda x: (np.abs(x) < 1).astype(x.dtype)),
    "smooth_clip": (
        lambda x: x / np.sqrt(1 + (x / 3) ** 2),
        lambda x: (1 + (x / 3) ** 2) ** -1.5,
    ),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "sigmoid": (_sigmoid, lambda x: _sigmoid(x) * (1 - _sigmoid(x))),
}

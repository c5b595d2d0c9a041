"""A network's spec and canonical weights -> ONNX nodes: the same, whichever backend trained it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.adapter import Weights
from unifml.errors import CapabilityError
from unifml.export.graph import Graph
from unifml.layers import Activation, BatchNorm, Dense, Layer, LayerNorm, Network
from unifml.layers.activation import LEAKY_SLOPE
from unifml.layers.base import Shape

Own = dict[str, npt.NDArray[Any]]
Rule = Callable[[Graph, str, str, Any, Own, Shape], str]

_EXACT = 1e-8  # share of a standard deviation by which a mean may be rounded


def emit(graph: Graph, x: str, network: Network, weights: Weights, shape: Shape) -> str:
    """Write a network in inference mode, in float32.

    Parameters
    ----------
    graph : Graph
        Receives the nodes.
    x : str
        Name of the input: float32, rows of `shape`.
    network : Network
        The network.
    weights : dict of str to array
        Its canonical weights.
    shape : tuple of int
        Shape of one row.

    Returns
    -------
    str
        Name of the raw outputs.

    Raises
    ------
    CapabilityError
        For a kind of layer without a rule here.
    """
    for name, layer, inner in network.walk(shape):
        own = {
            spec.name: np.asarray(weights[f"{name}.{spec.name}"]) for spec in layer.weights(inner)
        }
        x = _rule(layer)(graph, x, name, layer, own, inner)
    return x


def _rule(layer: Layer) -> Rule:
    if layer.kind not in RULES:
        raise CapabilityError(
            f"exporting layer {layer!r} to ONNX",
            rule=f"kinds that can be written: {', '.join(sorted(RULES))}",
        )
    return RULES[layer.kind]


def _standardize(g: Graph, x: str, name: str, layer: Layer, own: Own, shape: Shape) -> str:
    """Subtract in float32, twice where one float32 cannot hold the mean, and divide."""
    mean, scale = own["mean"].astype(np.float64), own["scale"].astype(np.float64)
    rest = mean - mean.astype(np.float32)
    x = g.op("Sub", x, g.constant(f"{name}.mean", mean), name=f"{name}.centred")
    if np.any(np.abs(rest) > _EXACT * scale):
        x = g.op("Sub", x, g.constant(f"{name}.mean_rest", rest), name=f"{name}.centred_rest")
    return g.op("Div", x, g.constant(f"{name}.scale", scale), name=name)


def _dense(g: Graph, x: str, name: str, layer: Dense, own: Own, shape: Shape) -> str:
    kernel = g.constant(f"{name}.kernel", own["kernel"])
    bias = [g.constant(f"{name}.bias", own["bias"])] if layer.bias else []
    if len(shape) == 1:
        return g.op("Gemm", x, kernel, *bias, name=name)
    x = g.op("MatMul", x, kernel, name=f"{name}.product")
    return g.op("Add", x, *bias, name=name) if bias else x


def _activation(g: Graph, x: str, name: str, layer: Activation, own: Own, shape: Shape) -> str:
    return ACTIVATION_RULES[layer.function](g, x, name)


def _batch_norm(g: Graph, x: str, name: str, layer: BatchNorm, own: Own, shape: Shape) -> str:
    """Work on the last axis at any rank; ONNX's own operator wants features second."""
    wide = {key: value.astype(np.float64) for key, value in own.items()}
    factor = wide["scale"] / np.sqrt(wide["variance"] + layer.epsilon)
    x = g.op("Sub", x, g.constant(f"{name}.mean", wide["mean"]), name=f"{name}.centred")
    x = g.op("Mul", x, g.constant(f"{name}.factor", factor), name=f"{name}.scaled")
    return g.op("Add", x, g.constant(f"{name}.offset", wide["offset"]), name=name)


def _layer_norm(g: Graph, x: str, name: str, layer: LayerNorm, own: Own, shape: Shape) -> str:
    scale, offset = (g.constant(f"{name}.{key}", own[key]) for key in ("scale", "offset"))
    return g.op(
        "LayerNormalization", x, scale, offset, name=name, axis=-1, epsilon=float(layer.epsilon)
    )


def _dropout(g: Graph, x: str, name: str, layer: Layer, own: Own, shape: Shape) -> str:
    return x


def _gelu(g: Graph, x: str, name: str) -> str:
    """Write x * (1 + erf(x / sqrt 2)) / 2."""
    inner = g.op("Div", x, g.constant(f"{name}.root", math.sqrt(2.0)), name=f"{name}.scaled")
    erf = g.op("Erf", inner, name=f"{name}.erf")
    one = g.op("Add", erf, g.constant(f"{name}.one", 1.0), name=f"{name}.shifted")
    half = g.op("Mul", x, g.constant(f"{name}.half", 0.5), name=f"{name}.halved")
    return g.op("Mul", half, one, name=name)


RULES: dict[str, Rule] = {
    "standardize": _standardize,
    "dense": _dense,
    "activation": _activation,
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "dropout": _dropout,
}

ACTIVATION_RULES: dict[str, Callable[[Graph, str, str], str]] = {
    "identity": lambda g, x, name: x,
    "relu": lambda g, x, name: g.op("Relu", x, name=name),
    "leaky_relu": lambda g, x, name: g.op("LeakyRelu", x, name=name, alpha=LEAKY_SLOPE),
    "elu": lambda g, x, name: g.op("Elu", x, name=name, alpha=1.0),
    "gelu": _gelu,
    "silu": lambda g, x, name: g.op("Mul", x, g.op("Sigmoid", x, name=f"{name}.gate"), name=name),
    "tanh": lambda g, x, name: g.op("Tanh", x, name=name),
    "sigmoid": lambda g, x, name: g.op("Sigmoid", x, name=name),
}

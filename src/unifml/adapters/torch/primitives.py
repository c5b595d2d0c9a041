"""Layers that look at one place at a time, and those that only move values."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from unifml.adapters.torch.weaving import Builder, Weaver, Wire
from unifml.layers import Node
from unifml.layers.activation import FAR, LEAKY_SLOPE

_BATCH_NORMS = {1: nn.BatchNorm1d, 2: nn.BatchNorm1d, 3: nn.BatchNorm2d, 4: nn.BatchNorm3d}
_DROPOUTS = {2: nn.Dropout1d, 3: nn.Dropout2d, 4: nn.Dropout3d}


def _dense(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    # skip_init: the weights come from NumPy, and torch's generators stay untouched.
    layer: Any = node.layer
    features = node.shapes[0][-1]
    linear = nn.utils.skip_init(nn.Linear, features, layer.units, bias=layer.bias)
    return w.module(node.name, linear, *x)


def _feature_dense(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    layer: Any = node.layer
    kernel = nn.Parameter(torch.empty(*node.shapes[0], layer.units))
    y = w.call(torch.einsum, "nfi,fio->nfo", x[0], w.tensor(f"{node.name}.kernel", kernel))
    if not layer.bias:
        return y
    return w.call(
        torch.add, y, w.tensor(f"{node.name}.bias", nn.Parameter(torch.empty(node.shape)))
    )


def _activation(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    layer: Any = node.layer
    if layer.function == "softmax" and w.features_first(node) and len(node.shape) > 1:
        return w.module(node.name, nn.Softmax(dim=1), *x)
    return _apply(w, node.name, layer.function, x[0])


def _learned_activation(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    layer: Any = node.layer
    bent = _apply(w, f"{node.name}.function", layer.function, x[0])
    strength = nn.Parameter(torch.empty(node.shape[-1]))
    return w.call(torch.lerp, x[0], bent, w.tensor(f"{node.name}.strength", strength))


def _apply(w: Weaver, path: str, function: str, x: Wire) -> Wire:
    """Add an activation: torch's module, or what it is made of where torch has none."""
    if function != "smooth_clip":
        return w.module(path, _ACTIVATIONS[function](), x)
    near = w.call(torch.clamp, x, -FAR, FAR)  # its square is finite
    square = w.call(torch.div, w.call(torch.square, near), 9.0)
    return w.call(torch.div, near, w.call(torch.sqrt, w.call(torch.add, square, 1.0)))


def _dropout(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    layer: Any = node.layer
    return w.module(node.name, nn.Dropout(layer.rate), *x)


def _spatial_dropout(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    layer: Any = node.layer
    return w.module(node.name, _DROPOUTS[len(node.shape)](layer.rate), *x)


def _batch_norm(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    layer: Any = node.layer
    kind = _BATCH_NORMS[len(node.shape)]
    norm = kind(node.shape[-1], eps=layer.epsilon, momentum=round(1.0 - layer.momentum, 12))
    return w.module(node.name, norm, *x)


def _standardize(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    # Buffers, not a BatchNorm: they stay what they are when the module is trained elsewhere.
    mean, scale = (
        w.tensor(f"{node.name}.{part}", torch.empty(node.shape[-1])) for part in ("mean", "scale")
    )
    return w.call(torch.div, w.call(torch.sub, x[0], mean), scale)


def _layer_norm(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    layer: Any = node.layer
    return w.module(node.name, nn.LayerNorm(node.shape[-1], eps=layer.epsilon), *x)


def _rms_norm(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    layer: Any = node.layer
    return w.module(node.name, nn.RMSNorm(node.shape[-1], eps=layer.epsilon), *x)


def _group_norm(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    layer: Any = node.layer
    norm = nn.GroupNorm(layer.groups, node.shape[-1], eps=layer.epsilon)
    # torch 2.13 crashes on its way back from channels-last rows that need no gradient themselves.
    rows = w.method("contiguous", *x) if len(node.shape) > 2 else x[0]
    return w.module(node.name, norm, rows)


def _flatten(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    return w.module(node.name, nn.Flatten(), *x)


def _reshape(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    return w.call(torch.reshape, x[0], (-1, *node.shape))


def _permute(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    layer: Any = node.layer
    return w.method("permute", x[0], 0, *(axis + 1 for axis in layer.axes))


def _columns(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    layer: Any = node.layer
    indices = w.tensor(f"{node.name}.indices", torch.tensor(layer.indices))
    return w.call(torch.index_select, x[0], -1, indices)


def _join(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    layer: Any = node.layer
    if layer.how == "concat":
        axis = 1 if w.features_first(node) and len(node.shape) > 1 else -1
        return w.call(torch.cat, list(x), axis)
    function = torch.mul if layer.how == "multiply" else torch.add
    y = x[0]
    for other in x[1:]:
        y = w.call(function, y, other)
    return w.call(torch.div, y, len(x)) if layer.how == "average" else y


def _periodic(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    features, values = node.shape
    frequency = nn.Parameter(torch.empty(features, values // 2))
    turns = w.call(
        torch.mul, w.method("unsqueeze", x[0], -1), w.tensor(f"{node.name}.frequency", frequency)
    )
    angles = w.call(torch.mul, turns, 2 * math.pi)
    return w.call(torch.cat, [w.call(torch.sin, angles), w.call(torch.cos, angles)], -1)


def _piecewise(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    slope = w.tensor(f"{node.name}.slope", torch.empty(node.shape))
    shift = w.tensor(f"{node.name}.shift", torch.empty(node.shape))
    risen = w.call(torch.mul, w.method("unsqueeze", x[0], -1), slope)
    z = w.call(torch.add, risen, shift)
    bins = node.shape[-1]
    if bins == 1:
        return z
    first = w.call(torch.clamp, w.call(torch.narrow, z, -1, 0, 1), max=1.0)
    middle = w.call(torch.clamp, w.call(torch.narrow, z, -1, 1, bins - 2), min=0.0, max=1.0)
    end = w.call(torch.clamp, w.call(torch.narrow, z, -1, bins - 1, 1), min=0.0)
    return w.call(torch.cat, [first, middle, end], -1)


_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "identity": nn.Identity,
    "relu": nn.ReLU,
    "leaky_relu": lambda: nn.LeakyReLU(LEAKY_SLOPE),
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softmax": lambda: nn.Softmax(dim=-1),
    "mish": nn.Mish,
    "softplus": nn.Softplus,
    "selu": nn.SELU,
    "relu6": nn.ReLU6,
    "hard_sigmoid": nn.Hardsigmoid,
    "hard_silu": nn.Hardswish,
    "hard_tanh": nn.Hardtanh,
}

BUILDERS: dict[str, tuple[str, Builder]] = {
    "dense": ("last", _dense),
    "feature_dense": ("last", _feature_dense),
    "activation": ("any", _activation),
    "learned_activation": ("last", _learned_activation),
    "dropout": ("any", _dropout),
    "spatial_dropout": ("first", _spatial_dropout),
    "batch_norm": ("first", _batch_norm),
    "standardize": ("last", _standardize),
    "layer_norm": ("last", _layer_norm),
    "rms_norm": ("last", _rms_norm),
    "group_norm": ("first", _group_norm),
    "flatten": ("last", _flatten),
    "reshape": ("last", _reshape),
    "permute": ("last", _permute),
    "columns": ("last", _columns),
    "join": ("any", _join),
    "periodic": ("last", _periodic),
    "piecewise": ("last", _piecewise),
}

"""Layers that slide a window, on features that stand second."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from unifml.adapters.torch.weaving import Builder, Weaver, Wire
from unifml.layers import Node
from unifml.layers.windows import pads, sides

_CONVS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
_TRANSPOSED = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
_POOLS: dict[str, Any] = {
    "max_pool": {1: nn.MaxPool1d, 2: nn.MaxPool2d, 3: nn.MaxPool3d},
    "avg_pool": {1: nn.AvgPool1d, 2: nn.AvgPool2d, 3: nn.AvgPool3d},
}
Pads = list[tuple[int, int]]


def _conv(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    layer: Any = node.layer
    rank = layer.rank
    window, steps, apart = (
        sides(s, rank) for s in (layer.kernel_size, layer.strides, getattr(layer, "dilation", 1))
    )
    edges = _edges(layer.padding, node.shapes[0][:-1], window, steps, apart)
    features = node.shapes[0][-1]
    groups = getattr(layer, "groups", features)
    inside = all(before == after for before, after in edges)
    module = nn.utils.skip_init(
        _CONVS[rank],
        features,
        node.shape[-1],
        window,
        stride=steps,
        padding=tuple(before for before, _ in edges) if inside else 0,
        dilation=apart,
        groups=groups,
        bias=layer.bias,
    )
    return w.module(node.name, module, *x if inside else (_padded(w, x[0], edges),))


def _edges(padding: str, shape: Any, window: Any, steps: Any, apart: Any) -> Pads:
    if padding == "valid":
        return [(0, 0)] * len(shape)
    if padding == "causal":
        return [(d * (k - 1), 0) for k, d in zip(window, apart, strict=True)]
    return [pads(*axis) for axis in zip(shape, window, steps, apart, strict=True)]


def _padded(w: Weaver, x: Wire, edges: Pads, value: float = 0.0) -> Wire:
    flat = [side for pair in reversed(edges) for side in pair]  # torch begins with the last axis
    return w.call(functional.pad, x, flat, value=value)


def _conv_transpose(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    layer: Any = node.layer
    rank = layer.rank
    window, steps = sides(layer.kernel_size, rank), sides(layer.strides, rank)
    module = nn.utils.skip_init(
        _TRANSPOSED[rank],
        node.shapes[0][-1],
        layer.filters,
        window,
        stride=steps,
        output_padding=tuple(max(s - k, 0) for k, s in zip(window, steps, strict=True)),
        bias=layer.bias,
    )
    y = w.module(node.name, module, *x)
    spare = [max(k - s, 0) for k, s in zip(window, steps, strict=True)]
    if layer.padding == "valid" or not any(spare):
        return y
    return _padded(w, y, [(-(n // 2), -(n - n // 2)) for n in spare])


def _pool(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    layer: Any = node.layer
    rank = len(node.shape) - 1
    window, steps = sides(layer.size, rank), sides(layer.steps, rank)
    edges = _edges(layer.padding, node.shapes[0][:-1], window, steps, (1,) * rank)
    kind = _POOLS[layer.kind][rank]
    pool = kind(window, stride=steps)
    if not any(map(any, edges)):
        return w.module(node.name, pool, *x)
    if layer.kind == "max_pool":
        return w.module(node.name, pool, _padded(w, x[0], edges, -float("inf")))
    # What is padded does not count: divide by the share of each window that is there.
    there = w.call(torch.ones_like, x[0])
    means, shares = (w.module(node.name, pool, _padded(w, wire, edges)) for wire in (x[0], there))
    return w.call(torch.div, means, shares)


def _upsample(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    layer: Any = node.layer
    times = tuple(float(size) for size in sides(layer.size, len(node.shape) - 1))
    options: dict[str, Any] = {"mode": "nearest"}
    if layer.interpolation == "bilinear":
        options = {"mode": "bilinear", "align_corners": False}
    return w.module(node.name, nn.Upsample(scale_factor=times, **options), *x)


def _global_avg(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    source = node.inputs[0].mask
    if source is None:
        return w.call(torch.mean, x[0], _places(node))
    there = w.method("unsqueeze", w.mask(source), 1)
    total = w.call(torch.sum, w.call(torch.mul, x[0], there), -1)
    return w.call(torch.div, total, w.method("unsqueeze", w.lengths(source), 1))


def _global_max(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    source = node.inputs[0].mask
    if source is None:
        return w.call(torch.amax, x[0], _places(node))
    there = w.method("unsqueeze", w.mask(source), 1)
    return w.call(torch.amax, w.call(torch.where, there, x[0], -float("inf")), (-1,))


def _places(node: Node) -> tuple[int, ...]:
    return tuple(range(2, len(node.shapes[0]) + 1))


BUILDERS: dict[str, tuple[str, Builder]] = {
    **{f"conv{rank}d": ("first", _conv) for rank in (1, 2, 3)},
    **{f"depthwise_conv{rank}d": ("first", _conv) for rank in (1, 2)},
    **{f"conv_transpose{rank}d": ("first", _conv_transpose) for rank in (1, 2, 3)},
    "max_pool": ("first", _pool),
    "avg_pool": ("first", _pool),
    "upsample": ("first", _upsample),
    "global_avg_pool": ("first", _global_avg),
    "global_max_pool": ("first", _global_max),
}

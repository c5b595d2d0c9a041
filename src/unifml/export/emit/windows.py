"""Windows that slide: convolutions, poolings, and their ways back. Features come first here."""

from __future__ import annotations

from typing import Any

import numpy as np

from unifml.export.emit.step import Held, Rule, Step
from unifml.layers.windows import Size, pads, sides


def _conv(s: Step) -> Held:
    """Turn the kernel from (*window, in, out) to (out, in, *window)."""
    axes = s.rank - 1
    kernel = s.own["kernel"].transpose(axes + 1, axes, *range(axes))
    window = _window(s, s.layer.kernel_size, s.layer.strides, s.layer.dilation, s.layer.padding)
    dilation = list(sides(s.layer.dilation, axes))
    return _convolve(s, "Conv", kernel, **window, dilations=dilation, group=int(s.layer.groups))


def _depthwise(s: Step) -> Held:
    """Turn the kernel from (*window, in, multiplier) to (in * multiplier, 1, *window)."""
    axes, kernel = s.rank - 1, s.own["kernel"]
    turned = kernel.transpose(axes, axes + 1, *range(axes)).reshape(-1, 1, *kernel.shape[:axes])
    window = _window(s, s.layer.kernel_size, s.layer.strides, 1, s.layer.padding)
    return _convolve(s, "Conv", turned, **window, group=kernel.shape[axes])


def _transposed(s: Step) -> Held:
    """Turn the kernel from (*window, in, out) to (in, out, *window).

    Where windows are shorter than their distance, places that no window covers stand at the end.
    """
    axes = s.rank - 1
    kernel = s.own["kernel"].transpose(axes, axes + 1, *range(axes))
    shape = (sides(s.layer.kernel_size, axes), sides(s.layer.strides, axes))
    cut = [(0, 0)] * axes
    if s.layer.padding == "same":
        cut = [pads(n, k, d) for n, k, d in zip(s.node.shape, *shape, strict=False)]
    settings = {
        "kernel_shape": list(shape[0]),
        "strides": list(shape[1]),
        "pads": [*(before for before, _ in cut), *(after for _, after in cut)],
        "output_padding": [max(d - k, 0) for k, d in zip(*shape, strict=True)],
    }
    return _convolve(s, "ConvTranspose", kernel, **settings)


def _max_pool(s: Step) -> Held:
    window = _window(s, s.layer.size, s.layer.steps, 1, s.layer.padding)
    return Held(s.op("MaxPool", s.as_first(0), **window), first=True)


def _avg_pool(s: Step) -> Held:
    window = _window(s, s.layer.size, s.layer.steps, 1, s.layer.padding)
    return Held(s.op("AveragePool", s.as_first(0), **window, count_include_pad=0), first=True)


def _upsample(s: Step) -> Held:
    scales = s.constant("scales", [1, 1, *sides(s.layer.size, s.rank - 1)])
    linear = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    nearest = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    how = linear if s.layer.interpolation == "bilinear" else nearest | {"mode": "nearest"}
    return Held(s.op("Resize", s.as_first(0), "", scales, **how), first=True)


def _convolve(s: Step, kind: str, kernel: np.ndarray[Any, Any], **settings: Any) -> Held:
    weights = [s.constant("kernel", kernel)] + ([s.weight("bias")] if s.layer.bias else [])
    return Held(s.op(kind, s.as_first(0), *weights, **settings), first=True)


def _window(s: Step, size: Size, strides: Size, dilation: Size, padding: str) -> dict[str, Any]:
    """Return a window in ONNX's words, its padding told axis by axis."""
    axes = s.rank - 1
    window, steps, gaps = sides(size, axes), sides(strides, axes), sides(dilation, axes)
    both = [(0, 0)] * axes
    if padding == "causal":
        both = [(gaps[0] * (window[0] - 1), 0)]
    elif padding == "same":
        shape = s.node.inputs[0].shape
        both = [pads(*axis) for axis in zip(shape, window, steps, gaps, strict=False)]
    return {
        "kernel_shape": list(window),
        "strides": list(steps),
        "pads": [*(before for before, _ in both), *(after for _, after in both)],
    }


RULES: dict[str, Rule] = {
    **{f"conv{rank}d": _conv for rank in (1, 2, 3)},
    **{f"depthwise_conv{rank}d": _depthwise for rank in (1, 2)},
    **{f"conv_transpose{rank}d": _transposed for rank in (1, 2, 3)},
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
    "upsample": _upsample,
}

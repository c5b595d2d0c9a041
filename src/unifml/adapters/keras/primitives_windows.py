"""Layers that slide a window over one to three axes."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from unifml.adapters.keras.building import Builder, Site, named
from unifml.layers.windows import pads, sides


def _conv(site: Site, x: tuple[Any, ...]) -> Any:
    layer = site.layer
    kind = getattr(keras.layers, f"Conv{layer.rank}D")
    if site.exact and layer.groups > 1:
        kind = _by_group(kind)
    return kind(
        layer.filters, layer.kernel_size, strides=layer.strides, padding=layer.padding,
        dilation_rate=layer.dilation, groups=layer.groups, use_bias=layer.bias,
        kernel_initializer=site.start["kernel"], **site.common,
    )(x[0])  # fmt: skip


def _by_group(kind: Any) -> Any:
    """Return a convolution that computes its groups one by one.

    TensorFlow on the CPU has no other grouped convolution than XLA's: 20 times slower in training.
    """

    class ByGroup(kind):
        def convolution_op(self, inputs: Any, kernel: Any) -> Any:
            one = super().convolution_op
            parts = (ops.split(whole, self.groups, axis=-1) for whole in (inputs, kernel))
            return ops.concatenate([one(*pair) for pair in zip(*parts, strict=True)], axis=-1)

    return ByGroup


def _depthwise(site: Site, x: tuple[Any, ...]) -> Any:
    layer = site.layer
    return getattr(keras.layers, f"DepthwiseConv{layer.rank}D")(
        layer.kernel_size, strides=layer.strides, padding=layer.padding,
        depth_multiplier=layer.multiplier, use_bias=layer.bias,
        depthwise_initializer=site.start["kernel"], **site.common,
    )(x[0])  # fmt: skip


def _conv_transpose(site: Site, x: tuple[Any, ...]) -> Any:
    layer = site.layer
    return getattr(keras.layers, f"Conv{layer.rank}DTranspose")(
        layer.filters, layer.kernel_size, strides=layer.strides, padding=layer.padding,
        use_bias=layer.bias, kernel_initializer=site.start["kernel"], **site.common,
    )(x[0])  # fmt: skip


def _pool(site: Site, x: tuple[Any, ...]) -> Any:
    layer, rank = site.layer, len(site.node.shape) - 1
    if layer.kind == "avg_pool" and keras.backend.backend() == "torch" and _edges(site):
        return _avg_pool_by_shares(site, x[0])
    if rank == 3 and site.dtype == "float64":
        return _pool_in_two(site, x[0])
    kind = {"max_pool": "MaxPooling", "avg_pool": "AveragePooling"}[layer.kind]
    pool = getattr(keras.layers, f"{kind}{rank}D")
    return pool(layer.size, strides=layer.steps, padding=layer.padding, **site.common)(x[0])


def _pool_in_two(site: Site, x: Any) -> Any:
    """Pool volumes over height and width, then over depth: TensorFlow has no float64 for all."""
    layer, (depth, high, wide, features) = site.layer, site.node.shapes[0]
    size, steps = sides(layer.size, 3), sides(layer.steps, 3)
    pool = {"max_pool": ops.max_pool, "avg_pool": ops.average_pool}[layer.kind]
    x = ops.reshape(x, (-1, high, wide, features))
    x = pool(x, size[1:], steps[1:], layer.padding)
    x = ops.reshape(x, (-1, depth, math.prod(site.node.shape[1:])))
    x = pool(x, size[:1], steps[:1], layer.padding)
    return named(ops.reshape(x, (-1, *site.node.shape)), site.name)


def _avg_pool_by_shares(site: Site, x: Any) -> Any:
    """Divide by the share of each window that is there: Keras on torch counts what is padded."""
    size, steps = site.layer.size, site.layer.steps
    there = ops.ones_like(x[:1, ...])
    padded = (ops.pad(value, ((0, 0), *_edges(site), (0, 0))) for value in (x, there))
    means, shares = (ops.average_pool(value, size, steps, "valid") for value in padded)
    return named(ops.divide(means, shares), site.name)


def _edges(site: Site) -> tuple[tuple[int, int], ...]:
    """Return what "same" padding adds to each axis; nothing if it adds nothing."""
    layer, places = site.layer, site.node.shapes[0][:-1]
    if layer.padding == "valid":
        return ()
    axes = zip(places, *(sides(s, len(places)) for s in (layer.size, layer.steps)), strict=True)
    edges = tuple(pads(*axis) for axis in axes)
    return edges if any(map(any, edges)) else ()


def _upsample(site: Site, x: tuple[Any, ...]) -> Any:
    layer, rank = site.layer, len(site.node.shape) - 1
    if site.exact and site.dtype == "float64" and layer.interpolation == "bilinear":
        axes = zip(site.node.shapes[0][:2], sides(layer.size, 2), strict=True)
        high, wide = (_between(*axis) for axis in axes)
        return ops.einsum("nhwc,ph,qw->npqc", x[0], high, wide)
    how = {"interpolation": layer.interpolation} if rank == 2 else {}
    size = layer.size[0] if rank == 1 and isinstance(layer.size, tuple) else layer.size
    return getattr(keras.layers, f"UpSampling{rank}D")(size, **how, **site.common)(x[0])


def _between(side: int, times: int) -> np.ndarray:
    """Return the weights (side * times, side) of linear interpolation between middles.

    TensorFlow interpolates in float32.
    """
    places = np.clip((np.arange(side * times) + 0.5) / times - 0.5, 0, side - 1)
    return np.asarray(np.maximum(1 - np.abs(places[:, None] - np.arange(side)), 0.0))


def _global_avg(site: Site, x: tuple[Any, ...]) -> Any:
    source = site.node.inputs[0].mask
    mask = {} if source is None else {"mask": site.mask(source)}
    rank = len(site.node.shapes[0]) - 1
    return getattr(keras.layers, f"GlobalAveragePooling{rank}D")(**site.common)(x[0], **mask)


def _global_max(site: Site, x: tuple[Any, ...]) -> Any:
    source = site.node.inputs[0].mask
    if source is None:
        rank = len(site.node.shapes[0]) - 1
        return getattr(keras.layers, f"GlobalMaxPooling{rank}D")(**site.common)(x[0])
    there = ops.expand_dims(site.mask(source), -1)
    own = ops.where(there, x[0], float(np.finfo(site.dtype).min))
    return named(ops.max(own, axis=1), site.name)


BUILDERS: dict[str, Builder] = {
    **{f"conv{rank}d": _conv for rank in (1, 2, 3)},
    **{f"depthwise_conv{rank}d": _depthwise for rank in (1, 2)},
    **{f"conv_transpose{rank}d": _conv_transpose for rank in (1, 2, 3)},
    "max_pool": _pool,
    "avg_pool": _pool,
    "upsample": _upsample,
    "global_avg_pool": _global_avg,
    "global_max_pool": _global_max,
}

"""Linear maps, and the ways in which numbers and ids become features."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from unifml.adapters.keras.building import Builder, Site, named

# Keras's Normalization divides by max(sqrt(variance), 1e-7) and keeps the variance in float32:
# outside these bounds the division gets a layer of its own.
SCALES = (1e-6, 1e18)


def _dense(site: Site, x: tuple[Any, ...]) -> Any:
    layer = site.layer
    return keras.layers.Dense(
        layer.units, use_bias=layer.bias, kernel_initializer=site.start["kernel"], **site.common
    )(x[0])


def _feature_dense(site: Site, x: tuple[Any, ...]) -> Any:
    axes = "fo" if site.layer.bias else None
    return keras.layers.EinsumDense(
        "nfi,fio->nfo", site.node.shape, bias_axes=axes,
        kernel_initializer=site.start["kernel"], **site.common,
    )(x[0])  # fmt: skip


def _periodic(site: Site, x: tuple[Any, ...]) -> Any:
    features, values = site.node.shape
    turns = keras.layers.EinsumDense(
        "nf,fk->nfk", (features, values // 2),
        kernel_initializer=site.start["frequency"], **site.common,
    )(x[0])  # fmt: skip
    angles = turns * ops.full_like(turns, 2 * math.pi)  # a number alone may be rounded to float32
    waves = [ops.sin(angles), ops.cos(angles)]
    return named(ops.concatenate(waves, axis=-1), f"{site.name}_waves")


def _piecewise(site: Site, x: tuple[Any, ...]) -> Any:
    z = keras.layers.EinsumDense(
        "nf,fb->nfb", site.node.shape, bias_axes="fb", trainable=False,
        kernel_initializer="ones", **site.common,
    )(x[0])  # fmt: skip
    if site.layer.bins == 1:
        return z
    first, end = ops.minimum(z[..., :1], 1.0), ops.maximum(z[..., -1:], 0.0)
    middle = [ops.clip(z[..., 1:-1], 0.0, 1.0)] if site.layer.bins > 2 else []
    return named(ops.concatenate([first, *middle, end], axis=-1), f"{site.name}_bins")


def _standardize(site: Site, x: tuple[Any, ...]) -> Any:
    first = keras.layers.Normalization(**site.common)(x[0])
    scale = site.weights.get(f"{site.node.name}.scale")
    if scale is None or np.all((scale > SCALES[0]) & (scale < SCALES[1])):
        return first
    factor = (1.0 / np.asarray(scale, np.float64)).tolist()
    return keras.layers.Rescaling(factor, dtype=site.dtype, name=f"{site.name}_scale")(first)


def _embedding(site: Site, x: tuple[Any, ...]) -> Any:
    layer, ids = site.layer, x[0]
    if layer.unknown or isinstance(layer.size, tuple):
        ids = ops.cast(ids, "int32")
    if layer.unknown:
        size = np.array(layer.size, dtype="int32")
        inside = ops.logical_and(ids >= 0, ops.less(ids, size))
        ids = ops.where(inside, ids, size)
    if isinstance(layer.size, tuple):
        ids = ops.add(ids, np.array(layer.offsets, dtype="int32"))
    table = site.start["table"]
    return keras.layers.Embedding(
        sum(layer.tables), layer.dim, embeddings_initializer=table, **site.common
    )(ids)


BUILDERS: dict[str, Builder] = {
    "dense": _dense,
    "feature_dense": _feature_dense,
    "periodic": _periodic,
    "piecewise": _piecewise,
    "standardize": _standardize,
    "embedding": _embedding,
}

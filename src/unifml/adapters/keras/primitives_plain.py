"""Layers that look at one place at a time, and those that only move values."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from unifml.adapters.keras.building import Builder, Site, named
from unifml.layers.activation import FAR, LEAKY_SLOPE


def _activation(site: Site, x: tuple[Any, ...]) -> Any:
    return _apply(site, site.name, x[0])


def _learned_activation(site: Site, x: tuple[Any, ...]) -> Any:
    bent = _apply(site, f"{site.name}_function", x[0])
    bend = named(bent - x[0], f"{site.name}_bend")
    letters = "abcd"[: len(site.node.shape) - 1]
    learned = keras.layers.EinsumDense(
        f"n{letters}f,f->n{letters}f", tuple(s if s >= 0 else None for s in site.node.shape),
        kernel_initializer=site.start["strength"], **site.common,
    )(bend)  # fmt: skip
    return named(x[0] + learned, f"{site.name}_sum")


def _apply(site: Site, name: str, x: Any) -> Any:
    """Apply an activation: Keras's layer, or what it is made of where Keras has none."""
    function, common = site.layer.function, {**site.common, "name": name}
    if function == "smooth_clip":
        return _smooth_clip(x, name)
    if function == "gelu" and site.exact:
        return exact_gelu(x)
    if function == "leaky_relu" and site.exact:
        return ops.maximum(x, x * ops.full_like(x, LEAKY_SLOPE))
    if function == "leaky_relu":
        return keras.layers.LeakyReLU(negative_slope=LEAKY_SLOPE, **common)(x)
    native = "linear" if function == "identity" else function
    return keras.layers.Activation(native, **common)(x)


def _smooth_clip(x: Any, name: str) -> Any:
    near = named(ops.clip(x, -FAR, FAR), f"{name}_near")  # its square is finite
    square = named(ops.square(near), f"{name}_square")
    ninth = named(square / 9.0, f"{name}_ninth")
    root = named(ops.sqrt(named(ninth + 1.0, f"{name}_shifted")), f"{name}_root")
    return named(near / root, name)


def exact_gelu(x: Any) -> Any:
    """Return x * Phi(x); Keras's own on TensorFlow rounds the root of 2 to float32."""
    return 0.5 * x * (1.0 + ops.erf(x / ops.sqrt(ops.full_like(x, 2.0))))


def _dropout(site: Site, x: tuple[Any, ...]) -> Any:
    return keras.layers.Dropout(site.layer.rate, seed=site.seed, **site.common)(x[0])


def _spatial_dropout(site: Site, x: tuple[Any, ...]) -> Any:
    kind = getattr(keras.layers, f"SpatialDropout{len(site.node.shape) - 1}D")
    return kind(site.layer.rate, seed=site.seed, **site.common)(x[0])


def _batch_norm(site: Site, x: tuple[Any, ...]) -> Any:
    layer = site.layer
    return keras.layers.BatchNormalization(
        momentum=layer.momentum, epsilon=layer.epsilon, **site.common
    )(x[0])


def _layer_norm(site: Site, x: tuple[Any, ...]) -> Any:
    return keras.layers.LayerNormalization(epsilon=site.layer.epsilon, **site.common)(x[0])


def _group_norm(site: Site, x: tuple[Any, ...]) -> Any:
    layer = site.layer
    return keras.layers.GroupNormalization(layer.groups, epsilon=layer.epsilon, **site.common)(x[0])


def _rms_norm(site: Site, x: tuple[Any, ...]) -> Any:
    return keras.layers.RMSNormalization(epsilon=site.layer.epsilon, **site.common)(x[0])


def _flatten(site: Site, x: tuple[Any, ...]) -> Any:
    return keras.layers.Flatten(**site.common)(x[0])


def _reshape(site: Site, x: tuple[Any, ...]) -> Any:
    return keras.layers.Reshape(site.node.shape, **site.common)(x[0])


def _permute(site: Site, x: tuple[Any, ...]) -> Any:
    axes = tuple(axis + 1 for axis in site.layer.axes)
    return keras.layers.Permute(axes, **site.common)(x[0])


def _columns(site: Site, x: tuple[Any, ...]) -> Any:
    return named(ops.take(x[0], list(site.layer.indices), axis=-1), site.name)


def _join(site: Site, x: tuple[Any, ...]) -> Any:
    if len(x) == 1:
        return keras.layers.Identity(**site.common)(x[0])
    kinds = {
        "concat": "Concatenate", "add": "Add", "multiply": "Multiply", "average": "Average"
    }  # fmt: skip
    return getattr(keras.layers, kinds[site.layer.how])(**site.common)(list(x))


BUILDERS: dict[str, Builder] = {
    "activation": _activation,
    "learned_activation": _learned_activation,
    "dropout": _dropout,
    "spatial_dropout": _spatial_dropout,
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "group_norm": _group_norm,
    "rms_norm": _rms_norm,
    "flatten": _flatten,
    "reshape": _reshape,
    "permute": _permute,
    "columns": _columns,
    "join": _join,
}

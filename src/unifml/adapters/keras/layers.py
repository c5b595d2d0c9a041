"""Networks as plain Keras models."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from unifml.adapters.keras.losses import compiled_loss, compiled_metrics
from unifml.adapters.keras.optimizers import keras_optimizer
from unifml.adapters.keras.rng import layer_seeds
from unifml.adapters.keras.weights import write
from unifml.core.adapter import Weights
from unifml.core.plan import Plan
from unifml.layers import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Layer,
    LayerNorm,
    Network,
    Standardize,
)
from unifml.layers.activation import LEAKY_SLOPE
from unifml.layers.base import Shape

# Keras's Normalization divides by max(sqrt(variance), 1e-7) and keeps the variance in float32:
# outside these bounds the division gets a layer of its own.
SCALES = (1e-6, 1e18)


def build_compiled(plan: Plan, weights: Weights | None) -> Any:
    """Build the model to take away: Keras's own layers only, compiled, with the weights in it."""
    assert plan.network is not None
    seed = plan.seeds.integer("dropout")
    model = build(
        plan.network, plan.signature.input_shape, weights, plan.signature.dtype, "network", seed
    )
    model.compile(
        optimizer=keras_optimizer(plan.settings),
        loss=compiled_loss(plan.settings.loss, plan.task, plan.signature.dtype),
        metrics=compiled_metrics(plan.task),
    )
    model.optimizer.build(model.trainable_variables)  # a file without its memory warns on loading
    return model


def build(
    network: Network,
    input_shape: Shape,
    weights: Weights | None,
    dtype: str,
    name: str,
    seed: int = 0,
    *,
    body_only: bool = False,
) -> Any:
    """Build a functional model whose layers have our names, with "_" for ".".

    Parameters
    ----------
    network : Network
        What to build.
    input_shape : tuple of int
        Shape of one row.
    weights : mapping or None
        Canonical weights to write into it.
    dtype : str
        Dtype of inputs, weights and outputs.
    name : str
        Name of the model.
    seed : int, default=0
        Seed of dropout and of the initialisers, so that nothing draws from global generators.
    body_only : bool, default=False
        Leave out a leading `Standardize`.
    """
    weights = {} if weights is None else weights
    inputs = outputs = keras.Input(tuple(input_shape), dtype=dtype, name="X")
    named = list(network.body() if body_only else network.named())
    for (path, layer), (start, _) in zip(named, layer_seeds(seed, len(named)), strict=True):
        if body_only and layer == Activation("gelu", name=layer.name):
            outputs = exact_gelu(outputs)
            continue
        for native in _native(path.replace(".", "_"), path, layer, dtype, int(start), weights):
            outputs = native(outputs)
    model = keras.Model(inputs, outputs, name=name)
    if weights:
        write(model, network, weights)
    return model


def _native(
    name: str, path: str, layer: Layer, dtype: str, seed: int, weights: Weights
) -> tuple[Any, ...]:
    common: dict[str, Any] = {"name": name, "dtype": dtype}
    match layer:
        case Standardize():
            return _standardize(common, weights.get(f"{path}.scale"))
        case Dense():
            initial = _initializer(layer.initial, seed)
            return (
                keras.layers.Dense(
                    layer.units, use_bias=layer.bias, kernel_initializer=initial, **common
                ),
            )
        case Dropout():
            return (keras.layers.Dropout(layer.rate, seed=seed, **common),)
        case BatchNorm():
            return (
                keras.layers.BatchNormalization(
                    momentum=layer.momentum, epsilon=layer.epsilon, **common
                ),
            )
        case LayerNorm():
            return (keras.layers.LayerNormalization(epsilon=layer.epsilon, **common),)
        case Activation():
            return (_activation(layer.function, common),)
    raise TypeError(f"no builder for {layer!r}")  # capabilities.layers and this must agree


def _standardize(common: dict[str, Any], scale: Any) -> tuple[Any, ...]:
    first = keras.layers.Normalization(**common)
    if scale is None or np.all((scale > SCALES[0]) & (scale < SCALES[1])):
        return (first,)
    factor = (1.0 / np.asarray(scale, np.float64)).tolist()
    second = keras.layers.Rescaling(factor, dtype=common["dtype"], name=f"{common['name']}_scale")
    return (first, second)


def exact_gelu(x: Any) -> Any:
    """Return x * Phi(x); Keras's own on TensorFlow rounds the root of 2 to float32."""
    return 0.5 * x * (1.0 + keras.ops.erf(x / keras.ops.sqrt(keras.ops.full_like(x, 2.0))))


def _initializer(initial: str, seed: int) -> Any:
    kinds = {"glorot_uniform": "GlorotUniform", "he_normal": "HeNormal"}
    if initial in kinds:
        return getattr(keras.initializers, kinds[initial])(seed=seed)
    return initial


def _activation(function: str, common: dict[str, Any]) -> Any:
    if function == "leaky_relu":
        return keras.layers.LeakyReLU(negative_slope=LEAKY_SLOPE, **common)
    native = "linear" if function == "identity" else function
    return keras.layers.Activation(native, **common)

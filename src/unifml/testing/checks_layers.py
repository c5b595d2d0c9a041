"""Checks of what each layer computes, against the reference."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from unifml.core.adapter import Adapter
from unifml.core.fitted import body_weights, network_input
from unifml.core.plan import Plan
from unifml.core.seeds import Seeds
from unifml.core.signature import Shape, Signature
from unifml.core.task import Task
from unifml.layers import (
    GRU,
    LSTM,
    Activation,
    AvgPool,
    BatchNorm,
    Columns,
    Conv1D,
    Conv2D,
    Conv3D,
    ConvTranspose1D,
    ConvTranspose2D,
    ConvTranspose3D,
    Dense,
    DepthwiseConv1D,
    DepthwiseConv2D,
    Dropout,
    Embedding,
    FeatureDense,
    Flatten,
    GlobalAvgPool,
    GlobalMaxPool,
    GroupNorm,
    Layer,
    LayerNorm,
    LearnedActivation,
    LearnedPositions,
    MaxPool,
    MultiHeadAttention,
    Network,
    PeriodicFeatures,
    Permute,
    PiecewiseLinear,
    Reshape,
    Residual,
    RMSNorm,
    Sequential,
    SimpleRNN,
    SinusoidalPositions,
    SpatialDropout,
    Standardize,
    UpSample,
)
from unifml.models import Model
from unifml.testing.lab import TOLERANCE, near, sharpest
from unifml.testing.reference import run
from unifml.testing.rule import Rule, check
from unifml.training import Training

CHECKS: list[Rule] = []
_check = partial(check, CHECKS)
_ROWS = 4

# Sides, strides and windows are odd and even, so that padding on the wrong side is seen.
_BENT = Sequential((Dense(5), Activation("relu"), Dense(2)))  # as a perceptron has it
EXAMPLES: dict[str, tuple[Layer, Shape]] = {
    "activation": (_BENT, (3,)),
    "batch_norm": (BatchNorm(), (3, 4, 2)),
    "dense": (Dense(3), (4,)),
    "dropout": (Dropout(0.5), (4,)),
    "layer_norm": (LayerNorm(), (3, 4)),
    "standardize": (Sequential((Standardize(), Dense(3))), (4,)),
    "attention": (MultiHeadAttention(2), (5, 4)),
    "avg_pool": (AvgPool(3, strides=2, padding="same"), (6, 5, 2)),
    "columns": (Columns((2, 0)), (3,)),
    "conv1d": (Conv1D(3, 2, strides=2), (5, 2)),
    "conv2d": (Conv2D(4, (2, 3), strides=2), (5, 6, 2)),
    "conv3d": (Conv3D(3, 2), (3, 4, 3, 2)),
    "conv_transpose1d": (ConvTranspose1D(3, 4, strides=2), (5, 2)),
    "conv_transpose2d": (ConvTranspose2D(3, 3, strides=2), (3, 4, 2)),
    "conv_transpose3d": (ConvTranspose3D(2, 2, strides=3), (2, 3, 2, 2)),
    "depthwise_conv1d": (DepthwiseConv1D(2, multiplier=2), (5, 3)),
    "depthwise_conv2d": (DepthwiseConv2D(3, multiplier=2), (5, 4, 3)),
    "embedding": (Embedding(5, 3), (4,)),
    "feature_dense": (FeatureDense(3), (4, 2)),
    "flatten": (Flatten(), (3, 2, 2)),
    "global_avg_pool": (GlobalAvgPool(), (3, 4, 2)),
    "global_max_pool": (GlobalMaxPool(), (5, 2)),
    "group_norm": (GroupNorm(2), (3, 4, 4)),
    "gru": (GRU(3, bidirectional=True), (5, 2)),
    "join": (Residual((Dense(3),)), (3,)),
    "learned_activation": (LearnedActivation("selu"), (5, 4)),
    "learned_positions": (LearnedPositions(max_length=7), (5, 4)),
    "lstm": (LSTM(3, return_sequences=True), (5, 2)),
    "max_pool": (MaxPool(2, padding="same"), (5, 3, 2)),
    "periodic": (PeriodicFeatures(3), (2,)),
    "permute": (Permute((1, 2, 0)), (2, 3, 4)),
    "piecewise": (PiecewiseLinear(3), (2,)),
    "reshape": (Reshape((3, 4)), (2, 6)),
    "rms_norm": (RMSNorm(), (5, 4)),
    "simple_rnn": (SimpleRNN(3), (5, 2)),
    "sinusoidal_positions": (SinusoidalPositions(), (5, 4)),
    "spatial_dropout": (SpatialDropout(0.5), (5, 2)),
    "upsample": (UpSample((2, 3)), (3, 2, 2)),
}


@_check(needs="epochs", over="layers")
def layer_computes_what_it_means(adapter: Adapter, kind: str) -> None:
    """Check the outputs of a layer in inference mode against NumPy's."""
    layer, shape = EXAMPLES[kind]
    network, rng = Network((layer.with_params(name="layer"),)), np.random.default_rng(5)
    dtype = sharpest(adapter.capabilities)
    plan = _plan(adapter, network, shape, dtype)
    weights = {
        name: rng.uniform(0.3, 1.2, spec.shape).astype(dtype)
        for name, spec in plan.graph.weight_specs().items()
    }
    X: Any = rng.normal(size=(_ROWS, *shape))
    X = rng.integers(0, 5, X.shape) if kind == "embedding" else X
    program = adapter.program(body_weights(plan, weights), plan)
    found = program.forward(network_input(plan, weights, X))
    wanted = run(plan.graph, weights, X)["outputs"]
    near(found, wanted, TOLERANCE[dtype], f"the outputs of {layer!r} on rows of shape {shape}")


def _plan(adapter: Adapter, network: Network, shape: Shape, dtype: str) -> Plan:
    task = Task("regression", 1)
    devices = adapter.devices()
    return Plan(
        model=Model(),
        task=task,
        signature=Signature(shape, 1, 0, dtype),
        settings=Training().resolve({}, task, _ROWS),
        seeds=Seeds(7),
        output="values",
        device=next((name for name in devices if name.startswith("cpu")), devices[0]),
        network=network,
    )

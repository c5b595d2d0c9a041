"""The emitter against NumPy, layer by layer."""

from __future__ import annotations

import math

import numpy as np
import pytest

from unifml.errors import CapabilityError
from unifml.export.emitter import ACTIVATION_RULES, RULES, emit
from unifml.export.graph import Graph
from unifml.layers import (
    ACTIVATIONS,
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Layer,
    LayerNorm,
    Network,
    Standardize,
    initial_weights,
)

SHAPE = (5,)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


REFERENCE = {
    "identity": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "gelu": lambda x: x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2,
    "silu": lambda x: x * sigmoid(x),
    "tanh": np.tanh,
    "sigmoid": sigmoid,
}


def weights_of(network, shape=SHAPE):
    """Weights in which nothing is 0 or 1."""
    rng = np.random.default_rng(1)
    weights = initial_weights(network, shape, rng, "float64")
    return {name: value + rng.uniform(0.1, 1.0, value.shape) for name, value in weights.items()}


def run(network, weights, X, opset=18):
    import onnxruntime
    from onnx import TensorProto, helper

    g = Graph("", ("X",))
    out = emit(g, "X", network, weights, X.shape[1:])
    out = g.op("Identity", out)
    graph = helper.make_graph(
        g.nodes,
        "test",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["n", *X.shape[1:]])],
        [helper.make_tensor_value_info(out, TensorProto.FLOAT, None)],
        g.initializers,
    )
    opsets = [helper.make_opsetid("", opset)]
    proto = helper.make_model(
        graph, opset_imports=opsets, ir_version=helper.find_min_ir_version_for(opsets)
    )
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    return session.run(None, {"X": X.astype(np.float32)})[0]


def rows(*shape):
    return np.random.default_rng(0).normal(size=shape or (12, *SHAPE)) * 3


def test_every_activation_of_the_vocabulary_has_a_rule_and_a_reference():
    assert set(ACTIVATION_RULES) == set(ACTIVATIONS) == set(REFERENCE)


@pytest.mark.parametrize("opset", [18, 21])
@pytest.mark.parametrize("function", ACTIVATIONS)
def test_activation(function, opset):
    X = rows()
    found = run(Network((Activation(function),)), {}, X, opset)
    np.testing.assert_allclose(found, REFERENCE[function](X), atol=2e-6)


@pytest.mark.parametrize("opset", [18, 21])
@pytest.mark.parametrize("shape", [(5,), (3, 5)])
@pytest.mark.parametrize("bias", [True, False])
def test_dense(bias, shape, opset):
    network = Network((Dense(4, bias=bias, name="d"),))
    w = weights_of(network, shape)
    X = rows(12, *shape)
    expected = X @ w["d.kernel"] + (w["d.bias"] if bias else 0)
    np.testing.assert_allclose(run(network, w, X, opset), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("opset", [18, 21])
@pytest.mark.parametrize("shape", [(5,), (3, 5)])
def test_batch_norm(shape, opset):
    network = Network((BatchNorm(epsilon=0.01, name="b"),))
    w, X = weights_of(network, shape), rows(12, *shape)
    expected = (X - w["b.mean"]) / np.sqrt(w["b.variance"] + 0.01) * w["b.scale"] + w["b.offset"]
    np.testing.assert_allclose(run(network, w, X, opset), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("opset", [18, 21])
@pytest.mark.parametrize("shape", [(5,), (3, 5)])
def test_layer_norm(shape, opset):
    network = Network((LayerNorm(epsilon=0.01, name="l"),))
    w, X = weights_of(network, shape), rows(12, *shape)
    centred = X - X.mean(-1, keepdims=True)
    expected = centred / np.sqrt(X.var(-1, keepdims=True) + 0.01) * w["l.scale"] + w["l.offset"]
    np.testing.assert_allclose(run(network, w, X, opset), expected, rtol=1e-5, atol=1e-5)


def test_standardize():
    network = Network((Standardize(name="s"),))
    w, X = weights_of(network), rows()
    expected = (X - w["s.mean"]) / w["s.scale"]
    np.testing.assert_allclose(run(network, w, X), expected, rtol=1e-5, atol=1e-6)


def test_standardize_keeps_small_differences_of_large_whole_numbers():
    """Years have a mean that one float32 cannot hold, and deviations that matter."""
    X = np.arange(1960, 2020, dtype=float).reshape(-1, 1)
    w = {"s.mean": np.array([1989.5123456]), "s.scale": np.array([0.01])}
    found = run(Network((Standardize(name="s"),)), w, X)
    np.testing.assert_allclose(found, (X - w["s.mean"]) / w["s.scale"], rtol=1e-6)


def test_dropout_vanishes():
    network = Network((Dropout(0.5),))
    X = rows()
    np.testing.assert_allclose(run(network, {}, X), X.astype(np.float32))


def test_a_whole_network_against_its_layers():
    layers = (
        Standardize(name="s"),
        Dense(7, name="a"),
        BatchNorm(name="b"),
        Activation("gelu"),
        Dropout(0.2),
        Dense(3, name="c"),
    )
    network = Network(layers)
    w, X = weights_of(network), rows()
    h = (X - w["s.mean"]) / w["s.scale"] @ w["a.kernel"] + w["a.bias"]
    h = (h - w["b.mean"]) / np.sqrt(w["b.variance"] + 1e-5) * w["b.scale"] + w["b.offset"]
    expected = REFERENCE["gelu"](h) @ w["c.kernel"] + w["c.bias"]
    np.testing.assert_allclose(run(network, w, X), expected, rtol=2e-5, atol=2e-5)


def test_every_kind_of_layer_has_a_rule():
    kinds = {c.kind for c in Layer.__subclasses__() if c.__module__.startswith("unifml.layers")}
    assert kinds - {"sequential"} == set(RULES)


def test_an_unknown_layer_is_refused_by_name():
    class Strange(Layer):
        kind = "strange"

    with pytest.raises(CapabilityError, match="Strange"):
        emit(Graph(), "X", Network((Strange(),)), {}, SHAPE)

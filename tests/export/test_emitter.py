"""The emitter against NumPy: what the layers of tables give, and how the graph is written."""

from __future__ import annotations

import numpy as np
import pytest

from export.nets import close, inference, operators, rows, weights_of
from unifml.errors import CapabilityError
from unifml.export.emit import ACTIVATIONS as WRITTEN
from unifml.export.emit import RULES, emit
from unifml.export.graph import Graph
from unifml.layers import (
    ACTIVATIONS,
    PRIMITIVES,
    Activation,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    GroupNorm,
    Layer,
    LayerNorm,
    MaxPool,
    Network,
    Residual,
    Standardize,
)
from unifml.testing import reference

SHAPE = (5,)


def run(network, weights, X, opset=18):
    return inference(network.graph(X.shape[1:]), weights, X, opset)


def expected(network, weights, X):
    return reference.run(network.graph(X.shape[1:]), weights, X)["outputs"]


def test_every_activation_of_the_vocabulary_has_a_rule():
    assert set(WRITTEN) == set(ACTIVATIONS)


def test_every_primitive_of_the_vocabulary_has_a_rule():
    assert set(RULES) == PRIMITIVES


@pytest.mark.parametrize("function", ACTIVATIONS)
@pytest.mark.parametrize("opset", [18, 21])
def test_activations_far_from_0(function, opset):
    network, X = Network((Activation(function),)), rows(8, 5, scale=30)
    close(run(network, {}, X, opset), expected(network, {}, X), 2e-6)


def test_opset_21():
    layers = (Dense(7), BatchNorm(), Activation("gelu"), LayerNorm(), Dropout(0.1), Dense(3))
    network, X = Network(layers), rows(8, 5)
    w = weights_of(network, (5,))
    close(run(network, w, X, 21), expected(network, w, X))


def test_standardize_keeps_small_differences_of_large_whole_numbers():
    """Years have a mean that one float32 cannot hold, and deviations that matter."""
    X = np.arange(1960, 2020, dtype=float).reshape(-1, 1)
    w = {"s.mean": np.array([1989.5123456]), "s.scale": np.array([0.01])}
    found = run(Network((Standardize(name="s"),)), w, X)
    np.testing.assert_allclose(found, (X - w["s.mean"]) / w["s.scale"], rtol=1e-6)


def test_dropout_vanishes():
    assert operators(Network((Dropout(0.5), Dense(1))), (5,)) == ["Gemm"]


def test_features_come_first_from_the_first_convolution_to_the_last():
    block = (Conv2D(4, 3), BatchNorm(), Activation("relu"), Dropout(0.1), GroupNorm(2))
    network = Network((Standardize(), *block, MaxPool(2), Residual(block), GlobalAvgPool()))
    assert operators(network, (8, 8, 3)).count("Transpose") == 1


def test_features_come_last_again_only_where_a_layer_needs_them_there():
    network = Network((Conv2D(4, 3), Activation("relu"), Flatten(), Dense(2)))
    written = ["Transpose", "Conv", "Relu", "Transpose", "Reshape", "Gemm"]
    assert operators(network, (8, 8, 3)) == written


def test_a_value_is_turned_once_for_all_that_take_it():
    inner = (Dropout(0.1), LayerNorm(), Dense(4))
    both = Network((Conv2D(4, 3), Residual(inner, projection=False)))
    assert operators(both, (8, 8, 3)).count("Transpose") == 2


def test_an_unknown_layer_is_refused_by_name():
    class Strange(Layer):
        kind = "strange"

    with pytest.raises(CapabilityError, match="Strange"):
        emit(Graph(), {"X": "X"}, Network((Strange(),)).graph(SHAPE), {})

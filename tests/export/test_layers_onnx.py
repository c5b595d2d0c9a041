"""Every primitive and option that the emitter writes, in onnxruntime against the reference."""

from __future__ import annotations

import numpy as np
import pytest

from export.nets import close, inference, rows, weights_of
from unifml.core.signature import ANY, Feed
from unifml.export.emit import RULES
from unifml.layers import (
    ACTIVATIONS,
    GRU,
    LSTM,
    Activation,
    AvgPool,
    BatchNorm,
    CategoricalEmbedding,
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
    Input,
    LayerNorm,
    LearnedActivation,
    LearnedPositions,
    MaxPool,
    MultiHeadAttention,
    Network,
    Parallel,
    Patchify,
    PeriodicFeatures,
    Permute,
    PiecewiseLinear,
    Reshape,
    Residual,
    RMSNorm,
    SeparableConv1D,
    SeparableConv2D,
    Sequential,
    SimpleRNN,
    SinusoidalPositions,
    Skip,
    SpatialDropout,
    Standardize,
    TransformerBlock,
    UpSample,
)
from unifml.testing import reference

IMAGE, SIGNAL, VOLUME = (7, 6, 4), (9, 4), (5, 4, 3, 2)
SAME_OR_VALID = ("same", "valid")


def plain():
    """Layers and shapes of rows of numbers, without padding."""
    for function in ACTIVATIONS:
        yield Activation(function), (5,)
        yield Activation(function), (3, 4)
        if function != "softmax":
            yield LearnedActivation(function), (4,)
    for shape in [(5,), (6, 5), (3, 4, 5), (2, 3, 4, 5)]:
        yield Dense(3), shape
        yield Dense(3, bias=False), shape
        yield BatchNorm(epsilon=1e-3), shape
        yield LayerNorm(epsilon=1e-3), shape
        yield GroupNorm(1), shape
        yield GroupNorm(5, epsilon=1e-3), shape
        yield RMSNorm(epsilon=1e-3), shape
        yield Dropout(0.5), shape
        yield Standardize(), shape
        yield Columns((4, 0, 4)), shape
        yield Flatten(), shape
    yield FeatureDense(3), (5, 2)
    yield FeatureDense(3, bias=False), (5, 2)
    yield Reshape((2, 3)), (6,)
    yield Reshape((4, 3, 2)), (6, 4)
    yield Permute((1, 0)), SIGNAL
    yield Permute((2, 0, 1)), IMAGE
    yield Permute((3, 1, 0, 2)), VOLUME
    yield PeriodicFeatures(4, sigma=0.5), (3,)
    for bins in (1, 2, 5):
        yield PiecewiseLinear(bins), (3,)
    for positions in (LearnedPositions, SinusoidalPositions):
        yield positions(), SIGNAL
        yield positions(max_length=20), SIGNAL
    yield SpatialDropout(0.3), IMAGE
    for size in (2, (3, 1)):
        yield Patchify(size), (6, 4, 3)


def windows():
    for padding in (*SAME_OR_VALID, "causal"):
        for more in ({}, {"strides": 2}, {"dilation": 2}, {"groups": 2}, {"bias": False}):
            yield Conv1D(6, 3, padding=padding, **more), SIGNAL
        yield Conv1D(6, 4, strides=3, padding=padding), SIGNAL
    for padding in SAME_OR_VALID:
        for more in ({}, {"strides": (2, 3)}, {"dilation": (1, 2)}, {"groups": 4}, {"bias": False}):
            yield Conv2D(8, (4, 3), padding=padding, **more), IMAGE
        yield Conv3D(3, 2, padding=padding), VOLUME
        yield Conv3D(4, (3, 2, 1), strides=2, padding=padding, groups=2), VOLUME
        for strides in (1, 2):
            yield DepthwiseConv1D(3, strides, padding, multiplier=2), SIGNAL
            yield DepthwiseConv2D((2, 3), strides, padding, multiplier=3), IMAGE
            yield DepthwiseConv2D(3, strides, padding, bias=False), IMAGE
        yield SeparableConv1D(5, 3, 2, padding), SIGNAL
        yield SeparableConv2D(5, 3, 2, padding), IMAGE
        for size, strides in ((3, 1), (3, 2), (4, 2), (5, 3), (2, 3), (1, 2)):
            yield ConvTranspose1D(5, size, strides, padding), SIGNAL
            yield ConvTranspose2D(5, (size, 2), strides, padding), IMAGE
        yield ConvTranspose2D(3, 3, (2, 1), padding, bias=False), IMAGE
        yield ConvTranspose3D(3, 3, 2, padding), (2, 3, 2, 2)
        for pool in (MaxPool, AvgPool):
            for shape in (SIGNAL, IMAGE, VOLUME):
                yield pool(2, padding=padding), shape
                yield pool(3, 2, padding), shape
                yield pool(2, 1, padding), shape
            yield pool((3, 2), (1, 2), padding), IMAGE
    for shape in (SIGNAL, IMAGE, VOLUME):
        yield UpSample(2), shape
        yield UpSample(3), shape
        yield GlobalAvgPool(), shape
        yield GlobalMaxPool(), shape
    yield UpSample((2, 3)), IMAGE
    yield UpSample((2, 3), "bilinear"), IMAGE
    yield UpSample(2, "bilinear"), IMAGE


def sequences():
    """Layers of whole sequences, that also take them padded."""
    for kind in (LSTM, GRU, SimpleRNN):
        for back in (False, True):
            for depth in (1, 2):
                yield kind(5, False, back, depth)
                yield kind(5, True, back, depth)
    yield SimpleRNN(5, activation="relu")
    yield SimpleRNN(5, True, True, activation="relu")
    for causal in (False, True):
        yield MultiHeadAttention(2, causal=causal)
        yield MultiHeadAttention(3, key_dim=5, causal=causal, bias=False)
        yield MultiHeadAttention(2, causal=causal, memory=Dense(6), name="cross")
        yield TransformerBlock(2, causal=causal)
    yield GlobalAvgPool()
    yield GlobalMaxPool()


def label(value):
    return repr(value) if not isinstance(value, tuple) else "x".join(map(str, value))


def agree(network, inputs, X, tolerance=1e-5, where=None):
    weights = weights_of(network, inputs)
    graph = network.graph(inputs)
    found = inference(graph, weights, X)
    wanted = next(iter(reference.run(graph, weights, X).values()))
    if where is not None and wanted.ndim > where.ndim:
        found, wanted = found[where], wanted[where]
    close(found, wanted, tolerance)


@pytest.mark.parametrize(("layer", "shape"), [*plain(), *windows()], ids=label)
def test_layer(layer, shape):
    agree(Network((layer,)), shape, rows(6, *shape))


@pytest.mark.parametrize("layer", list(sequences()), ids=label)
def test_sequences_of_one_length(layer):
    agree(Network((layer,)), SIGNAL, rows(6, *SIGNAL))


def ragged(n=6, steps=9, features=4):
    lengths = np.array([9, 1, 4, 7, 2, 9][:n])
    X = rows(n, steps, features)
    X[np.arange(steps) >= lengths[:, None]] = 0.0
    return {"X": X, "X_lengths": lengths}, np.arange(steps) < lengths[:, None]


@pytest.mark.parametrize("layer", list(sequences()), ids=label)
def test_sequences_of_unequal_length(layer):
    X, valid = ragged()
    agree(Network((layer,)), (Feed("X", (ANY, 4)),), X, where=valid)


KEEPERS = [Dense(4), LayerNorm(), RMSNorm(), Activation("gelu"), LearnedPositions(max_length=12)]


@pytest.mark.parametrize(
    "keeper",
    [*KEEPERS, SinusoidalPositions(max_length=12), Dropout(0.1), Columns((1, 3))],
    ids=repr,
)
def test_padding_is_known_behind_layers_that_work_step_by_step(keeper):
    X, _ = ragged()
    network = Network((Standardize(), keeper, LSTM(3, return_sequences=True), GlobalAvgPool()))
    agree(network, (Feed("X", (ANY, 4)),), X)


def ids(*shape, size=7):
    return np.random.default_rng(0).integers(0, size, shape).astype(float)


@pytest.mark.parametrize(
    ("layer", "X"),
    [
        (Embedding(7, 3), ids(6, 5)),
        (Embedding(7, 3), ids(6, 4, 5)),
        (Embedding(5, 3, unknown=True), ids(6, 5) - 1),
        (Embedding((7, 8, 9), 3), ids(6, 3)),
        (Embedding((3, 4, 5), 2, unknown=True), ids(6, 3, size=8) - 2),
        (CategoricalEmbedding((1, 2), (4, 9), dim=3), ids(6, 4)),
        (CategoricalEmbedding((0, 1), (4, 9), dim=3), ids(6, 2)),
    ],
    ids=label,
)
def test_embedding(layer, X):
    agree(Network((layer,)), X.shape[1:], X)


@pytest.mark.parametrize(
    "behind",
    [LSTM(3), GRU(3, bidirectional=True), GlobalAvgPool(), GlobalMaxPool(), TransformerBlock(2)],
    ids=repr,
)
@pytest.mark.parametrize("steps", [8, ANY])
def test_ids_that_are_padding(behind, steps):
    X = ids(6, 8) % 6 + 1
    X[np.arange(8) >= np.array([8, 1, 4, 7, 2, 8])[:, None]] = 0
    network = Network(
        (
            Embedding(7, 4, mask_id=0),
            Dense(4),
            behind,
            *((GlobalAvgPool(),) if behind.kind == "transformer_block" else ()),
        )
    )
    if steps != ANY:
        agree(network, (8,), X)
        return
    agree(network, (Feed("X", (ANY,)),), {"X": X, "X_lengths": (X > 0).sum(1)})


@pytest.mark.parametrize("how", ["concat", "add", "multiply", "average"])
@pytest.mark.parametrize("shape", [(5,), SIGNAL, IMAGE])
def test_join(how, shape):
    branches = (Dense(4), Dense(4, bias=False), Activation("tanh"))
    branches = branches if shape[-1] == 4 or how == "concat" else branches[:2]
    agree(Network((Parallel(branches, how),)), shape, rows(6, *shape))


@pytest.mark.parametrize("how", ["concat", "add", "multiply", "average"])
def test_join_of_convolutions(how):
    branches = (Conv2D(4, 3), Sequential((MaxPool(3, 1, "same"),)), Dense(4))
    agree(Network((Parallel(branches, how), Conv2D(3, 1))), IMAGE, rows(6, *IMAGE))


def named():
    left = Sequential((Input("picture"), Conv2D(3, 3), GlobalAvgPool()))
    middle = Sequential((Input("words"), Embedding(7, 4), LSTM(5)))
    right = Sequential((Input("numbers"), Standardize(), Dense(4)))
    return Network((Parallel((left, middle, right)), Dense(2, name="end")))


FEEDS = (Feed("picture", IMAGE), Feed("words", (ANY,)), Feed("numbers", (3,)))


def by_name(n=6):
    lengths = np.array([8, 1, 4, 7, 2, 8])[:n]
    return {
        "picture": rows(n, *IMAGE),
        "words": ids(n, 8),
        "words_lengths": lengths,
        "numbers": rows(n, 3),
    }


def test_several_named_inputs():
    agree(named(), FEEDS, by_name())


def test_cross_attention_of_two_inputs_of_unequal_length():
    look = MultiHeadAttention(2, memory=Input("other"))
    network = Network((Input("X"), look, GlobalMaxPool()))
    X, _ = ragged()
    other = {"other": rows(6, 7, 3), "other_lengths": np.array([7, 3, 1, 7, 6, 2])}
    agree(network, (Feed("X", (ANY, 4)), Feed("other", (ANY, 3))), X | other)


def test_causal_attention_of_sequences_of_unequal_length_to_those_of_one_length():
    look = MultiHeadAttention(2, causal=True, memory=Input("other"))
    network = Network((Input("X"), look, GlobalMaxPool()))
    X, _ = ragged()
    agree(network, (Feed("X", (ANY, 4)), Feed("other", (7, 3))), X | {"other": rows(6, 7, 3)})


def test_the_first_of_several_outputs_is_written_and_nothing_that_it_does_not_need():
    layers = (Dense(4, name="a"), Dense(3, name="b"), Dense(2, name="c"))
    network = Network(layers, outputs=("b", "c"))
    X = rows(6, 5)
    weights = weights_of(network, (5,))
    wanted = reference.run(network.graph((5,)), weights, X)
    close(inference(network.graph((5,)), weights, X), wanted["b"])


NETWORKS = {
    "cnn": (
        (
            Standardize(),
            Conv2D(8, 3),
            BatchNorm(),
            Activation("relu"),
            MaxPool(2),
            Residual((Conv2D(8, 3), GroupNorm(2), Activation("silu"))),
            AvgPool(2, padding="same"),
            SpatialDropout(0.2),
            Conv2D(4, 3, strides=2),
            Flatten(),
            Dense(3),
        ),
        (12, 10, 3),
    ),
    "signal": ((Conv1D(6, 5, padding="causal"), LayerNorm(), Conv1D(6, 3), LSTM(4)), (20, 3)),
    "patches": (
        (
            Patchify(4),
            Dense(8),
            LearnedPositions(),
            TransformerBlock(2),
            TransformerBlock(4),
            LayerNorm(),
            GlobalAvgPool(),
            Dense(3),
        ),
        (8, 8, 3),
    ),
    "there and back": (
        (
            Conv2D(6, 3, strides=2, name="down"),
            Conv2D(8, 3, strides=2),
            UpSample(2),
            Parallel((Conv2D(6, 3), Skip("down"))),
            ConvTranspose2D(3, 4, 2),
            RMSNorm(),
        ),
        (8, 12, 2),
    ),
    "table": (
        (
            Standardize(),
            PiecewiseLinear(5),
            FeatureDense(4),
            Activation("relu"),
            Flatten(),
            Residual((Dense(20), BatchNorm(), Activation("mish"))),
            Dense(1),
        ),
        (4,),
    ),
}


@pytest.mark.parametrize("n", [1, 6])
@pytest.mark.parametrize("name", NETWORKS)
def test_whole_networks(name, n):
    layers, shape = NETWORKS[name]
    agree(Network(layers), shape, rows(n, *shape), tolerance=2e-5)


def test_every_rule_has_a_case():
    cases = [Network((layer,)).graph(shape) for layer, shape in [*plain(), *windows()]]
    cases += [Network((layer,)).graph(SIGNAL) for layer in sequences()]
    cases += [Network((Embedding(7, 3),)).graph((5,)), named().graph(FEEDS)]
    assert {node.layer.kind for case in cases for node in case.nodes} == set(RULES)

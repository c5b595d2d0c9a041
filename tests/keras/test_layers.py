"""Every layer and option in Keras, against the NumPy reference with the same weights."""

from __future__ import annotations

import numpy as np
import pytest
from layers.test_shapes import SHAPES

from unifml.core.plan import Plan
from unifml.core.registry import get_adapter
from unifml.core.seeds import Seeds
from unifml.core.signature import ANY, Feed, Signature
from unifml.core.table import BatchOrder, Table
from unifml.core.task import Task
from unifml.layers import (
    ACTIVATIONS,
    GRU,
    LSTM,
    Activation,
    AvgPool,
    BatchNorm,
    Conv1D,
    Conv2D,
    Conv3D,
    ConvTranspose1D,
    ConvTranspose2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Embedding,
    Flatten,
    GlobalAvgPool,
    GlobalMaxPool,
    GroupNorm,
    Input,
    LearnedActivation,
    LearnedPositions,
    MaxPool,
    MultiHeadAttention,
    Network,
    Parallel,
    PiecewiseLinear,
    Sequential,
    SimpleRNN,
    SinusoidalPositions,
    SpatialDropout,
    Standardize,
    TransformerBlock,
    UpSample,
)
from unifml.testing import reference
from unifml.training import Training

pytestmark = pytest.mark.keras
ROWS = 4
DTYPE, CLOSE = "float64", 1e-12
RAGGED = (Feed("X", (ANY, 3)),)
WORDS = (Feed("X", (ANY,)),)
BOTH = (Feed("words", (ANY, 4)), Feed("image", (3, 5)))

# What the shapes do not cover: options, and functions.
MORE = [
    *((Activation(name), (7,)) for name in ACTIVATIONS),
    (Activation("softmax"), (4, 3)),
    (LearnedActivation("smooth_clip"), (2, 3, 4)),
    (Conv1D(4, 3, dilation=3), (7, 2)),
    (Conv1D(4, 4, padding="causal", dilation=2), (7, 2)),
    (Conv1D(4, 3, groups=2, strides=2), (7, 2)),
    (Conv2D(4, 3, strides=2), (6, 7, 2)),
    (Conv2D(4, (2, 3), dilation=(2, 1)), (6, 7, 2)),
    (Conv2D(4, 3, padding="valid", dilation=2), (6, 7, 2)),
    (Conv3D(4, 3, strides=2), (4, 5, 3, 2)),
    (Conv3D(4, 2, dilation=2), (4, 5, 4, 2)),
    (Conv3D(4, 2, groups=2), (3, 2, 4, 2)),
    (DepthwiseConv2D((2, 3), multiplier=2), (5, 4, 2)),
    (ConvTranspose1D(4, 5, strides=2), (4, 2)),
    (ConvTranspose2D(2, 2, strides=3), (3, 4, 2)),
    (MaxPool((2, 3), strides=2, padding="same"), (5, 6, 2)),
    (MaxPool(2, padding="same"), (3, 5, 3, 2)),
    (AvgPool(3, strides=2, padding="same"), (5, 6, 2)),
    (AvgPool((2, 3, 2), strides=(1, 2, 2), padding="same"), (3, 4, 5, 2)),
    (AvgPool(4, padding="same"), (6, 2)),
    (UpSample(3, interpolation="bilinear"), (3, 4, 2)),
    (UpSample(2), (2, 3, 2, 2)),
    (UpSample(3), (4, 2)),
    (BatchNorm(), (3,)),
    (GroupNorm(2), (6,)),
    (GroupNorm(3), (2, 3, 2, 6)),
    (SpatialDropout(0.5), (4, 3)),
    (PiecewiseLinear(1), (3,)),
    (PiecewiseLinear(2), (3,)),
    (SimpleRNN(4, activation="relu"), (5, 3)),
    (SimpleRNN(4, bidirectional=True), (5, 3)),
    (GRU(4, return_sequences=True, bidirectional=True), (5, 3)),
    (MultiHeadAttention(2, causal=True), (5, 4)),
    (MultiHeadAttention(2, dropout=0.2, causal=True), (5, 4)),
]
CASES = [(layer, shape) for layer, shape, *_ in SHAPES] + MORE

# Networks whose rows have padding, or several inputs.
NETWORKS = [
    ((LSTM(4),), RAGGED),
    ((LSTM(4, return_sequences=True), GlobalAvgPool()), RAGGED),
    ((GRU(4, bidirectional=True),), RAGGED),
    ((GRU(4, return_sequences=True, bidirectional=True), GlobalMaxPool()), RAGGED),
    ((SimpleRNN(4, depth=2, bidirectional=True),), RAGGED),
    ((Dense(4), LearnedPositions(9), MultiHeadAttention(2), GlobalAvgPool()), RAGGED),
    ((Dense(4), SinusoidalPositions(9), TransformerBlock(2, causal=True), GlobalMaxPool()), RAGGED),
    ((Dense(4), MultiHeadAttention(2, dropout=0.1, causal=True), GlobalMaxPool()), RAGGED),
    ((Embedding(5, 4), GRU(3)), WORDS),
    ((Embedding(5, 4, mask_id=0, name="words"), TransformerBlock(2), LSTM(3)), (6,)),
    ((Embedding(5, 4, mask_id=0), GlobalAvgPool()), (6,)),
    (
        (
            Parallel(
                (
                    Sequential((Input("words"), GRU(3))),
                    Sequential((Input("image"), Standardize(), Flatten(), Dense(3))),
                ),
                join="multiply",
            ),
        ),
        BOTH,
    ),
    (
        (
            Input("words"),
            MultiHeadAttention(2, memory=Input("image")),
            LSTM(3),
        ),
        BOTH,
    ),
    (
        (Input("image"), MultiHeadAttention(2, key_dim=3, memory=Input("words")), Flatten()),
        BOTH,
    ),
]


@pytest.mark.parametrize(("layer", "shape"), CASES, ids=repr)
def test_forward_gradient_and_counts_are_the_reference(layer, shape):
    check((layer,) if len(layer.output_shape(shape)) == 1 else (layer, Flatten()), shape)


@pytest.mark.parametrize(("layers", "feeds"), NETWORKS, ids=repr)
def test_padding_and_several_inputs_are_the_reference(layers, feeds):
    check(layers, feeds)


@pytest.mark.parametrize(("layers", "feeds"), [*NETWORKS, *(((a,), b) for a, b in CASES)], ids=repr)
def test_the_model_to_take_away_is_plain_keras(layers, feeds, tmp_path):
    import keras

    plan = made(layers, feeds, "float32")
    weights, X = random_weights(plan.graph, "float32"), inputs(plan.graph)
    adapter = get_adapter("keras")
    model = adapter.build(plan, weights)
    own = adapter.get_weights(model, plan)
    assert set(own) == set(weights)
    assert all(np.array_equal(own[name], weights[name]) for name in own)
    wanted = reference.run(plan.graph, own, X)["outputs"]
    given = {name: value.astype("float32") for name, value in X.items()}
    found = numpy(model(given if plan.signature.named else given["X"]))
    assert found.dtype == np.float32
    close(found, wanted, 1e-5)
    assert "unifml" not in model.to_json()  # it loads where unifml is not
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(numpy(again(given if plan.signature.named else given["X"])), found)


def check(layers, feeds):
    plan = made(layers, feeds)
    body, X = plan.graph.body(), inputs(plan.graph)
    program, weights = at_work(plan)
    found = program.forward(X if plan.signature.named else X["X"])
    wanted = reference.run(body, weights, X)["outputs"]
    assert found.shape == wanted.shape == (ROWS, *body.result.shape)
    close(found, wanted, CLOSE)
    held = program.result()
    assert all(np.array_equal(held[name], weights[name]) for name in weights)
    check_gradient(program, body, weights, X, targets(plan))


def check_gradient(program, graph, weights, X, y):
    loss, gradient = program.loss_and_gradient(weights)
    specs = graph.weight_specs()
    assert set(gradient) == {name for name, spec in specs.items() if spec.trainable}
    assert {n: g.shape for n, g in gradient.items()} == {n: specs[n].shape for n in gradient}

    def objective(moved):
        error = reference.run(graph, moved, X)["outputs"] - y.reshape(len(y), -1)
        return 0.5 * np.mean(error**2)

    assert loss == pytest.approx(objective(weights), rel=CLOSE * 100)
    rng, largest = np.random.default_rng(3), max(map(np.linalg.norm, gradient.values()), default=0)
    for name, slope in gradient.items():
        way = rng.normal(size=slope.shape) * 1e-6
        there, back = (objective({**weights, name: weights[name] + s * way}) for s in (1, -1))
        noise = 1e-12 + CLOSE * largest * np.linalg.norm(way)
        found = np.sum(slope * way, dtype="float64")
        assert (there - back) / 2 == pytest.approx(found, rel=1e-4, abs=noise), name


def made(layers, feeds, dtype=DTYPE, network=None):
    network = network or Network(layers)
    named = any(isinstance(feed, Feed) for feed in feeds)
    width = int(np.prod(network.graph(feeds).result.shape))
    task = Task("regression", width)
    shape = feeds[0].shape if named else feeds
    signature = Signature(shape, width, 0, dtype, named=feeds if named else ())
    settings = Training(optimizer="sgd").resolve({}, task, 10**9)
    return Plan(None, task, signature, settings, Seeds(3), output="values", network=network)


def random_weights(graph, dtype=DTYPE, seed=0):
    rng, found = np.random.default_rng(seed), {}
    for name, spec in graph.weight_specs().items():
        value = rng.normal(size=spec.shape)
        positive = name.endswith(("variance", "scale"))
        found[name] = (np.abs(value) + 0.5 if positive else value).astype(dtype)
    return found


def inputs(graph, seed=1):
    rng, X = np.random.default_rng(seed), {}
    for feed in graph.feeds:
        shape = tuple(6 if side == ANY else side for side in feed.shape)
        first = next(graph.uses(feed.name), None)
        X[feed.name] = rng.normal(size=(ROWS, *shape))
        if first is not None and first.layer.kind == "embedding":
            X[feed.name] = ids(first.layer, (ROWS, *shape), rng)
        if feed.ragged:
            X[feed.lengths] = np.array([6, 1, 4, 3])
    if any(node.layer.kind == "columns" for node in graph.nodes):
        X["X"] = np.abs(np.round(X["X"] * 3))
    return X


def ids(layer, shape, rng):
    sizes = layer.size if isinstance(layer.size, tuple) else (layer.size,)
    found = rng.integers(1, min(sizes) + (2 if layer.unknown else 0), shape).astype(float)
    if layer.mask_id is not None:
        found[1, 1:] = found[3, 4:] = layer.mask_id
    return found


def numpy(tensor):
    import keras

    return keras.ops.convert_to_numpy(tensor)


def close(found, wanted, tolerance):
    largest = 1 + np.abs(wanted).max()
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * largest)


@pytest.mark.parametrize(("layers", "feeds"), [*NETWORKS, *(((a,), b) for a, b in CASES)], ids=repr)
def test_what_translate_prints_is_the_model(layers, feeds):
    plan = made(layers, feeds, "float32")  # on JAX float64 has a context of its own
    adapter = get_adapter("keras")
    text = adapter.translate(plan)
    names: dict = {}
    exec(compile(text.partition("model.compile")[0], "translated", "exec"), names)
    weights = random_weights(plan.graph, "float32")
    adapter.set_weights(names["model"], plan, weights)
    X = inputs(plan.graph)
    X = X if plan.signature.named else X["X"]
    found = numpy(names["model"](X))
    assert np.array_equal(found, numpy(adapter.build(plan, weights)(X))), text


STEPS = [
    *NETWORKS,
    ((Conv2D(4, 3, groups=2), Flatten()), (4, 4, 2)),
    ((AvgPool(2), MaxPool(2), Flatten()), (4, 4, 4, 2)),
    ((ConvTranspose2D(2, 3, strides=2), GlobalMaxPool()), (3, 3, 2)),
]


@pytest.mark.parametrize(("layers", "feeds"), STEPS, ids=repr)
def test_an_epoch_of_one_batch_goes_down_the_gradient(layers, feeds):
    plan = made(layers, feeds)
    if any(getattr(node.layer, "dropout", 0) for node in plan.graph.nodes):
        return
    program, weights = at_work(plan)
    _, gradient = program.loss_and_gradient(weights)
    program.run_epoch(BatchOrder(np.arange(ROWS), np.array([0, ROWS])), np.array([0.1]), 0)
    after = program.result()
    for name, slope in gradient.items():
        np.testing.assert_allclose(after[name], weights[name] - 0.1 * slope, atol=CLOSE)


@pytest.mark.parametrize("layers", [(LSTM(4),), (GRU(3, bidirectional=True), Dense(2))], ids=repr)
def test_compiled_steps_are_the_others(layers, monkeypatch):
    """Long fits of recurrent networks go through XLA on TensorFlow, in batches that are filled."""
    from unifml.adapters.keras import engine, recipe

    compiled = pytest.importorskip("unifml.adapters.keras.compiled_tensorflow")
    if engine.load().__name__.rpartition("_")[2] != "tensorflow":
        pytest.skip("Keras runs on another backend")
    found = []
    for many in (10**9, 0):
        recipe.forget()
        monkeypatch.setattr(compiled, "MANY_STEPS", many)
        working, _ = at_work(made(layers, RAGGED))
        order = BatchOrder(np.array([2, 0, 3, 1]), np.array([0, 3, 4]))
        losses = [working.run_epoch(order, np.array([0.1, 0.05]), epoch) for epoch in range(3)]
        found.append({**working.result(), "losses": np.concatenate(losses)})
    for name, value in found[0].items():
        np.testing.assert_allclose(found[1][name], value, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    "layers",
    [
        (SpatialDropout(0.5), Flatten()),
        (Dense(4), MultiHeadAttention(2, dropout=0.5), Dropout(0.3), GlobalAvgPool()),
    ],
    ids=repr,
)
def test_dropout_is_that_of_the_seed(layers):
    plan = made((Dense(4, name="first"), *layers), (5, 3), "float32")
    order = BatchOrder(np.arange(ROWS), np.array([0, ROWS]))
    results = []
    for seed in (1, 1, 2):
        program, _ = at_work(plan)
        program.run_epoch(order, np.array([0.1]), seed)
        results.append(program.result()["first.kernel"])
    assert np.array_equal(results[0], results[1])
    assert not np.array_equal(results[0], results[2])


def test_the_first_of_several_outputs_is_learned():
    layers = (Dense(3, name="code"), Activation("tanh", name="z"), Dense(5, name="back"))
    both = Network((*layers, Parallel((Dense(2, name="side"), Dense(2)))), ("back", "z"))
    plan = made((), (5,), "float32", both)
    program, weights = at_work(plan)
    X = inputs(plan.graph)["X"]
    wanted = reference.run(plan.graph, weights, X)
    close(program.forward(X), wanted["back"], 1e-5)
    adapter = get_adapter("keras")
    found = adapter.build(plan, weights)(X)
    assert set(found) == {"back", "z"}
    for name, value in wanted.items():
        close(numpy(found[name]), value, 1e-5)


def test_building_draws_from_no_global_generator(monkeypatch):
    import random

    plan = made((Dense(4), LSTM(3), Dense(2)), (5, 3), "float32")
    before = random.getstate(), np.random.get_state()[1].copy()
    texts = {get_adapter("keras").translate(plan) for _ in range(2)}
    get_adapter("keras").build(plan, random_weights(plan.graph))
    assert len(texts) == 1
    assert random.getstate() == before[0]
    assert np.array_equal(np.random.get_state()[1], before[1])


def test_rows_predicted_at_once_are_few_where_values_are_many():
    from unifml.adapters.keras.program import FORWARD_ROWS, rows_at_once

    assert rows_at_once(4 * 4 * 8) == FORWARD_ROWS
    assert rows_at_once(510 * 510 * 8) == 8


def at_work(plan):
    """Return a program at its start, and the weights there."""
    weights, X = random_weights(plan.graph, plan.signature.dtype), inputs(plan.graph)
    X = X if plan.signature.named else X["X"]
    return get_adapter("keras").program(weights, plan, Table(X, targets(plan))), weights


def targets(plan):
    y = np.random.default_rng(2).normal(size=(ROWS, plan.task.n_targets))
    return y[:, 0] if plan.task.n_targets == 1 else y

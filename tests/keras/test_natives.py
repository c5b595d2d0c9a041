"""Keras models of the user: what they bring is used, copied and left alone."""

import pickle
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from unifml.core.plan import Plan
from unifml.core.registry import get_adapter
from unifml.core.seeds import Seeds
from unifml.core.signature import Signature
from unifml.core.table import BatchOrder, Table
from unifml.core.task import Task
from unifml.errors import CapabilityError, ParameterError
from unifml.models import Native
from unifml.training import Training

pytestmark = pytest.mark.keras
THREE, BINARY, VALUES = (
    Task("classification", 1, 3),
    Task("classification", 1, 2),
    Task("regression"),
)


def layers(*, width=3, last=None, dropout=0.0, lazy=False, dtype="float64"):
    import keras

    start = () if lazy else (keras.Input((4,), dtype=dtype),)
    return [
        *start,
        keras.layers.Dense(8, activation="tanh", dtype=dtype),
        *([keras.layers.Dropout(dropout, dtype=dtype)] if dropout else []),
        keras.layers.Dense(width, activation=last, dtype=dtype),
    ]


def build(**given):
    import keras

    return keras.Sequential(layers(**given))


def compiled(loss, optimizer="sgd", **given):
    model = build(**given)
    model.compile(optimizer=optimizer, loss=loss)
    return model


def plan(model, task=THREE, params=None, **training):
    native = Native(model, **(params or {}))
    settings = Training(**training).resolve({}, task, 10**9)
    signature = Signature((4,), max(task.n_classes, task.n_targets), task.n_classes, "float64")
    output = get_adapter("keras").traits(model).output
    output = output if task.kind == "classification" else "values"
    return Plan(native, task, signature, settings, Seeds(1), output=output or "logits")


def rows(task, n=30):
    rng = np.random.default_rng(5)
    X = rng.normal(size=(n, 4))
    y = rng.integers(0, 2, n) if task is BINARY else rng.integers(0, 3, n)
    return X, (y if task.kind == "classification" else rng.normal(size=(n, 1)))


def order(n, batch, seed=0):
    places = np.random.default_rng(seed).permutation(n) if batch < n else np.arange(n)
    return BatchOrder(places, np.append(np.arange(0, n, batch), n))


def train(plan, epochs=3, batch=30, weight=None, native=None, first=0):
    adapter = get_adapter("keras")
    X, y = rows(plan.task)
    model = adapter.build(plan) if native is None else native
    program = adapter.program(model, plan, Table(X, y, weight))
    losses = []
    for epoch in range(first, first + epochs):
        given = order(len(X), batch, epoch)
        rates = np.full(given.steps, plan.settings.learning_rate)
        losses.append(program.run_epoch(given, rates, plan.seeds.integer("dropout", epoch)))
    return program, np.concatenate(losses)


def same(left, right):
    return all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize(
    ("loss", "task", "given"),
    [
        ("sparse_categorical_crossentropy", THREE, {"last": "softmax"}),
        ("categorical_crossentropy", THREE, {"last": "softmax"}),
        ("binary_crossentropy", BINARY, {"last": "sigmoid", "width": 1}),
        ("mse", VALUES, {"width": 1}),
    ],
)
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
def test_a_compiled_model_learns_what_its_own_fit_would(loss, task, given, optimizer):
    model = compiled(loss, optimizer, dtype="float32", **given)
    before = model.get_weights()
    program, _ = train(plan(model, task))
    assert same(model.get_weights(), before)
    X, y = rows(task)
    target = np.eye(3)[y] if loss.startswith("categorical") else y
    model.fit(X, target, batch_size=30, epochs=3, shuffle=False, verbose=0)
    for ours, theirs in zip(program.result().get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-6)


def test_weights_of_rows_are_repeated_rows():
    model = compiled("sparse_categorical_crossentropy", last="softmax")
    weight = np.where(np.arange(30) < 10, 2.0, 1.0)
    once = train(plan(model), epochs=1, weight=weight)[0].result().get_weights()
    adapter, given = get_adapter("keras"), plan(model)
    places = np.concatenate([np.arange(30), np.arange(10)])
    X, y = rows(THREE)
    program = adapter.program(adapter.build(given), given, Table(X[places], y[places]))
    program.run_epoch(order(40, 40), np.array([given.settings.learning_rate]), 0)
    for ours, theirs in zip(once, program.result().get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-12)


def test_without_loss_and_optimizer_ours_are_used():
    given = plan(build(), optimizer="adamw", weight_decay=0.1, l2=0.2, learning_rate=0.1)
    first = get_adapter("keras").build(given)
    X, y = rows(THREE)
    z = get_adapter("keras").program(first, given).forward(X)
    expected = np.mean(np.log(np.exp(z).sum(1)) - z[np.arange(30), y])
    program, losses = train(given)
    assert losses[0] == pytest.approx(expected, rel=1e-9)
    assert losses[-1] < losses[0]
    assert program.forward(X[:1]).shape == (1, 3)


def factory(n_features, n_outputs, units=8):
    import keras

    return keras.Sequential(
        [
            keras.layers.Dense(units, activation="relu", dtype="float64"),
            keras.layers.Dropout(0.4, dtype="float64"),
            keras.layers.Dense(n_outputs, dtype="float64"),
        ]
    )


def draws():
    """Draw from every global generator."""
    import keras

    found = [np.random.rand(), random.random(), keras.random.normal((3,))]
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        found.append(tf.random.normal((3,)))
    if keras.backend.backend() == "torch":
        import torch

        found.append(torch.rand(3))
    return [np.asarray(value) for value in found]


def test_a_factory_is_built_under_the_seed_and_globals_stay():
    import keras

    given = plan(factory, params={"units": 5})
    keras.utils.set_random_seed(3)
    expected = draws()
    keras.utils.set_random_seed(3)
    results = [train(given)[0].result() for _ in range(2)]
    assert same(draws(), expected)
    assert results[0].layers[0].units == 5
    assert same(results[0].get_weights(), results[1].get_weights())
    assert [v.path for v in results[0].variables] == [v.path for v in results[1].variables]


def test_a_restored_program_goes_on_bitwise():
    model = compiled("sparse_categorical_crossentropy", "adam", last="softmax", dropout=0.3)
    given = plan(model)
    straight = train(given, epochs=4, batch=7)[0].result().get_weights()
    half = train(given, epochs=2, batch=7)[0]
    adapter = get_adapter("keras")
    dumped = pickle.loads(pickle.dumps(adapter.dump(half.result(), given)))
    X, y = rows(THREE)
    program = adapter.program(adapter.load(dumped, given), given, Table(X, y))
    program.restore(half.state())
    for epoch in (2, 3):
        walk = order(30, 7, epoch)
        rates = np.full(walk.steps, given.settings.learning_rate)
        program.run_epoch(walk, rates, given.seeds.integer("dropout", epoch))
    assert same(program.result().get_weights(), straight)


def test_fits_in_threads_do_not_disturb_each_other():
    given = plan(factory)
    with ThreadPoolExecutor(3) as pool:
        found = [f.result() for f in [pool.submit(train, given, batch=9) for _ in range(3)]]
    alone = train(given, batch=9)[0].result().get_weights()
    assert all(same(program.result().get_weights(), alone) for program, _ in found)


def test_frozen_layers_stay_and_adapted_ones_are_copied():
    import keras

    scale = keras.layers.Normalization(dtype="float64")
    scale.adapt(rows(THREE)[0] * 7 + 3)
    model = keras.Sequential([keras.Input((4,), dtype="float64"), scale, *layers(lazy=True)])
    model.layers[1].trainable = False
    given = plan(model)
    X, _ = rows(THREE)
    twin = get_adapter("keras").build(given)
    found, expected = (keras.ops.convert_to_numpy(m(X)) for m in (twin, model))
    np.testing.assert_array_equal(found, expected)
    learned = train(given)[0].result()
    assert same(learned.layers[1].get_weights(), model.layers[1].get_weights())
    assert not same(learned.layers[2].get_weights(), model.layers[2].get_weights())


def test_the_models_own_train_step_is_called():
    import keras

    class Doubled(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1, dtype="float64")

        def call(self, X):
            return self.dense(X)

        def train_step(self, *given):  # (data), and on JAX (state, data)
            logs = super().train_step(*given)
            logs, *state = logs if len(given) == 2 else (logs,)
            logs = {"loss": 2.0 * logs["loss"]}
            return (logs, *state) if state else logs

    def plain():
        return keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, dtype="float64")])

    given = plan(Doubled, VALUES, optimizer="sgd", learning_rate=0.1)
    program, losses = train(given)
    expected, single = train(plan(plain, VALUES, optimizer="sgd", learning_rate=0.2))
    assert losses[0] == pytest.approx(4 * single[0])  # Keras's squared error has no half
    X, _ = rows(VALUES)
    np.testing.assert_allclose(program.forward(X), expected.forward(X), atol=1e-6)
    dumped = get_adapter("keras").dump(program.result(), given)
    again = get_adapter("keras").load(dumped, given)
    assert same(again.get_weights(), program.result().get_weights())


@pytest.mark.parametrize(
    "training", [{"optimizer": "rmsprop"}, {"optimizer": "adam", "loss": "mae"}]
)
def test_a_contradiction_names_both(training):
    with pytest.raises(ParameterError, match=r"compiled with (optimizer 'adam'|loss 'mean_squ)"):
        train(plan(compiled("mse", "adam", width=1), VALUES, **training))


def test_the_rate_of_training_is_used_where_it_is_given():
    model = compiled("mse", "sgd", width=1)
    slow = train(plan(model, VALUES, learning_rate=1e-9))[0].result()
    np.testing.assert_allclose(slow.get_weights()[0], model.get_weights()[0], atol=1e-7)


def test_traits_tell_outputs_loss_and_optimizer():
    import keras

    traits = get_adapter("keras").traits
    logits = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert traits(build()).output == "logits"
    assert traits(build(last="softmax")).output == "probabilities"
    assert traits(build(last="log_softmax")).output == "log_probabilities"
    found = traits(compiled(logits, "adam"))
    assert (found.output, found.loss, found.optimizer) == ("logits", "cross_entropy", "adam")
    with pytest.raises(ParameterError, match="softmax"):
        traits(compiled(logits, last="softmax"))


def test_what_keras_cannot_copy_is_refused_with_the_way_out():
    import keras

    class Closed(keras.Model):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def call(self, X):
            return self.inner(X)

    model = Closed(lambda X: X)
    with pytest.raises(CapabilityError, match="function that builds"):
        get_adapter("keras").build(plan(model))


@pytest.mark.parametrize("last", ["softmax", "gelu"])
def test_export_gives_the_same_numbers(last):
    import keras

    onnxruntime = pytest.importorskip("onnxruntime")
    model = build(last=last, dropout=0.2, dtype="float32")
    given = plan(model)
    proto = get_adapter("keras").to_onnx(model, given, 18)
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    assert session.get_inputs()[0].shape == ["batch", 4]
    for n in (1, 7):
        X = rows(THREE)[0][:n].astype(np.float32)
        found = session.run(["outputs"], {"X": X})[0]
        np.testing.assert_allclose(found, keras.ops.convert_to_numpy(model(X)), atol=1e-6)


def program_of(given, rows_of=None):
    adapter = get_adapter("keras")
    X, y = rows(given.task)
    return adapter.program(adapter.build(given), given, Table(X, y) if rows_of is None else rows_of)


EVERYTHING = {"accumulate": 3, "clip_norm": 0.2, "clip_value": 0.1, "ema": 0.9, "l2": 0.1}


@pytest.mark.parametrize("training", [{}, EVERYTHING])
@pytest.mark.parametrize("optimizer", [None, "adam"])
def test_an_epoch_in_parts_is_the_epoch(training, optimizer):
    model = build(dropout=0.4)
    if optimizer is not None:
        model.compile(optimizer)
    given = plan(model, **training)
    whole, parts = program_of(given), program_of(given)
    for epoch in range(2):
        walk = replace(order(30, 7, epoch), accumulate=given.settings.accumulate)
        rates = np.full(walk.updates, given.settings.learning_rate)
        losses = whole.run_epoch(walk, rates, epoch)
        found = [parts.run_epoch(walk.part(0, 1), rates[:1], epoch)]
        found.append(parts.run_epoch(walk.part(1, walk.updates), rates[1:], None))
        np.testing.assert_array_equal(np.concatenate(found), losses)
    left, right = whole.state(), parts.state()
    assert set(left) == set(right)
    assert same(left.values(), right.values())
    again = program_of(given)
    again.restore(left)
    again.run_epoch(walk, rates, 5)
    whole.run_epoch(walk, rates, 5)
    assert same(whole.state().values(), again.state().values())


@pytest.mark.never(["keras-jax"], raises=ValueError, reason="JAX draws with seeds only")
def test_what_is_drawn_from_global_generators_goes_on_in_parts():
    import keras

    class Noise(keras.layers.Layer):
        def call(self, X, training=False):
            return X + keras.random.normal(keras.ops.shape(X), dtype=X.dtype) if training else X

    def noisy():
        return keras.Sequential(
            [keras.Input((4,), dtype="float64"), Noise(dtype="float64"), *layers(lazy=True)]
        )

    given = plan(noisy)
    whole, parts = program_of(given), program_of(given)
    walk, rates = order(30, 10), np.full(3, 1e-3)
    losses = whole.run_epoch(walk, rates, 4)
    found = [parts.run_epoch(walk.part(0, 1), rates[:1], 4)]
    keras.random.normal((3,))
    found.append(parts.run_epoch(walk.part(1, 3), rates[1:], None))
    np.testing.assert_array_equal(np.concatenate(found), losses)


def test_accumulated_batches_are_one_batch_of_all_their_rows():
    X, y = rows(THREE)
    weight = np.random.default_rng(1).uniform(0.1, 3.0, 30)
    model = build()
    several, once = (plan(model, accumulate=k, learning_rate=0.1, l2=0.1) for k in (3, 1))
    found, expected = (program_of(given, Table(X, y, weight)) for given in (several, once))
    found.run_epoch(
        BatchOrder(np.arange(30), np.array([0, 4, 10, 16, 27, 30]), 3), np.full(2, 0.1), 0
    )
    expected.run_epoch(BatchOrder(np.arange(30), np.array([0, 16, 30])), np.full(2, 0.1), 0)
    for ours, theirs in zip(
        found.result().get_weights(), expected.result().get_weights(), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-10)


@pytest.mark.parametrize("optimizer", [None, "sgd"])
def test_the_average_of_the_weights_predicts(optimizer):
    model = build()
    if optimizer is not None:
        model.compile(optimizer)
    plain, averaged = program_of(plan(model)), program_of(plan(model, ema=0.4))
    average = plain.result().get_weights()
    rate = plan(model).settings.learning_rate
    for step in range(6):
        for program in (plain, averaged):
            program.run_epoch(order(30, 30), np.array([rate]), step)
        keep = min(0.4, (1 + step) / (10 + step))
        present = plain.result().get_weights()
        average = [keep * a + (1 - keep) * w for a, w in zip(average, present, strict=True)]
    for ours, theirs in zip(averaged.result().get_weights(), average, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)
    X, _ = rows(THREE)
    direct = get_adapter("keras").program(averaged.result(), plan(model))
    np.testing.assert_allclose(averaged.forward(X), direct.forward(X), atol=1e-12)
    raw = {name: v for name, v in averaged.state().items() if name.startswith("weights/")}
    assert same(raw.values(), plain.result().get_weights())


def test_gradients_are_accumulated_as_keras_does():
    import keras

    X, y = rows(VALUES)
    given = plan(compiled("mse", "adam", width=1, dtype="float32"), VALUES, accumulate=2)
    program = program_of(given)
    model = keras.models.clone_model(given.model.factory)
    model.set_weights(given.model.factory.get_weights())
    model.compile(keras.optimizers.Adam(gradient_accumulation_steps=2), "mse")
    for epoch in range(3):
        walk = replace(order(30, 5, epoch), accumulate=2)
        program.run_epoch(walk, np.full(3, given.settings.learning_rate), 0)
        model.fit(X[walk.rows], y[walk.rows], batch_size=5, shuffle=False, verbose=0)
    for ours, theirs in zip(program.result().get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-6)


def test_a_callback_scales_the_rate_of_a_compiled_model():
    model = compiled("mse", "sgd", width=1)
    halves, given = plan(model, VALUES), plan(model, VALUES)
    found, expected = program_of(halves), program_of(given)
    rate = given.settings.learning_rate
    found.run_epoch(order(30, 30), np.array([rate / 2]), 0)
    found.run_epoch(order(30, 30), np.array([rate / 4]), 0)
    again = program_of(halves)
    again.restore(found.state())
    again.run_epoch(order(30, 30), np.array([rate / 4]), 0)
    for factor in (0.5, 0.25, 0.25):
        expected._model.optimizer.learning_rate.assign(0.01 * factor)
        expected.run_epoch(order(30, 30), np.array([rate]), 0)
    assert same(again.result().get_weights(), expected.result().get_weights())


def test_other_rows_may_be_taken():
    given = plan(build(), optimizer="adam")
    X, y = rows(THREE)
    split, whole = program_of(given, Table(X[:10], y[:10])), program_of(given)
    rates = np.array([0.01])
    split.run_epoch(order(10, 10), rates, 0)
    split.take(Table(X[10:], y[10:]))
    split.run_epoch(order(20, 20), rates, 1)
    whole.run_epoch(BatchOrder(np.arange(10), np.array([0, 10])), rates, 0)
    whole.run_epoch(BatchOrder(np.arange(10, 30), np.array([0, 20])), rates, 1)
    assert same(split.result().get_weights(), whole.result().get_weights())


@pytest.mark.never(["keras-torch"], raises=CapabilityError, reason="torch is not compiled there")
def test_steps_may_be_compiled():
    model = build()
    plain, fast = (program_of(plan(model, **given)) for given in ({}, {"compile": True}))
    for program in (plain, fast):
        program.run_epoch(order(30, 7), np.full(5, 1e-3), 0)
    found, expected = (program.result().get_weights() for program in (fast, plain))
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)

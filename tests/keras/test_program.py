"""The compiled epoch of a network: against plain NumPy, and what it promises besides."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from training.numpy_training import (
    BINARY,
    DROPOUT,
    LABELS,
    THREE,
    TWO,
    Layered,
    equal,
    orders,
    plan,
    rows,
    run,
    start,
    train,
)

from unifml.core.registry import get_adapter
from unifml.core.seeds import Seeds
from unifml.core.table import Table
from unifml.core.task import Task
from unifml.errors import DeviceMemoryError
from unifml.models import MLP
from unifml.training import SGD, RMSprop

pytestmark = pytest.mark.keras


@pytest.mark.parametrize(
    ("task", "training"),
    [
        (BINARY, {"optimizer": "adam", "l2": 0.1}),
        (THREE, {"optimizer": "adamw", "weight_decay": 0.3, "l1": 0.01}),
        (LABELS, {"optimizer": SGD(momentum=0.9, nesterov=True), "learning_rate": 0.1, "l2": 0.1}),
        (TWO, {"optimizer": RMSprop(), "l2": 0.1}),
        (TWO, {"optimizer": "sgd", "loss": "mae"}),
        (TWO, {"optimizer": "adam", "loss": "huber", "learning_rate": 0.05}),
    ],
)
def test_training_is_what_numpy_computes(task, training):
    given = plan(task, 4, **training)
    X, y = rows(task)
    weight = np.random.default_rng(1).uniform(0.1, 3.0, len(X))
    program, losses = run(given, X, y, weight)
    weights, expected = train(given, X, y, weight, 3, 16)
    np.testing.assert_allclose(losses, expected, rtol=1e-10)
    for name, value in program.result().items():
        np.testing.assert_allclose(value, weights[name], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_seed_gives_the_same_model_bitwise(dtype):
    given = plan(THREE, 4, DROPOUT, dtype)
    results = [run(given, *rows(THREE))[0].result() for _ in range(2)]
    assert equal(*results)


def test_fits_in_threads_do_not_disturb_each_other():
    model = MLP(hidden=(11,), dropout=0.3, norm="batch")
    given = plan(THREE, 4, model, optimizer="adamw", weight_decay=0.1, ema=0.9, clip_norm=0.1)
    with ThreadPoolExecutor(3) as pool:
        found = [f.result() for f in [pool.submit(run, given, *rows(THREE)) for _ in range(3)]]
    alone = run(given, *rows(THREE))[0].result()
    assert all(equal(program.result(), alone) for program, _ in found)


def test_a_restored_program_goes_on_bitwise():
    given = plan(THREE, 4, DROPOUT)
    X, y = rows(THREE)
    straight = run(given, X, y, epochs=4)[0].result()
    half = run(given, X, y, epochs=2)[0].state()
    program = get_adapter("keras").program(start(given), given, Table(X, y))
    program.restore(half)
    for order in list(orders(given, len(X), 4, 16))[2:]:
        program.run_epoch(*order)
    assert equal(program.result(), straight)


def test_dropout_masks_differ_between_layers_and_steps():
    import keras  # after torch

    from unifml.adapters.keras.recipe import recipe
    from unifml.adapters.keras.rng import layer_seeds

    model = recipe(plan(BINARY, 4, MLP(hidden=(32, 32), dropout=0.5))).model
    layers = [layer for layer in model.layers if "dropout" in layer.name]
    for layer, begin in zip(layers, layer_seeds(7, 2), strict=True):
        layer.seed_generator.state.assign(begin)
    masks = [layer(np.ones((4, 32)), training=True) for layer in layers * 2]
    masks = [keras.ops.convert_to_numpy(mask) for mask in masks]
    assert len({mask.tobytes() for mask in masks}) == 4


def compilations(recipe):
    """Return how many functions were traced for training, on an engine that traces."""
    compiled = recipe.compiled
    if hasattr(compiled, "_steps"):
        return compiled._steps._cache_size(), compiled._forward._cache_size()
    return tuple(getattr(compiled, "_epochs", {}))


EVERYTHING = {
    "optimizer": "adamw",
    "weight_decay": 0.1,
    "l1": 0.1,
    "l2": 0.1,
    "clip_norm": 1.0,
    "clip_value": 1.0,
    "accumulate": 2,
    "ema": 0.9,
    "learning_rate": 0.1,
}
OTHERS = [
    {},
    {"learning_rate": 0.2, "schedule": "cosine", "warmup": 3},
    {"weight_decay": 0.3},
    {"l1": 0.2, "l2": 0.01, "clip_norm": 0.5, "clip_value": 0.2},
    {"accumulate": 3, "ema": 0.5, "epochs": 7},
]


@pytest.mark.parametrize("training", [{"optimizer": "adam"}, EVERYTHING])
def test_another_fit_of_the_same_network_compiles_nothing(training):
    if get_adapter("keras").capabilities.stacks:
        pytest.skip("dense chains are run by torch, and nothing is compiled")
    from unifml.adapters.keras import recipe

    X, y = rows(THREE)
    model = MLP(hidden=(9, 5), activation="gelu", dropout=0.1)
    recipe.forget()
    first = recipe.recipe(plan(THREE, 4, model, **training))
    run(plan(THREE, 4, model, **training), X, y)[0].forward(X)
    known = compilations(first)
    for other in OTHERS:
        changed = {**training, **other} if training is EVERYTHING else {**training, **OTHERS[1]}
        for given, n in (
            (plan(THREE, 4, model, **changed), 50),
            (plan(THREE, 4, model, **changed), 43),
        ):
            program = run(replace(given, seeds=Seeds(n)), X[:n], y[:n])[0]
            program.forward(X[:n])
            program.take(Table(X[:n], y[:n], np.ones(n)))
    assert len(recipe._recipes) == 1
    assert recipe.recipe(plan(THREE, 4, model, **training)) is first
    assert compilations(first) == known
    run(plan(THREE, 4, model, **{**training, "optimizer": "rmsprop", "weight_decay": 0.0}), X, y)
    assert len(recipe._recipes) == 2
    assert recipe.KEPT >= 20


def test_compiled_networks_are_kept_within_bounds(monkeypatch):
    from unifml.adapters.keras import recipe

    monkeypatch.setattr(recipe, "KEPT", 2)
    found = [recipe.recipe(plan(BINARY, 4, MLP(hidden=(n,)))) for n in (2, 3, 4)]
    assert len(recipe._recipes) == 2
    assert recipe.recipe(plan(BINARY, 4, MLP(hidden=(4,)))) is found[-1]
    recipe.forget()
    assert not recipe._recipes


def test_running_out_of_memory_names_the_next_batch_size(monkeypatch):
    from unifml.adapters.keras.engine import load

    class FullError(Exception):
        """Stands for what the framework raises."""

    X, y = rows(THREE)
    given = plan(THREE, 4, DROPOUT)
    program = get_adapter("keras").program(start(given), given, Table(X, y))

    def full(*args):
        raise FullError("no more")

    monkeypatch.setattr(load(), "OUT_OF_MEMORY", (FullError,))
    monkeypatch.setattr(program._compiled, "prepare_epoch", lambda steps: full)
    monkeypatch.setattr(program._compiled, "forward", full)
    with pytest.raises(DeviceMemoryError, match="batch_size=8"):
        program.run_epoch(*next(iter(orders(given, 50, 1, 16))))
    with pytest.raises(DeviceMemoryError, match="at most 25 rows"):
        program.forward(X)


def test_running_statistics_are_biased_and_keep_nine_tenths():
    task = Task("regression")
    given = plan(task, 4, Layered())
    X, y = rows(task)
    program, _ = run(given, X, y, epochs=1, batch=len(X))
    hidden = X @ start(given)["dense_0.kernel"]
    found = program.result()
    np.testing.assert_allclose(found["batch_norm_0.mean"], 0.1 * hidden.mean(0), atol=1e-12)
    np.testing.assert_allclose(found["batch_norm_0.variance"], 0.9 + 0.1 * hidden.var(0))


def test_how_rows_are_batched_does_not_change_outputs():
    given = plan(THREE, 4, DROPOUT)
    X = np.random.default_rng(0).normal(size=(9000, 4))
    program = get_adapter("keras").program(start(given), given)
    whole = program.forward(X)
    assert whole.shape == (9000, 3)
    np.testing.assert_allclose(program.forward(X[:1]), whole[:1], atol=1e-12)
    np.testing.assert_allclose(program.forward(X[8190:8200]), whole[8190:8200], atol=1e-12)


def test_the_gradient_is_that_of_finite_differences():
    given = plan(THREE, 4)
    X, y = rows(THREE)
    program = get_adapter("keras").program(start(given), given, Table(X, y))
    weights = start(given)
    loss, gradient = program.loss_and_gradient(weights)
    moved = {n: v.copy() for n, v in weights.items()}
    moved["hidden_1.kernel"][2, 3] += 1e-6
    slope = (program.loss_and_gradient(moved)[0] - loss) / 1e-6
    assert slope == pytest.approx(gradient["hidden_1.kernel"][2, 3], rel=1e-4, abs=1e-7)

"""The compiled epoch of a network: against plain NumPy, and what it promises besides."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from unifml.core.plan import Plan
from unifml.core.registry import get_adapter
from unifml.core.seeds import Seeds
from unifml.core.signature import Signature
from unifml.core.table import BatchOrder, Table
from unifml.core.task import Task
from unifml.layers import (
    Activation,
    BatchNorm,
    Dense,
    LayerNorm,
    Network,
    Standardize,
    initial_weights,
)
from unifml.models import MLP
from unifml.training import SGD, RMSprop, Scalars, Training, loss_values

pytestmark = pytest.mark.keras
BINARY, THREE = Task("classification", 1, 2), Task("classification", 1, 3)
LABELS, TWO = Task("classification", 3, 2), Task("regression", 2)
DROPOUT = MLP(hidden=(16, 16), dropout=0.4, norm="batch")


def run(plan, X, y, weight=None, epochs=3, batch=16):
    program = get_adapter("keras").program(start(plan), plan, Table(X, y, weight))
    losses = [program.run_epoch(*given) for given in orders(plan, len(X), epochs, batch)]
    return program, np.concatenate(losses)


def equal(left, right):
    return set(left) == set(right) and all(np.array_equal(left[k], right[k]) for k in left)


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
    given = plan(THREE, 4, MLP(hidden=(11,), dropout=0.3))
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

    from unifml.adapters.keras.program import recipe
    from unifml.adapters.keras.rng import layer_seeds

    model = recipe(plan(BINARY, 4, MLP(hidden=(32, 32), dropout=0.5))).model
    layers = [layer for layer in model.layers if "dropout" in layer.name]
    for layer, begin in zip(layers, layer_seeds(7, 2), strict=True):
        layer.seed_generator.state.assign(begin)
    masks = [layer(np.ones((4, 32)), training=True) for layer in layers * 2]
    masks = [keras.ops.convert_to_numpy(mask) for mask in masks]
    assert len({mask.tobytes() for mask in masks}) == 4


def test_another_fit_of_the_same_network_compiles_nothing():
    from unifml.adapters.keras import program

    X, y = rows(THREE)
    first = run(plan(THREE, 4, l2=0.1, learning_rate=0.1), X, y)[0]._recipe
    traced = dict(getattr(first.compiled, "_epochs", {}))  # TensorFlow is compiled ahead
    again = run(plan(THREE, 4, l2=0.3), X[:33], y[:33], batch=7)[0]._recipe
    assert again is first
    assert getattr(again.compiled, "_epochs", {}) == traced
    assert len(program._recipes) <= program.KEPT


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


class Layered(MLP):
    def network(self, task, signature):
        layers = (Standardize(), Dense(6), BatchNorm(), LayerNorm(), Dense(task.width))
        return Network(layers)


def plan(task, n_features, model=None, dtype="float64", device="cpu", **training):
    model = model or MLP(hidden=(7, 5), activation="tanh")
    signature = Signature((n_features,), task.width, task.n_classes, dtype)
    settings = Training(**training).resolve({}, task, 10**9)
    output = "logits" if task.kind == "classification" else "values"
    network = model.network(task, signature)
    seeds = Seeds(3)
    return Plan(
        model, task, signature, settings, seeds, output=output, device=device, network=network
    )


def start(plan):
    rng = plan.seeds.generator("init")
    return initial_weights(plan.network, plan.signature.input_shape, rng, plan.signature.dtype)


def orders(plan, n, epochs, batch):
    edges = np.append(np.arange(0, n, batch), n)
    for epoch in range(epochs):
        rows = plan.seeds.generator("order", epoch).permutation(n)
        rates = np.linspace(1.0, 0.5, len(edges) - 1) * plan.settings.learning_rate
        yield BatchOrder(rows, edges), rates, plan.seeds.integer("dropout", epoch)


def rows(task, n=50, n_features=4):
    rng = np.random.default_rng(5)
    X = rng.normal(size=(n, n_features))
    shape = (n, task.n_targets) if task.n_targets > 1 else (n,)
    if task.kind == "classification":
        return X, rng.integers(0, task.n_classes, shape)
    return X, rng.normal(size=shape)


def train(plan, X, y, weight, epochs, batch):
    """Return the weights and the losses of all batches."""
    weights, slots, losses, done = start(plan), {}, [], 0
    settings, specs = plan.settings, plan.network.weight_specs(plan.signature.input_shape)
    for order, rates, _ in orders(plan, len(X), epochs, batch):
        scalars = settings.optimizer.scalars(rates, done, settings.weight_decay)
        done += order.steps
        for i in range(order.steps):
            part = order.rows[order.edges[i] : order.edges[i + 1]]
            loss, gradients = backward(plan, weights, X[part], y[part], weight[part])
            losses.append(loss)
            for name, gradient in gradients.items():
                w, step = weights[name], Scalars(*(series[i] for series in scalars))
                memory = slots.get(name, (np.zeros_like(w),) * settings.optimizer.slots)
                if specs[name].role == "kernel":
                    gradient = gradient + settings.l2 * w + settings.l1 * np.sign(w)
                    w = w * step.decay if settings.optimizer.decays else w
                delta, slots[name] = settings.optimizer.update(gradient, memory, step, np.sqrt)
                weights[name] = w - delta
    return weights, np.array(losses)


def backward(plan, weights, X, y, weight):
    """Return loss and gradient of a network of dense layers and tanh."""
    body, inputs = [(node.name, node.layer) for node in plan.graph.body().nodes], []
    for name, layer in body:
        inputs.append(X)
        if isinstance(layer, Dense):
            X = X @ weights[f"{name}.kernel"] + weights[f"{name}.bias"]
        else:
            assert layer == Activation("tanh", name=layer.name)
            X = np.tanh(X)
    loss, flow = _loss(plan, X, y)
    share = weight / weight.sum()
    flow, gradients = flow * share[:, None], {}
    for (name, layer), into in zip(body[::-1], inputs[::-1], strict=True):
        if isinstance(layer, Dense):
            gradients[f"{name}.kernel"] = into.T @ flow
            gradients[f"{name}.bias"] = flow.sum(axis=0)
            flow = flow @ weights[f"{name}.kernel"].T
        else:
            flow = flow * (1 - np.tanh(into) ** 2)
    return float(share @ loss), gradients


def _loss(plan, z, y):
    losses = loss_values(plan.settings.loss, z, y, plan.task, plan.output)
    if plan.task.kind == "regression":
        error = z - y.reshape(z.shape)
        slopes = {"mse": error, "mae": np.sign(error), "huber": np.clip(error, -1, 1)}
        return losses, slopes[plan.settings.loss] / z.shape[1]
    if plan.task.width == 1 or plan.task.multilabel:
        return losses, (1 / (1 + np.exp(-z)) - y.reshape(z.shape)) / z.shape[1]
    odds = np.exp(z - z.max(axis=1, keepdims=True))
    return losses, odds / odds.sum(axis=1, keepdims=True) - np.eye(z.shape[1])[y]

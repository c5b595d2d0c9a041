"""Plans and rows of small networks, and their training in plain NumPy: an oracle."""

import numpy as np

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
from unifml.training import Scalars, Training, loss_values
from unifml.training.clipping import clipped

BINARY, THREE = Task("classification", 1, 2), Task("classification", 1, 3)
LABELS, TWO = Task("classification", 3, 2), Task("regression", 2)
DROPOUT = MLP(hidden=(16, 16), dropout=0.4, norm="batch")


def run(plan, X, y, weight=None, epochs=3, batch=16):
    program = get_adapter("keras").program(start(plan), plan, Table(X, y, weight))
    losses = [program.run_epoch(*given) for given in orders(plan, len(X), epochs, batch)]
    return program, np.concatenate(losses)


def equal(left, right):
    return set(left) == set(right) and all(np.array_equal(left[k], right[k]) for k in left)


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
        order = BatchOrder(rows, edges, plan.settings.accumulate)
        rates = np.linspace(1.0, 0.5, order.updates) * plan.settings.learning_rate
        yield order, rates, plan.seeds.integer("dropout", epoch)


def rows(task, n=50, n_features=4):
    rng = np.random.default_rng(5)
    X = rng.normal(size=(n, n_features))
    shape = (n, task.n_targets) if task.n_targets > 1 else (n,)
    if task.kind == "classification":
        return X, rng.integers(0, task.n_classes, shape)
    return X, rng.normal(size=shape)


def train(plan, X, y, weight, epochs, batch):
    """Return the weights (or their averages) and the losses of all batches."""
    weights, slots, losses, done = start(plan), {}, [], 0
    average = weights
    for order, rates, _ in orders(plan, len(X), epochs, batch):
        scalars = plan.settings.optimizer.scalars(rates, done, plan.settings.weight_decay)
        keeps = plan.settings.ema_keeps(done, order.updates)
        done += order.updates
        for u in range(order.updates):
            part = order.part(u, u + 1)
            total = {}
            for place in part.bounds:
                chosen = part.rows[place]
                loss, gradients = backward(plan, weights, X[chosen], y[chosen], weight[chosen])
                losses.append(loss)
                share = weight[chosen].sum() / weight[part.rows].sum()
                total = {name: total.get(name, 0.0) + share * g for name, g in gradients.items()}
            step = Scalars(*(series[u] for series in scalars))
            weights = moved(plan, weights, total, slots, step)
            average = {n: keeps[u] * average[n] + (1 - keeps[u]) * w for n, w in weights.items()}
    return (weights if plan.settings.ema is None else average), np.array(losses)


def moved(plan, weights, gradients, slots, step):
    """Return the weights after a step."""
    settings, specs = plan.settings, plan.network.weight_specs(plan.signature.input_shape)
    trained = {name: w for name, w in weights.items() if name in gradients}
    kernels = {name for name in trained if specs[name].role == "kernel"}
    for name in kernels:
        w = weights[name]
        gradients[name] = gradients[name] + settings.l2 * w + settings.l1 * np.sign(w)
    flat = clipped(np.concatenate([gradients[name].ravel() for name in trained]), settings)
    ends = np.cumsum([w.size for w in trained.values()])[:-1]
    found = dict(weights)
    for (name, w), gradient in zip(trained.items(), np.split(flat, ends), strict=True):
        memory = slots.get(name, (np.zeros_like(w),) * settings.optimizer.slots)
        delta, slots[name] = settings.optimizer.update(gradient.reshape(w.shape), memory, step, np)
        found[name] = w * (step.decay if name in kernels else 1.0) - delta
    return found


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
        return losses, slopes[plan.settings.loss.kind] / z.shape[1]
    if plan.task.width == 1 or plan.task.multilabel:
        return losses, (1 / (1 + np.exp(-z)) - y.reshape(z.shape)) / z.shape[1]
    odds = np.exp(z - z.max(axis=1, keepdims=True))
    return losses, odds / odds.sum(axis=1, keepdims=True) - np.eye(z.shape[1])[y]

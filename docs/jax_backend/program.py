"""What the backend computes."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from unifml.errors import CapabilityError
from unifml.training import Scalars

ACTIVATIONS = {
    "identity": lambda x: x,
    "relu": jax.nn.relu,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
}


class JaxModel:
    """The plain native model that a user may take away: layers and arrays, callable."""

    def __init__(self, graph, weights):
        self.graph, self.weights = graph, weights

    def __call__(self, X):
        for name in self.graph.standardized.values():
            X = (X - self.weights[f"{name}.mean"]) / self.weights[f"{name}.scale"]
        return apply(self.graph, self.weights, X)


class JaxProgram:
    """A network at work on rows."""

    def __init__(self, weights, plan, data=None):
        self.plan, self.data = plan, data
        self.weights = {name: jnp.array(value) for name, value in weights.items()}
        slots = range(plan.settings.optimizer.slots)
        self.slots = {
            name: tuple(jnp.zeros_like(weight) for _ in slots)
            for name, weight in self.weights.items()
        }
        self.step = 0
        if data is not None:
            weight = np.ones(len(data)) if data.weight is None else data.weight
            self.rows = [jnp.array(part) for part in (data.X, data.y, np.float32(weight))]

    def run_epoch(self, order, rates, seed):
        if self.data is None:
            raise CapabilityError("learning", found="a program without rows to learn from")
        settings, losses = self.plan.settings, []
        recipe = (settings.loss, settings.optimizer, settings.l1, settings.l2)
        learn = compiled_step(self.plan.graph, self.plan.task, *recipe)
        scalars = settings.optimizer.scalars(rates, self.step, settings.weight_decay)
        for i in range(order.steps):
            rows = order.rows[order.edges[i] : order.edges[i + 1]]
            batch = [part[rows] for part in self.rows]
            now = Scalars(*(np.float32(part[i]) for part in scalars))
            self.weights, self.slots, loss = learn(self.weights, self.slots, batch, now)
            losses.append(loss)
        self.step += order.steps
        return np.array(losses)

    def forward(self, X):
        return np.asarray(apply(self.plan.graph, self.weights, jnp.array(X)))

    def result(self):
        return {name: np.array(value) for name, value in self.weights.items()}

    def state(self):
        state = {f"weights/{name}": value for name, value in self.result().items()}
        for name, slots in self.slots.items():
            state |= {f"slots/{i}/{name}": np.array(slot) for i, slot in enumerate(slots)}
        return state | {"step": np.array(self.step)}

    def restore(self, state):
        self.weights = {name: jnp.array(state[f"weights/{name}"]) for name in self.weights}
        self.slots = {
            name: tuple(jnp.array(state[f"slots/{i}/{name}"]) for i in range(len(slots)))
            for name, slots in self.slots.items()
        }
        self.step = int(state["step"])

    def loss_and_gradient(self, weights):
        raise CapabilityError("an exact solution on backend 'jax'")

    def fit(self):
        raise CapabilityError("a native estimator on backend 'jax'")


def apply(graph, weights, x):
    """Return the raw outputs; `body` is the network without its leading Standardize."""
    for node in graph.body().chain():
        name, layer = node.name, node.layer
        if layer.kind == "dense":
            x = x @ weights[f"{name}.kernel"] + weights.get(f"{name}.bias", 0.0)
        else:
            x = ACTIVATIONS[layer.function](x)
    return x


@cache  # specs are hashable: folds, trials and refits share what was compiled
def compiled_step(graph, task, loss, optimizer, l1, l2):
    """Return the function from weights, slots and a batch to those after one step."""

    def mean_loss(weights, X, y, weight):
        values = row_losses(loss, task, apply(graph, weights, X), y)
        return (weight * values).sum() / weight.sum()

    def learn(weights, slots, batch, scalars):
        value, gradients = jax.value_and_grad(mean_loss)(weights, *batch)
        weights, slots = dict(weights), dict(slots)
        for name, gradient in gradients.items():
            old, decay = weights[name], 1.0
            if name.endswith(".kernel"):  # penalties leave biases alone
                gradient = gradient + l2 * old + l1 * jnp.sign(old)
                decay = scalars.decay
            change, slots[name] = optimizer.update(gradient, slots[name], scalars, jnp.sqrt)
            weights[name] = old * decay - change
        return weights, slots, value

    return jax.jit(learn)


def row_losses(loss, task, outputs, y):
    """Return the loss of each row, as `unifml.training.loss_values` defines it."""
    if loss == "mse":
        return 0.5 * ((outputs - y) ** 2).mean(axis=1)
    if task.width == 1:  # two classes, one logit
        return jax.nn.softplus(outputs[:, 0]) - y * outputs[:, 0]
    return -jnp.take_along_axis(jax.nn.log_softmax(outputs), y[:, None], axis=1)[:, 0]

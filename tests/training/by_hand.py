"""Problems for programs of torch, and the loop that one would write by hand for them."""

from __future__ import annotations

import numpy as np

from unifml.core.plan import Plan
from unifml.core.seeds import Seeds
from unifml.core.signature import Signature
from unifml.core.table import BatchOrder, Table
from unifml.core.task import Task
from unifml.layers import LSTM, Activation, BatchNorm, Conv2D, Dense, Dropout, Flatten, Network
from unifml.models import Native
from unifml.training import Training
from unifml.training.start import start_weights

CLASSES = Task("classification", n_classes=3)
BINARY = Task("classification", n_classes=2)
NUMBER = Task("regression")
IMAGES = (
    Conv2D(4, kernel_size=3, name="conv"),
    Activation("tanh"),
    Flatten(),
    Dense(6, name="hidden"),
)
NOISY = (*IMAGES, BatchNorm(name="norm"), Dropout(0.4))
SERIES = (LSTM(5, name="lstm"), Dropout(0.3))
RNG = np.random.default_rng(0)
ROWS = 26


def table(shape=(6, 6, 2), task=CLASSES, weighted=False, rows=ROWS, dtype="float64"):
    rng = np.random.default_rng(rows)
    X = rng.normal(size=(rows, *shape)).astype(dtype)
    y = np.arange(rows) % task.n_classes if task.n_classes else rng.normal(size=(rows, 1))
    weight = rng.uniform(0.5, 2.0, rows) if weighted else None
    return Table(X, y if task.n_classes else y.astype(dtype), weight)


def order(batch=8, accumulate=1, rows=ROWS, seed=0):
    places = np.random.default_rng(seed).permutation(rows).astype(np.int64)
    return BatchOrder(places, np.append(np.arange(0, rows, batch), rows), accumulate)


def plan(body, data, task=CLASSES, dtype="float64", model="a network of layers", **training):
    settings = Training(**{"optimizer": "sgd", **training}).resolve({}, task, len(data))
    shape = data.X.shape[1:]
    return Plan(
        model=model,
        task=task,
        signature=Signature(shape, max(task.n_classes, 1), task.n_classes, dtype),
        settings=settings,
        seeds=Seeds(3),
        output=settings.loss.output_for(task),
        network=None if body is None else Network((*body, Dense(task.width, name="output"))),
    )


def network(body, data, task=CLASSES, dtype="float64", **training):
    """Return a program of a network, and a module of the same weights to train by hand."""
    from unifml.adapters.torch import layers
    from unifml.adapters.torch.program import NetworkProgram

    made = plan(body, data, task, dtype, **training)
    weights = start_weights(made, {})
    module = layers.native(made.graph.body(), weights, dtype).train()
    return NetworkProgram(weights, made, data), module


def native(module, data, task=CLASSES, dtype="float64", **training):
    import copy

    from unifml.adapters.torch.natives import NativeProgram

    made = plan(None, data, task, dtype, Native(module), **training)
    return NativeProgram(copy.deepcopy(module), made, data)


def batches(data, epoch):
    import torch

    X, y = torch.tensor(data.X), torch.tensor(data.y)
    for place in epoch.bounds:
        rows = epoch.rows[place]
        yield X[rows], y[rows]


def by_hand(module, optimizer, data, epoch, rates, loss, change=lambda module: None):
    """Train for an epoch as one would by hand; `change` sees the gradients before each step."""
    for (X, y), rate in zip(batches(data, epoch), rates, strict=True):
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        loss(module(X), y).backward()
        change(module)
        optimizer.step()


def cross_entropy(outputs, y):
    from torch.nn import functional

    return functional.cross_entropy(outputs, y)


def sgd(module, **settings):
    import torch

    return torch.optim.SGD(module.parameters(), lr=1.0, **settings)


def kernels(module):
    return [p for p in module.parameters() if p.ndim > 1]


def weights_of(program):
    """Return what a program learned, by torch's own names where it is a module."""
    found = program.result()
    if isinstance(found, dict):
        return found
    return {name: value.numpy() for name, value in found.state_dict().items()}


def close(found, module, tolerance=1e-12):
    """Compare outputs of a program with those of a module."""
    import torch

    program, X = found
    with torch.no_grad():
        wanted = module.eval()(torch.tensor(X)).numpy()
    module.train()
    np.testing.assert_allclose(program.forward(X), wanted, rtol=tolerance, atol=tolerance)


def same_bits(found, wanted):
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)

"""Losses, optimizers and training steps of the user, against the same training by hand."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
from training.by_hand import (
    BINARY,
    CLASSES,
    IMAGES,
    NUMBER,
    by_hand,
    close,
    cross_entropy,
    kernels,
    native,
    network,
    order,
    sgd,
    table,
    weights_of,
)

from unifml.errors import CapabilityError, DataTypeError
from unifml.training import CustomLoss

pytestmark = pytest.mark.torch
RATES = np.array([0.3, 0.2, 0.4, 0.1])


def test_an_optimizer_of_the_user_gets_the_parameters_as_they_are():
    import torch

    data, shapes = table(), []

    def make(parameters):
        shapes.extend(tuple(p.shape) for p in parameters)
        return torch.optim.NAdam(parameters, lr=0.05)

    program, module = network(IMAGES, data, optimizer=make, l2=0.1, clip_norm=0.5)
    assert sorted(shapes) == sorted(tuple(p.shape) for p in module.parameters())
    optimizer = torch.optim.NAdam(module.parameters(), lr=0.05)

    def change(module):
        for kernel in kernels(module):
            kernel.grad += 0.1 * kernel.detach()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 0.5)

    # Its own rate holds; the loop's are shares of it.
    shares = np.array([1.0, 0.5, 0.25, 1.0])
    by_hand(module, optimizer, data, order(), 0.05 * shares, cross_entropy, change)
    program.run_epoch(order(), shares, 0)
    close((program, data.X), module, 1e-4)
    assert program.plan.settings.learning_rate == 1.0


def test_a_learning_rate_that_was_set_replaces_the_optimizers_own():
    import torch

    data = table()
    own = {"optimizer": lambda p: torch.optim.Adadelta(p, lr=7.0), "learning_rate": 0.5}
    program, module = network(IMAGES, data, **own)
    by_hand(module, torch.optim.Adadelta(module.parameters()), data, order(), RATES, cross_entropy)
    program.run_epoch(order(), RATES, 0)
    close((program, data.X), module)


def test_optimizers_that_cannot_step_are_refused():
    import torch

    with pytest.raises(CapabilityError, match="needs a closure"):
        network(IMAGES, table(), optimizer=torch.optim.LBFGS)
    with pytest.raises(CapabilityError, match="a function from parameters to"):
        network(IMAGES, table(), optimizer=lambda parameters: 3)


@pytest.mark.parametrize("case", ["classes", "two", "number"])
def test_a_loss_of_the_user_trains_as_by_hand(case):
    import torch

    task = {"classes": CLASSES, "two": BINARY, "number": NUMBER}[case]
    loss = {
        "classes": torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 0.5])),
        "two": torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor([3.0])),
        "number": lambda outputs, y: (outputs - y).abs() ** 3,
    }[case]
    data = table(task=task)
    program, module = network(IMAGES, data, task, loss=CustomLoss(loss))

    def mean(outputs, y):
        if case == "classes":  # torch's own mean divides by the weights of the classes
            weight = loss.weight.double()
            return torch.nn.functional.cross_entropy(outputs, y, weight, reduction="none").mean()
        if case == "two":
            return deepcopy(loss).double()(outputs, y[:, None].double())
        return loss(outputs, y).mean()

    rates = RATES / 10
    by_hand(module, sgd(module), data, order(), rates, mean)
    program.run_epoch(order(), rates, 0)
    close((program, data.X), module)
    outputs = program.forward(data.X)
    rows = program.row_losses(outputs, data.y)
    assert rows.shape == (26,)
    np.testing.assert_allclose(
        rows.mean(), mean(torch.tensor(outputs), torch.tensor(data.y)).item(), rtol=1e-12
    )


def test_a_loss_of_one_number_has_no_weights():
    def loss(outputs, y):
        return (outputs - y).abs().mean()

    for weighted in (False, True):
        data = table(task=NUMBER, weighted=weighted)
        program, _ = network(IMAGES, data, NUMBER, loss=CustomLoss(loss))
        if not weighted:
            assert np.isfinite(program.run_epoch(order(), RATES, 0)).all()
            assert np.ptp(program.row_losses(data.y, data.y + 1.0)) == 0
            continue
        with pytest.raises(CapabilityError, match="one number for each row"):
            program.run_epoch(order(), RATES, 0)


def test_a_training_step_of_the_user_accumulates_by_rows():
    import torch

    class Own(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.body = torch.nn.Linear(4, 3, dtype=torch.float64)

        def forward(self, X):
            return self.body(X)

        def training_step(self, batch):
            X, y = batch
            return cross_entropy(self(X), y).reshape(1)

    data = table((4,))
    small, large = native(Own(), data, accumulate=2), native(Own(), data)
    small.run_epoch(order(9, 2), RATES[:2], 0)
    large.run_epoch(order(18), RATES[:2], 0)
    for name, value in weights_of(large).items():
        np.testing.assert_allclose(weights_of(small)[name], value, rtol=1e-12)
    for asked in ({"l2": 0.1}, {"loss": "focal"}, {"label_smoothing": 0.1}):
        with pytest.raises(CapabilityError, match="computes its whole objective"):
            native(Own(), data, **asked)
    bad = Own()
    bad.training_step = lambda batch: 3.0
    with pytest.raises(DataTypeError, match="tensor of one number"):
        native(bad, data).run_epoch(order(), RATES, 0)

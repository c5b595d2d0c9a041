"""Optimizers: the rules in NumPy against torch's own and closed forms; what a user may give."""

from __future__ import annotations

import numpy as np
import pytest

from unifml.core.task import Task
from unifml.errors import CapabilityError, DataTypeError, ParameterError, UnknownNameError
from unifml.training import (
    OPTIMIZERS,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    CustomOptimizer,
    Lion,
    RMSprop,
    Scalars,
    Training,
)
from unifml.training.optimizers import as_optimizer

RNG = np.random.default_rng(0)
STEPS, DECAY = 30, 0.1
RATES = np.geomspace(0.1, 0.01, STEPS)
START = RNG.normal(size=(4, 3))
GRADIENTS = RNG.normal(size=(STEPS, 4, 3)) * 10.0 ** RNG.integers(-3, 2, (STEPS, 1, 1))
GRADIENTS[:, 0, 0] = 0.0  # a weight that nothing depends on
RULES = {
    "sgd": SGD(),
    "momentum": SGD(momentum=0.9),
    "nesterov": SGD(momentum=0.9, nesterov=True),
    "adam": Adam(beta_1=0.8, beta_2=0.99, epsilon=1e-6),
    "adamw": AdamW(),
    "rmsprop": RMSprop(rho=0.8, epsilon=1e-6),
    "adagrad": Adagrad(epsilon=1e-6),
    "lion": Lion(beta_1=0.8, beta_2=0.95),
}


def by_the_rule(rule, maths=np, place=np.asarray):
    """Return the weights after each step."""
    weight, slots = place(START), tuple(place(np.zeros_like(START)) for _ in range(rule.slots))
    scalars = rule.scalars(RATES, 0, DECAY)
    found = []
    for step, gradient in enumerate(GRADIENTS):
        now = Scalars(*(series[step].item() for series in scalars))
        delta, slots = rule.update(place(gradient), slots, now, maths)
        weight = weight * now.decay - delta
        found.append(np.asarray(weight))
    return np.array(found)


def by_torch(make):
    import torch

    weight = torch.nn.Parameter(torch.tensor(START))
    optimizer, found = make([weight]), []
    for rate, gradient in zip(RATES, GRADIENTS, strict=True):
        optimizer.param_groups[0]["lr"] = rate
        weight.grad = torch.tensor(gradient)
        optimizer.step()
        found.append(weight.detach().numpy().copy())
    return np.array(found)


def torchs_own(name):
    from functools import partial

    from torch import optim

    return {
        "sgd": partial(optim.SGD, lr=1.0),
        "momentum": partial(optim.SGD, lr=1.0, momentum=0.9),
        "nesterov": partial(optim.SGD, lr=1.0, momentum=0.9, nesterov=True),
        "adam": partial(optim.Adam, betas=(0.8, 0.99), eps=1e-6),
        "adamw": partial(optim.AdamW, weight_decay=DECAY),
        "rmsprop": partial(optim.RMSprop, alpha=0.8, eps=1e-6),
        "adagrad": partial(optim.Adagrad, eps=1e-6),
    }[name]


@pytest.mark.torch
@pytest.mark.parametrize("name", [name for name in RULES if name != "lion"])
def test_rules_are_torchs_step_by_step(name):
    np.testing.assert_allclose(by_the_rule(RULES[name]), by_torch(torchs_own(name)), rtol=1e-10)


@pytest.mark.torch
@pytest.mark.parametrize("name", RULES)
def test_rules_run_on_the_tensors_of_torch(name):
    import torch

    found = by_the_rule(RULES[name], torch, torch.tensor)
    np.testing.assert_allclose(found, by_the_rule(RULES[name]), rtol=1e-10)


@pytest.mark.keras
@pytest.mark.parametrize("name", RULES)
def test_rules_run_on_the_arrays_of_keras(name):
    from unifml.adapters.keras.engine import load

    engine = load()
    with engine.place("cpu", "float64"):
        found = by_the_rule(RULES[name], engine, lambda array: engine.tensor(array, "float64"))
        np.testing.assert_allclose(found, by_the_rule(RULES[name]), rtol=1e-10)


def test_lion_is_the_algorithm_of_its_paper():
    weight, memory, found = START.copy(), np.zeros_like(START), []
    for rate, gradient in zip(RATES, GRADIENTS, strict=True):
        direction = np.sign(0.8 * memory + 0.2 * gradient)
        weight = weight - rate * (direction + DECAY * weight)
        memory = 0.95 * memory + 0.05 * gradient
        found.append(weight)
    rule = by_the_rule(RULES["lion"])
    np.testing.assert_allclose(rule, found, rtol=1e-12)
    np.testing.assert_allclose(rule[:, 0, 0], START[0, 0] * np.cumprod(1 - DECAY * RATES))


def test_only_some_decay():
    assert {name for name, kind in OPTIMIZERS.items() if kind().decays} == {"adamw", "lion"}
    task = Task("regression")
    assert Training(optimizer="lion", weight_decay=0.1).resolve({}, task, 9).weight_decay == 0.1
    with pytest.raises(ParameterError, match="adamw and lion"):
        Training(optimizer="adagrad", weight_decay=0.1).resolve({}, task, 9)


def test_each_has_a_rate_of_its_own():
    rates = {name: as_optimizer(name).learning_rate for name in OPTIMIZERS}
    assert rates == {
        **dict.fromkeys(("adam", "adamw", "rmsprop"), 0.001),
        **dict.fromkeys(("sgd", "adagrad"), 0.01),
        "lion": 1e-4,
    }


def test_a_function_is_an_optimizer_of_the_users():
    def make(parameters):
        return parameters

    found = as_optimizer(make)
    assert found == CustomOptimizer(make)
    assert hash(found) == hash(CustomOptimizer(make))
    assert found != CustomOptimizer(lambda parameters: parameters)
    assert (found.kind, found.learning_rate, found.decays) == ("custom", 1.0, False)
    with pytest.raises(CapabilityError, match="stepped by its framework"):
        found.update(START, (), None, np)


class OfKeras:
    """What is recognised as an optimizer of Keras."""

    def get_config(self):
        return {"learning_rate": 0.25}

    def apply(self, gradients):
        raise NotImplementedError


def test_an_optimizer_of_keras_says_its_rate():
    assert as_optimizer(OfKeras()).learning_rate == 0.25
    with pytest.raises(DataTypeError, match=r"optimizer=OfKeras\(\)"):
        as_optimizer(OfKeras)


@pytest.mark.keras
def test_optimizers_of_keras_are_recognised():
    from unifml.adapters.keras.engine import load

    load()
    import keras

    falling = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    assert as_optimizer(keras.optimizers.Nadam(0.02)).learning_rate == pytest.approx(0.02)
    assert as_optimizer(keras.optimizers.Nadam(falling)).learning_rate == 1.0


@pytest.mark.torch
def test_an_optimizer_of_torch_is_given_as_what_makes_it():
    import torch

    assert as_optimizer(torch.optim.Adadelta).factory is torch.optim.Adadelta
    made = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    with pytest.raises(DataTypeError, match="a function from parameters"):
        as_optimizer(made)


@pytest.mark.parametrize(
    ("value", "error", "match"),
    [
        ("lyon", UnknownNameError, "did you mean 'lion'"),
        (3, DataTypeError, "optimizer=3"),
        (Lion(beta_2=1.0), ParameterError, "beta_2 < 1"),
    ],
)
def test_what_cannot_be_an_optimizer_is_refused(value, error, match):
    with pytest.raises(error, match=match):
        as_optimizer(value)

"""Losses in the tensors of a framework: values and slopes, against the rule in NumPy."""

from __future__ import annotations

import os

import numpy as np
import pytest

from unifml.core.task import Task
from unifml.errors import CapabilityError
from unifml.training import LOSSES, CrossEntropy, Focal, Huber, Quantile, as_loss, loss_values

RNG = np.random.default_rng(0)
N, STEP = 12, 1e-6
CASES = {  # width of the outputs, task, targets
    "classes": (3, Task("classification", 1, 3), RNG.integers(0, 3, N)),
    "two": (1, Task("classification", 1, 2), RNG.integers(0, 2, N)),
    "two as two": (2, Task("classification", 1, 2), RNG.integers(0, 2, N)),
    "labels": (4, Task("classification", 4, 2), RNG.integers(0, 2, (N, 4))),
    "soft classes": (3, Task("classification", 1, 3), RNG.dirichlet(np.ones(3), N)),
    "soft two": (1, Task("classification", 1, 2), RNG.uniform(size=(N, 1))),
    "soft two, both": (1, Task("classification", 1, 2), RNG.dirichlet(np.ones(2), N)),
    "soft two as two": (2, Task("classification", 1, 2), RNG.uniform(size=(N, 1))),
    "soft labels": (4, Task("classification", 4, 2), RNG.uniform(size=(N, 4))),
    "numbers": (2, Task("regression", 2), RNG.uniform(0, 3, (N, 2))),
    "number": (1, Task("regression", 1), RNG.uniform(0, 3, N)),
}
OUTPUTS = {width: RNG.normal(size=(N, width)) * 2 for width in (1, 2, 3, 4)}
SET = {
    "classification": (CrossEntropy(0.1), Focal(1.5, label_smoothing=0.1), Focal(0.5), Focal(0)),
    "regression": (Huber(0.3), Quantile(0.9)),
}
ALPHA = (Focal(alpha=0.2), Focal(1.5, 0.7, 0.1))
PAIRS = [
    (loss, case)
    for case, (_, task, _) in CASES.items()
    for loss in (
        *(as_loss(name, task) for name in LOSSES[task.kind]),
        *SET[task.kind],
        *(ALPHA if task.binary or task.multilabel else ()),
    )
]
_of_pairs = pytest.mark.parametrize(
    ("loss", "case"), PAIRS, ids=[f"{loss!r}-{case}" for loss, case in PAIRS]
)


def of_torch(loss, outputs, y, task, output, dtype="float64"):
    """Return values and the slopes of their sum."""
    import torch

    from unifml.adapters._torch_engine.losses import row_loss

    z = torch.tensor(outputs, dtype=getattr(torch, dtype), requires_grad=True)
    y = torch.tensor(y) if y.dtype.kind == "i" else torch.tensor(y, dtype=z.dtype)
    values = row_loss(loss, task, output)(z, y)
    values.sum().backward()
    return values.detach().numpy(), z.grad.numpy()


def of_keras(loss, outputs, y, task, output, dtype="float64"):
    """Return values and the slopes of their sum, on the engine of this process."""
    from unifml.adapters.keras.engine import load

    engine = load()
    import keras

    from unifml.adapters.keras.losses import row_losses

    with engine.place("cpu", "float64"):
        z = keras.Variable(outputs, dtype=dtype)
        y = engine.tensor(y, None if y.dtype.kind == "i" else dtype)
        found = {}

        def objective():
            found["values"] = row_losses(loss, z.value, y, task, output)
            return keras.ops.sum(found["values"]), 0.0

        if os.environ.get("KERAS_BACKEND") == "jax":
            return _of_jax(lambda z: row_losses(loss, z, y, task, output), z.value)
        _, (slopes,) = engine.gradients(objective, [z])
        return engine.to_numpy(found["values"]), engine.to_numpy(slopes)


def _of_jax(values, z):
    import jax

    return np.array(values(z)), np.array(jax.grad(lambda z: values(z).sum())(z))


def of_toy(loss, outputs, y, task, output):
    """Return values and slopes of the toy backend, whose slopes are written by hand."""
    from unifml.testing.toy_losses import output_gradient

    values = loss_values(loss, outputs, y, task, output)
    return values, output_gradient(loss, outputs, y, task)


def by_differences(loss, outputs, y, task, output):
    """Return the slopes of the rule in NumPy, by differences."""
    slopes = np.empty_like(outputs)
    for column in range(outputs.shape[1]):
        moved = np.zeros_like(outputs)
        moved[:, column] = STEP
        up, down = (loss_values(loss, outputs + s * moved, y, task, output) for s in (1, -1))
        slopes[:, column] = (up - down) / (2 * STEP)
    return slopes


def holds(compute, loss, case, output=None):
    width, task, y = CASES[case]
    outputs, output = OUTPUTS[width], output or loss.output_for(task)
    values, slopes = compute(loss, outputs, y, task, output)
    wanted = loss_values(loss, outputs, y, task, output)
    assert values.shape == (N,)
    np.testing.assert_allclose(values, wanted, rtol=1e-10, atol=1e-12)
    expected = by_differences(loss, outputs, y, task, output)
    np.testing.assert_allclose(slopes, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.torch
@_of_pairs
def test_torch_has_the_values_and_slopes_of_the_rule(loss, case):
    holds(of_torch, loss, case)


@pytest.mark.keras
@_of_pairs
def test_keras_has_the_values_and_slopes_of_the_rule(loss, case):
    holds(of_keras, loss, case)


# Networks of ours have one output for two classes, and so has the toy.
OF_OURS = [pair for pair in PAIRS if not pair[1].endswith("as two")]


@pytest.mark.parametrize(("loss", "case"), OF_OURS, ids=[f"{a!r}-{b}" for a, b in OF_OURS])
def test_the_toy_has_the_slopes_of_the_rule(loss, case):
    holds(of_toy, loss, case)


BACKENDS = [
    pytest.param(of_torch, marks=pytest.mark.torch, id="torch"),
    pytest.param(of_keras, marks=pytest.mark.keras, id="keras"),
]


@pytest.mark.parametrize("compute", BACKENDS)
@pytest.mark.parametrize("loss", [CrossEntropy(), CrossEntropy(0.1), Focal()], ids=repr)
@pytest.mark.parametrize("case", ["classes", "two", "labels", "soft classes"])
@pytest.mark.parametrize("output", ["probabilities", "log_probabilities"])
def test_probabilities_are_taken_as_such(compute, loss, case, output):
    width, task, y = CASES[case]
    on_off = task.multilabel or width == 1
    odds = np.exp(OUTPUTS[width])
    shares = odds / (1 + odds) if on_off else odds / odds.sum(axis=1, keepdims=True)
    outputs = shares if output == "probabilities" else np.log(shares)
    values, slopes = compute(loss, outputs, y, task, output)
    wanted = loss_values(loss, outputs, y, task, output)
    np.testing.assert_allclose(values, wanted, rtol=1e-9)
    by_logits = loss_values(loss, OUTPUTS[width], y, task, "logits")
    np.testing.assert_allclose(values, by_logits, rtol=1e-7)
    assert np.isfinite(slopes).all()


@pytest.mark.parametrize("compute", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("loss", [CrossEntropy(), CrossEntropy(0.1), Focal(), Focal(0.5)], ids=repr)
@pytest.mark.parametrize("case", ["classes", "two", "labels"])
def test_far_logits_give_finite_slopes(compute, dtype, loss, case):
    width, task, y = CASES[case]
    far = np.where(OUTPUTS[width] > 0, 3e4, -3e4)
    values, slopes = compute(loss, far, y, task, "logits", dtype)
    np.testing.assert_allclose(values, loss_values(loss, far, y, task, "logits"), rtol=2e-3)
    assert np.isfinite(slopes).all()


@pytest.mark.torch
def test_a_module_of_torch_is_copied_and_gives_rows():
    import torch

    z, y = OUTPUTS[3], CASES["classes"][2]
    given = torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0]), label_smoothing=0.1)
    task = CASES["classes"][1]
    values, _ = of_torch(as_loss(given, task), z, y, task, "logits")
    assert given.reduction == "mean"
    assert given.weight.dtype == torch.float32
    given.reduction = "none"
    wanted = given(torch.tensor(z, dtype=torch.float32), torch.tensor(y))
    np.testing.assert_allclose(values, wanted.numpy(), rtol=1e-5)


@pytest.mark.parametrize("compute", BACKENDS)
def test_a_function_gets_outputs_and_targets_as_columns(compute):
    def cubic(outputs, targets):
        assert tuple(targets.shape) == tuple(outputs.shape)
        return abs(outputs - targets) ** 3

    for case in ("number", "numbers"):
        width, task, y = CASES[case]
        values, _ = compute(as_loss(cubic, task), OUTPUTS[width], y, task, "values")
        wanted = np.abs(OUTPUTS[width] - y.reshape(N, width)) ** 3
        np.testing.assert_allclose(values, wanted.mean(axis=1))


@pytest.mark.torch
def test_one_number_for_the_batch_has_no_weights_on_torch():
    import torch

    from unifml.adapters._torch_engine.losses import row_loss, weighted_mean

    task = CASES["number"][1]
    loss = row_loss(as_loss(lambda z, y: (z - y).abs().mean(), task), task, "values")
    z, y = torch.tensor([[1.0], [5.0]]), torch.zeros(2)
    assert weighted_mean(loss(z, y), None) == 3.0
    with pytest.raises(CapabilityError, match="one number for each row"):
        weighted_mean(loss(z, y), torch.ones(2))
    bad = row_loss(as_loss(lambda z, y: z[:1], task), task, "values")
    with pytest.raises(CapabilityError, match="for 2 rows"):
        bad(z, y)


@pytest.mark.keras
def test_losses_of_keras_leave_their_reduction_out():
    from unifml.adapters.keras.engine import load

    load()
    import keras

    width, task, y = CASES["two"]
    z, given = OUTPUTS[width], keras.losses.BinaryCrossentropy(from_logits=True, dtype="float64")
    wanted = loss_values("cross_entropy", z, y, task, "logits")
    values, _ = of_keras(as_loss(given, task), z, y, task, "logits")
    np.testing.assert_allclose(values, wanted, rtol=1e-6)
    # A function of Keras takes targets first.
    width, task, y = CASES["number"]
    rates, loss = np.abs(OUTPUTS[width]), as_loss(keras.losses.poisson, task)
    values, _ = of_keras(loss, rates, y, task, "values")
    np.testing.assert_allclose(values, rates[:, 0] - y * np.log(rates[:, 0]), rtol=1e-5)


@pytest.mark.keras
def test_one_number_for_the_batch_is_known_as_such_on_keras():
    from unifml.adapters.keras.engine import load

    engine = load()
    import keras

    from unifml.adapters.keras.losses import is_per_row

    width, task, y = CASES["number"]
    loss = as_loss(lambda z, y: keras.ops.mean(keras.ops.abs(z - y)), task)
    values, _ = of_keras(loss, OUTPUTS[width], y, task, "values")
    np.testing.assert_allclose(values, np.abs(OUTPUTS[width][:, 0] - y).mean())
    z, y = engine.tensor(OUTPUTS[width], "float32"), engine.tensor(y, "float32")
    assert not is_per_row(loss, z, y, task)
    assert is_per_row(as_loss(lambda z, y: keras.ops.abs(z - y), task), z, y, task)
    assert is_per_row(as_loss("mse", task), z, y, task)

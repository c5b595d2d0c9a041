"""The framework's own losses and optimizers that stand for ours, where it has them."""

from __future__ import annotations

import ast

import numpy as np
import pytest

import unifml
from unifml.core.task import Task
from unifml.training import (
    LOSSES,
    OPTIMIZERS,
    CrossEntropy,
    Focal,
    Huber,
    Training,
    as_loss,
    loss_values,
)

RNG = np.random.default_rng(0)
N = 20
CASES = {
    "classes": (3, Task("classification", 1, 3), RNG.integers(0, 3, N)),
    "two": (1, Task("classification", 1, 2), RNG.integers(0, 2, (N, 1))),
    "labels": (4, Task("classification", 4, 2), RNG.integers(0, 2, (N, 4))),
    "numbers": (2, Task("regression", 2), RNG.uniform(0, 3, (N, 2))),
}
SET = {
    "classification": (CrossEntropy(0.1), Focal(1.5), Focal(label_smoothing=0.1)),
    "regression": (Huber(0.3),),
}
PAIRS = [
    (loss, case)
    for case, (_, task, _) in CASES.items()
    for loss in (*(as_loss(name, task) for name in LOSSES[task.kind]), *SET[task.kind])
]
WITHOUT = {  # what Keras has not, row by row
    "classes": {"focal", "hinge", "squared_hinge"},
    "numbers": {"quantile", "poisson"},
}


@pytest.mark.keras
@pytest.mark.parametrize(("loss", "case"), PAIRS, ids=[f"{a!r}-{b}" for a, b in PAIRS])
def test_what_a_model_is_compiled_with_is_the_loss(loss, case):
    from unifml.adapters.keras.engine import load

    engine = load()
    from unifml.adapters.keras.losses import compiled_loss, is_keras_loss

    width, task, y = CASES[case]
    z = RNG.normal(size=(N, width))
    with engine.place("cpu", "float64"):
        found = compiled_loss(loss, task, "float64")
        smooth = loss == Focal(label_smoothing=0.1)
        assert (found is None) == (smooth or loss.kind in WITHOUT.get(case, ()))
        if not is_keras_loss(loss, task):
            assert found is None or loss == CrossEntropy(0.1)
            return
        given = engine.tensor(y, "int64" if case == "classes" else "float64")
        values = engine.to_numpy(found.call(given, engine.tensor(z, "float64")))
    wanted = loss_values(loss, z, y, task, loss.output) * (2 if loss.kind == "mse" else 1)
    np.testing.assert_allclose(values, wanted, rtol=1e-6)


@pytest.mark.keras
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_keras_has_every_optimizer(kind):
    from unifml.adapters.keras.engine import load

    load()
    from unifml.adapters.keras.optimizers import keras_optimizer

    settings = Training(optimizer=kind, learning_rate=0.25).resolve({}, Task("regression"), 9)
    config = keras_optimizer(settings).get_config()
    assert config["learning_rate"] == 0.25
    ours = settings.optimizer.get_params(deep=False)
    assert {name: config[name] for name in ours} == ours


@pytest.mark.keras
def test_an_optimizer_of_the_users_is_copied_and_its_rate_replaced_if_asked():
    from unifml.adapters.keras.engine import load

    load()
    import keras

    from unifml.adapters.keras.optimizers import keras_optimizer

    given = keras.optimizers.Nadam(0.25, beta_1=0.5)
    task = Task("regression")
    for rate, wanted in ((None, 0.25), (0.125, 0.125)):
        settings = Training(optimizer=given, learning_rate=rate).resolve({}, task, 9)
        found = keras_optimizer(settings)
        assert found is not given
        assert found.get_config()["learning_rate"] == wanted
        assert found.get_config()["beta_1"] == 0.5
    assert given.get_config()["learning_rate"] == 0.25
    function = Training(optimizer=lambda parameters: None).resolve({}, task, 9)
    with pytest.raises(unifml.errors.CapabilityError, match="Optimizer is needed"):
        keras_optimizer(function)


@pytest.mark.keras
@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
def test_a_model_compiled_with_a_hinge_returns_scores(loss):
    from unifml.adapters.keras.engine import load

    load()
    import keras

    from unifml.adapters.keras.traits import traits

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="tanh")])
    model.compile("sgd", loss)
    assert (traits(model).loss, traits(model).output) == (loss, "scores")


WORDS = {"mse": ("mse", "squarederror"), "mae": ("l1loss", "absoluteerror")}
TRAININGS = [
    *(("regression", {"loss": kind}) for kind in LOSSES["regression"]),
    *(("classification", {"loss": kind}) for kind in LOSSES["classification"]),
    *(("regression", {"optimizer": kind}) for kind in OPTIMIZERS),
]


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(("kind", "fields"), TRAININGS, ids=repr)
def test_translations_are_code_that_can_be_read(backend, n_classes, kind, fields):
    if backend not in ("torch", "keras"):
        pytest.skip("its code says which steps are unifml's")
    estimator = unifml.Classifier if kind == "classification" else unifml.Regressor
    X, y = np.zeros((12, 2)), np.arange(12) % n_classes
    training = Training(**fields)
    text = unifml.translate(estimator("mlp", backend=backend, training=training), X, y)
    ast.parse(text)
    (said,) = fields.values()
    flat = text.lower().replace("_", "")
    assert any(word in flat for word in WORDS.get(said, (said.replace("_", ""),)))

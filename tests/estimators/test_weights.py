"""`get_weights` and `set_weights`: names and layouts that mean the same on every backend."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from estimators.factories import FACTORIES
from sklearn.datasets import load_diabetes, load_wine
from sklearn.exceptions import NotFittedError

from unifml import Classifier, Regressor, Training
from unifml.errors import CapabilityError, DataError, DataTypeError
from unifml.models import MLP

SMALL = MLP((8,))
SHORT = Training(epochs=3, batch_size=32)
X, y = load_wine(return_X_y=True)
ROWS, NUMBERS = load_diabetes(return_X_y=True)


def fitted(backend, model=SMALL, seed=0):
    training = None if model in ("linear", "random_forest") else SHORT
    return Classifier(model, backend=backend, training=training, random_state=seed).fit(X, y)


def test_names_and_shapes_are_those_of_the_layers(backend):
    assert {k: v.shape for k, v in fitted(backend).get_weights().items()} == {
        "standardize.mean": (13,),
        "standardize.scale": (13,),
        "hidden_0.kernel": (13, 8),
        "hidden_0.bias": (8,),
        "output.kernel": (8, 3),
        "output.bias": (3,),
    }
    weights = fitted(backend, "linear").get_weights()
    assert {k: v.shape for k, v in weights.items()} == {
        "output.kernel": (13, 3),
        "output.bias": (3,),
    }


@pytest.mark.parametrize("model", [SMALL, "linear"], ids=str)
def test_weights_go_from_one_estimator_to_another(backend, model):
    one = fitted(backend, model)
    other = Classifier(model, backend=backend, training=one.training, random_state=1)
    other.fit(X[::2], y[::2])
    shared, before = copy.copy(other), other.predict_proba(X)
    assert other.set_weights(one.get_weights()) is other
    assert np.array_equal(other.predict_proba(X), one.predict_proba(X))
    assert np.array_equal(shared.predict_proba(X), before)  # a copy keeps what it had


def test_what_was_returned_is_a_copy(backend):
    for model in (SMALL, "linear"):
        estimator = fitted(backend, model)
        before = estimator.predict_proba(X)
        weights = estimator.get_weights()
        for value in weights.values():
            value *= 0
        assert np.array_equal(estimator.predict_proba(X), before)
        estimator.set_weights({**estimator.get_weights(), "output.bias": [9.0, 0.0, -9.0]})
        assert estimator.model_ is not None
        estimator.get_weights()["output.bias"][:] = 0
        assert set(estimator.predict(X).tolist()) != set(y)


def test_the_native_model_follows(backend):
    estimator = fitted(backend)
    first = estimator.model_
    estimator.set_weights({name: value + 1 for name, value in estimator.get_weights().items()})
    assert estimator.model_ is not first
    adapter, plan = estimator._fitted.adapter, estimator._fitted.plan
    read = adapter.get_weights(estimator.model_, plan)
    for name, value in estimator.get_weights().items():
        assert read[name] == pytest.approx(value, rel=1e-6)


def test_scaled_targets_stay_scaled(backend):
    estimator = Regressor(SMALL, backend=backend, training=SHORT, random_state=0)
    estimator.fit(ROWS, NUMBERS)
    weights = {name: 0 * value for name, value in estimator.get_weights().items()}
    weights["standardize.scale"] += 1
    assert estimator.set_weights(weights).predict(ROWS) == pytest.approx(NUMBERS.mean())


def test_partial_fit_goes_on_from_the_weights_that_were_set(backend):
    estimator = Classifier(SMALL, backend=backend, random_state=0)
    estimator.set_params(training__learning_rate=0.02)
    for _ in range(40):
        estimator.partial_fit(X, y)
    assert estimator.score(X, y) > 0.9
    blank = {name: 0 * value for name, value in estimator.get_weights().items()}
    blank["standardize.scale"] += 1
    estimator.set_weights(blank).partial_fit(X, y)
    assert np.abs(estimator.get_weights()["hidden_0.kernel"]).max() < 0.1  # one epoch from zero
    # Their statistics are those of the rows given since.
    assert estimator.get_weights()["standardize.mean"] == pytest.approx(X.mean(axis=0))


@pytest.mark.never(["sklearn"], raises=CapabilityError, reason="its natives are no networks")
def test_native_networks_have_weights_too(backend):
    estimator = fitted(backend, FACTORIES[backend])
    before = estimator.predict_proba(X)
    weights = estimator.get_weights()
    doubled = {name: 2 * value for name, value in weights.items()}
    estimator.set_weights(doubled)
    assert not np.allclose(estimator.predict_proba(X), before)
    assert np.array_equal(estimator.set_weights(weights).predict_proba(X), before)
    name = next(iter(weights))
    with pytest.raises(DataError, match="is missing"):
        estimator.set_weights({k: v for k, v in weights.items() if k != name})


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda w: w.pop("output.bias"), "output.bias is missing"),
        (lambda w: w.update(extra=np.zeros(3)), "extra is unexpected"),
        (
            lambda w: w.update({"output.kernel": w["output.kernel"].T}),
            r"output.kernel has shape \(3, 8\), not \(8, 3\)",
        ),
        (lambda w: w["hidden_0.bias"].fill(np.nan), "hidden_0.bias is not finite"),
        (lambda w: w["standardize.scale"].fill(0.0), "inputs are divided by it"),
    ],
    ids=["missing", "unexpected", "shape", "nan", "scale"],
)
def test_wrong_weights_change_nothing(backend, change, found):
    estimator = fitted(backend)
    before, weights = estimator.predict_proba(X), estimator.get_weights()
    change(weights)
    with pytest.raises(DataError, match=found):
        estimator.set_weights(weights)
    assert np.array_equal(estimator.predict_proba(X), before)
    with pytest.raises(DataTypeError, match="dict of arrays"):
        estimator.set_weights(list(weights.values()))


def test_without_a_fit_there_are_none(backend):
    with pytest.raises(NotFittedError):
        Classifier("mlp", backend=backend).get_weights()
    with pytest.raises(NotFittedError):
        Classifier("mlp", backend=backend).set_weights({})


@pytest.mark.sklearn
def test_a_forest_has_none():
    with pytest.raises(CapabilityError, match="read the attributes of model_"):
        fitted("sklearn", "random_forest").get_weights()

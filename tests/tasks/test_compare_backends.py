"""`compare_backends`: one network, one seed, and how far backends differ."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import RandomForestClassifier

import unifml
from unifml import Classifier, Regressor, Training
from unifml.errors import CapabilityError, DataError, UnknownNameError
from unifml.models import MLP
from unifml.tasks.backend_runs import apart, run

WINE = load_wine(return_X_y=True)
SHORT = Training(epochs=2, learning_rate=1e-2)
SMALL = Classifier("mlp", training=SHORT, random_state=0)


def test_a_backend_alone_reports_its_losses(backend):
    found = unifml.compare_backends(SMALL, *WINE, backends=[backend])
    (one,) = found.runs
    alone = Classifier("mlp", training=SHORT, random_state=0, backend=backend).fit(*WINE)
    np.testing.assert_array_equal(one.losses, alone.history_["loss"])
    assert one.initial_loss == alone.history_.initial_loss
    assert one.final_loss == one.losses[-1]
    assert one.one_step_loss < one.initial_loss
    assert found.differences == []
    assert found.cannot == {}


@pytest.mark.cross
def test_all_backends_start_and_step_alike():
    found = unifml.compare_backends(SMALL, *WINE)
    assert [each.backend for each in found.runs] == ["keras", "sklearn", "torch"]
    assert len(found.differences) == 3
    assert found.kept
    for pair in found.differences:
        for name in ("initial_loss", "one_step_loss", "one_step_weights", "moved"):
            assert pair[name] < 1e-6
        assert pair["final_predictions"] < 1e-5
    first, *_, last = found.runs
    weights = first.estimator.get_weights(), last.estimator.get_weights()
    apart = max(np.abs(weights[0][name] - weights[1][name]).max() for name in weights[0])
    assert found.differences[1]["final_weights"] == apart
    assert len(found.plot().axes[0].lines) == 3


@pytest.mark.cross
def test_dropout_is_no_broken_promise_and_says_who_cannot():
    model = Classifier(MLP(dropout=0.2), training=SHORT, random_state=0)
    found = unifml.compare_backends(model, *WINE)
    assert [each.backend for each in found.runs] == ["keras", "torch"]
    assert "dropout" in found.cannot["sklearn"]
    assert found.random
    assert found.kept
    assert found.differences[0]["initial_loss"] > 1e-6
    assert "sklearn cannot" in str(found)
    assert "drawn by each framework" in str(found)


@pytest.mark.cross
def test_what_is_solved_takes_no_steps():
    X, y = load_diabetes(return_X_y=True)
    found = unifml.compare_backends("linear", X, y, task="regression", random_state=0)
    (pair, *_) = found.differences
    assert pair["initial_loss"] is None
    assert pair["one_step_weights"] is None
    assert pair["final_predictions"] < 1e-6
    assert found.kept


def test_a_real_difference_is_seen():
    X, y = WINE
    one = run(SMALL, "sklearn", X, y, (X, y))
    other = run(Classifier("mlp", training=SHORT, random_state=1), "sklearn", X, y, (X, y))
    found = apart(one, other, X, y)
    assert all(value > 1e-6 for value in found.values())
    assert all(value == 0 for value in apart(one, one, X, y).values())


def test_one_step_is_a_step_on_all_rows():
    X, y = WINE
    training = Training(epochs=3, batch_size=8, early_stopping=True, learning_rate=1e-2)
    model = Classifier("mlp", training=training, random_state=0)
    (one,) = unifml.compare_backends(model, X, y, backends="sklearn").runs
    whole = Training(epochs=2, batch_size=len(X), learning_rate=1e-2)
    alone = Classifier("mlp", training=whole, random_state=0, backend="sklearn").fit(X, y)
    assert one.one_step_loss == alone.history_["loss"][1]


def test_regression_is_in_deviations_of_y():
    X, y = load_diabetes(return_X_y=True)
    model = Regressor("mlp", training=SHORT, random_state=0)
    runs = [run(model.set_params(random_state=seed), "sklearn", X, y, (X, y)) for seed in (0, 1)]
    found = apart(*runs, X, y)["final_predictions"]
    wanted = np.abs(runs[0].estimator.predict(X) - runs[1].estimator.predict(X)).max() / y.std()
    assert found == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("model", "given", "error"),
    [
        (RandomForestClassifier(), {}, CapabilityError),
        (Classifier(RandomForestClassifier()), {}, CapabilityError),
        ("cnn", {"backends": ["sklearn"]}, CapabilityError),
        ("mlp", {"backends": ["sklaern"]}, UnknownNameError),
    ],
)
def test_what_cannot_be_is_refused(model, given, error):
    with pytest.raises(error):
        unifml.compare_backends(model, *WINE, **{"task": "classification"} | given)


def test_y_is_needed():
    with pytest.raises(DataError):
        unifml.compare_backends(SMALL, WINE[0])


def test_the_result_shows_itself():
    found = unifml.compare_backends(SMALL, *WINE, backends="sklearn")
    assert "initial loss" in str(found)
    assert "<table>" in found._repr_html_()
    assert json.loads(found.to_json())["runs"][0]["backend"] == "sklearn"
    assert next(iter(found.to_frame())) == "initial_loss"
    assert "sklearn" in repr(found)

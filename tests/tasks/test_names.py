"""Short names, `make` and `fit`."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import unifml
from unifml import Classifier, EarlyStopping, Native, Regressor, Training
from unifml.errors import CapabilityError, ParameterError, UnknownNameError
from unifml.models import MLP
from unifml.tasks.names import full_name, resolve


def build(n_features, n_outputs, hidden=16):
    raise AssertionError("names are resolved without building anything")


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("hidden", "model__hidden"),
        ("epochs", "training__epochs"),
        ("backend", "backend"),
        ("model__dropout", "model__dropout"),
    ],
)
def test_a_short_name_means_the_one_nested_parameter(short, full):
    assert full_name(Classifier("mlp"), short) == full


def test_short_names_reach_into_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), Classifier("mlp"))
    assert full_name(pipeline, "hidden") == "classifier__model__hidden"
    assert full_name(pipeline, "backend") == "classifier__backend"


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'hidden'"):
        full_name(Classifier("mlp"), "hiden")


def test_an_ambiguous_name_lists_what_it_may_mean():
    pipeline = make_pipeline(SimpleImputer(), StandardScaler())
    with pytest.raises(ParameterError, match="simpleimputer__copy, standardscaler__copy"):
        full_name(pipeline, "copy")
    stopping = Classifier("mlp", training=Training(early_stopping=EarlyStopping()))
    with pytest.raises(ParameterError, match="training__early_stopping__validation"):
        full_name(stopping, "validation")


def test_two_names_of_one_parameter_are_refused():
    with pytest.raises(ParameterError, match="both mean model__dropout"):
        resolve(Classifier("mlp"), {"dropout": 0.1, "model__dropout": 0.2})


def test_a_factorys_argument_left_to_its_default_has_a_name():
    assert full_name(Classifier(Native(build)), "hidden") == "model__hidden"
    with pytest.raises(UnknownNameError, match="'hiden'"):
        full_name(Classifier(Native(build)), "hiden")


def test_make_is_the_estimator_written_out():
    made = unifml.make(
        "mlp", backend="sklearn", task="classification", hidden=(8, 4), epochs=7, random_state=3
    )
    wanted = Classifier(MLP(hidden=(8, 4)), training=Training(epochs=7), backend="sklearn")
    assert isinstance(made, Classifier)
    assert repr(made) == repr(wanted.set_params(random_state=3))
    assert isinstance(unifml.make("mlp", task="regression"), Regressor)


def test_make_sets_fields_of_the_training_that_comes_with_them():
    made = unifml.make("mlp", task="classification", training=Training(epochs=3), batch_size=8)
    assert made.training == Training(epochs=3, batch_size=8)


def test_make_needs_a_task_where_the_model_serves_both():
    with pytest.raises(ParameterError, match='task="classification"'):
        unifml.make("mlp")
    with pytest.raises(UnknownNameError, match="task"):
        unifml.make("mlp", task="clasification")


def test_make_copies_an_estimator():
    forest = RandomForestClassifier()
    made = unifml.make(forest, n_estimators=7)
    assert (made.n_estimators, forest.n_estimators) == (7, 100)


def test_a_contradicting_task_or_backend_is_refused():
    with pytest.raises(ParameterError, match="it is for classification"):
        unifml.make(RandomForestClassifier(), task="regression")
    with pytest.raises(CapabilityError, match="no backend to set"):
        unifml.make(RandomForestClassifier(), backend="torch")


def test_the_backend_of_a_pipeline_is_that_of_its_part():
    pipeline = make_pipeline(StandardScaler(), Classifier("mlp", backend="torch"))
    moved = unifml.make(pipeline, backend="sklearn")
    assert moved[-1].backend == "sklearn"
    assert pipeline[-1].backend == "torch"


@pytest.mark.sklearn
def test_fit_makes_and_learns_and_leaves_the_users_estimator_alone():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    y = np.where(X[:, 0] > 0, "yes", "no")
    fitted = unifml.fit("linear", X, y, backend="sklearn", l2=1e-3)
    assert fitted.training == Training(l2=1e-3)
    assert fitted.score(X, y) > 0.9
    mine = Classifier("linear", backend="sklearn")
    unifml.fit(mine, X, y, np.ones(60))
    assert not mine.__sklearn_is_fitted__()


@pytest.mark.sklearn
def test_weights_reach_the_last_step_of_a_pipeline():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 2)), np.arange(40) % 2
    weight = np.r_[np.ones(20), np.zeros(20)]
    model = Classifier("linear", backend="sklearn")
    whole = unifml.fit(make_pipeline("passthrough", model), X, y, weight)
    part = unifml.fit(make_pipeline("passthrough", model), X[:20], y[:20])
    np.testing.assert_allclose(whole.predict_proba(X), part.predict_proba(X), atol=1e-8)

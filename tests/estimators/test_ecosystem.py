"""What scikit-learn's users do with an estimator, on every backend."""

from __future__ import annotations

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from estimators.factories import FACTORIES
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import unifml
from unifml import Classifier, Native, Regressor, Training
from unifml.models import MLP

FEW = Training(epochs=5, learning_rate=0.03, batch_size=32)


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


def models(backend):
    return {"ours": MLP((8,)), "name": "mlp", "native": FACTORIES[backend]}


@pytest.fixture(params=["ours", "name", "native"])
def estimator(request, backend):
    if request.param == "native" and unifml.get_adapter(backend).capabilities.untouched:
        return Classifier(Native(FACTORIES[backend]), backend=backend, random_state=0)
    model = models(backend)[request.param]
    return Classifier(model, backend=backend, training=FEW, random_state=0)


def test_clone_is_equal_and_apart(estimator):
    twin = clone(estimator)
    assert twin is not estimator
    assert twin.get_params().keys() == estimator.get_params().keys()
    assert twin.model is estimator.model
    if "model__hidden" in twin.get_params():
        twin.set_params(model__hidden=(3,), training__epochs=1)
        assert estimator.get_params()["model__hidden"] != (3,)
        assert estimator.training is FEW


def test_a_fitted_estimator_clones_to_an_unfitted_one(estimator, iris):
    twin = clone(estimator.fit(*iris))
    with pytest.raises(sklearn.exceptions.NotFittedError):
        twin.predict(iris[0])


def test_joblib_and_pickle_keep_the_model(estimator, iris, tmp_path):
    X, y = iris
    estimator.fit(X, y)
    joblib.dump(estimator, tmp_path / "model.joblib")
    for copy in (joblib.load(tmp_path / "model.joblib"), pickle.loads(pickle.dumps(estimator))):
        np.testing.assert_array_equal(copy.predict_proba(X), estimator.predict_proba(X))
        assert copy.backend_ == estimator.backend_


def test_the_same_seed_gives_the_same_model(estimator, iris):
    X, y = iris
    first = estimator.fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(clone(estimator).fit(X, y).predict_proba(X), first)


def test_pipeline_after_a_transformer_that_gives_frames(estimator):
    X, y = load_iris(return_X_y=True, as_frame=True)
    pipeline = make_pipeline(StandardScaler(), estimator).set_output(transform="pandas")
    pipeline.fit(X, y)
    names = pipeline[-1].feature_names_in_ if hasattr(pipeline[-1], "feature_names_in_") else []
    assert list(names) in ([], list(X.columns))
    assert pipeline.score(X, y) > 0.3
    with pytest.raises(ValueError, match=r"feature names|order"):
        pipeline.predict(X[X.columns[::-1]])


def test_cross_val_score_with_probabilities(estimator):
    X, y = load_breast_cancer(return_X_y=True)
    scores = cross_val_score(
        estimator, StandardScaler().fit_transform(X), y, scoring="roc_auc", cv=3
    )
    assert scores.min() > 0.8


def test_calibration(estimator, iris):
    X, y = iris
    proba = CalibratedClassifierCV(estimator, cv=3).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)


def test_metadata_routing(backend, iris):
    X, y = iris
    weight = np.where(y == 0, 0.0, 1.0)
    with sklearn.config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        asking = Classifier("mlp", backend=backend, training=FEW, random_state=0)
        asking.set_fit_request(sample_weight=True)
        routed = make_pipeline(scaler, asking).fit(X, y, sample_weight=weight)
        assert clone(asking)._metadata_request.fit.requests["sample_weight"] is True
    scaled = StandardScaler().fit_transform(X)
    direct = Classifier("mlp", backend=backend, training=FEW, random_state=0)
    direct.fit(scaled, y, sample_weight=weight)
    np.testing.assert_array_equal(routed.predict_proba(X), direct.predict_proba(scaled))
    without = Classifier("mlp", backend=backend, training=FEW, random_state=0).fit(scaled, y)
    assert np.abs(without.predict_proba(scaled) - direct.predict_proba(scaled)).max() > 1e-3


def test_grid_search_in_processes(backend, iris):
    X, y = iris
    search = GridSearchCV(
        Classifier("mlp", backend=backend, random_state=0, training=FEW),
        {"model__hidden": [(4,), (8,)], "training__learning_rate": [1e-3, 1e-2]},
        cv=2,
        n_jobs=2,
        error_score="raise",
    ).fit(X, y)
    alone = GridSearchCV(search.estimator, search.param_grid, cv=2, error_score="raise").fit(X, y)
    np.testing.assert_allclose(
        search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"]
    )
    assert search.best_estimator_.training.epochs == 5


def test_grid_search_over_a_native_defined_here(backend, iris):
    class Maker:  # not importable in a worker, as a class in a notebook is not
        def __call__(self, signature):
            return FACTORIES[backend](signature)

    def local_factory(signature):
        return Maker()(signature)

    X, y = iris
    model = Native(local_factory)
    capabilities = unifml.get_adapter(backend).capabilities
    training = None if capabilities.untouched else FEW
    estimator = Classifier(model, backend=backend, training=training, random_state=0)
    search = GridSearchCV(
        estimator, {"class_weight": [None, "balanced"]}, cv=2, n_jobs=2, error_score="raise"
    )
    assert search.fit(X, y).best_score_ > 0.2


def test_class_weight_is_scikit_learns(backend, iris):
    X, y = iris
    X, y = X[:120], y[:120]
    from sklearn.utils.class_weight import compute_sample_weight

    by_class = Classifier(
        "mlp", backend=backend, class_weight="balanced", training=FEW, random_state=0
    ).fit(X, y)
    by_row = Classifier("mlp", backend=backend, training=FEW, random_state=0)
    by_row.fit(X, y, sample_weight=compute_sample_weight("balanced", y))
    np.testing.assert_array_equal(by_class.predict_proba(X), by_row.predict_proba(X))


def test_it_is_an_estimator_and_says_what_it_is(estimator, iris):
    assert isinstance(estimator, unifml.Estimator)
    assert sklearn.base.is_classifier(estimator)
    assert estimator.fit(*iris).backend_ in repr(estimator)
    assert "Classifier" in estimator._repr_html_()


def test_mixed_tables_through_a_column_transformer(backend):
    X = pd.DataFrame({"size": [1.0, 2.0, 3.0, 4.0] * 10, "colour": ["r", "g", "b", "r"] * 10})
    y = ["no", "yes", "yes", "no"] * 10
    prepare = make_column_transformer(
        (StandardScaler(), ["size"]),
        (sklearn.preprocessing.OneHotEncoder(), ["colour"]),
    )
    model = make_pipeline(
        prepare, Classifier("mlp", backend=backend, training=Training(epochs=200), random_state=0)
    )
    assert model.fit(X, y).score(X, y) == 1.0
    assert set(model.predict(X)) == {"no", "yes"}


def test_regression_of_several_targets(backend):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    Y = np.c_[X @ [1.0, 2.0, 3.0], X @ [0.0, -1.0, 1.0] * 100 + 50]
    model = Regressor("mlp", backend=backend, training=Training(epochs=150, batch_size=32))
    assert model.fit(X, Y).predict(X).shape == Y.shape
    assert model.score(X, Y) > 0.9


def test_multilabel(backend):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    Y = (X[:, :3] > 0).astype(int)
    model = Classifier("mlp", backend=backend, training=Training(epochs=100, batch_size=32))
    assert model.fit(X, Y).predict_proba(X).shape == Y.shape
    assert (model.predict(X) == Y).mean() > 0.9


@pytest.mark.cross
def test_one_vote_of_three_backends(iris):
    X, y = iris
    names = unifml.list_backends()
    members = [
        (str(name), Classifier("mlp", backend=str(name), random_state=0))
        for name in names
        if name in FACTORIES
    ]
    vote = VotingClassifier(members, voting="soft").fit(X, y)
    mean = np.mean([m.predict_proba(X) for m in vote.estimators_], axis=0)
    np.testing.assert_allclose(vote.predict_proba(X), mean)
    assert len(members) == 3


@pytest.mark.cross
def test_grid_search_over_backends(iris):
    X, y = iris
    grid = {
        "backend": ["torch", "keras", "sklearn"],
        "model__hidden": [(4,), (8,)],
        "training__learning_rate": [1e-2],
    }
    search = GridSearchCV(
        Classifier("mlp", training=Training(epochs=30), random_state=0),
        grid,
        cv=2,
        n_jobs=2,
        error_score="raise",
    ).fit(X, y)
    by_hidden = pd.DataFrame(search.cv_results_).groupby("param_model__hidden")["mean_test_score"]
    assert (by_hidden.max() - by_hidden.min()).max() < 1e-9  # the backend makes no difference

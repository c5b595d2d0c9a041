"""Trees, boosting and text by rules of unifml: splits as exact as scikit-learn's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import ensemble as en
from sklearn import linear_model as lm
from sklearn import tree as tr
from sklearn.base import is_classifier
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.kernel_approximation import Nystroem
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from export.answered import answered
from unifml import export_onnx
from unifml.errors import ExportError

rng = np.random.default_rng(1)
SEEN, NEW = rng.normal(size=(120, 5)), rng.normal(size=(40, 5))
THREE = np.digitize(SEEN[:, 0] + SEEN[:, 1], [-0.7, 0.7])
VALUES = SEEN @ [3.0, -1.0, 0.5, 0.0, 2.0]
GAPS = np.where(rng.random(SEEN.shape) < 0.2, np.nan, SEEN)
NEW_GAPS = np.where(rng.random(NEW.shape) < 0.2, np.nan, NEW)


def agrees(model: Any, X: Any) -> None:
    """Compare labels exactly, and numbers as float32 holds their sum."""
    said = answered(model, X)
    if is_classifier(model):
        np.testing.assert_array_equal(said["label"], model.predict(X))
        np.testing.assert_allclose(said["probabilities"], model.predict_proba(X), atol=2e-7)
        if hasattr(model, "decision_function"):
            np.testing.assert_allclose(said["scores"], model.decision_function(X), rtol=2e-6)
    else:
        values = model.predict(X)
        np.testing.assert_allclose(
            said["prediction"].reshape(values.shape), values, rtol=1e-6, atol=1e-6 * np.std(values)
        )


CLASSIFIERS = [
    tr.DecisionTreeClassifier(random_state=0),
    en.RandomForestClassifier(8, random_state=0),
    en.ExtraTreesClassifier(8, random_state=0),
    en.HistGradientBoostingClassifier(max_iter=6),
]


@pytest.mark.parametrize("y", [THREE > 0, np.array(["a", "b", "c"])[THREE]], ids=["two", "text"])
@pytest.mark.parametrize("model", CLASSIFIERS, ids=repr)
def test_trees_send_missing_values_where_scikit_learn_does(model: Any, y: Any) -> None:
    agrees(model.fit(GAPS, y), NEW_GAPS)


@pytest.mark.parametrize("loss", ["log_loss", "exponential"])
@pytest.mark.parametrize("init", [None, "zero"])
def test_gradient_boosting_of_two_classes(loss: str, init: Any) -> None:
    model = en.GradientBoostingClassifier(loss=loss, init=init, n_estimators=6)
    agrees(model.fit(SEEN, THREE > 0), NEW)


REGRESSORS = [
    tr.ExtraTreeRegressor(random_state=0),
    en.RandomForestRegressor(6, random_state=0),
    en.GradientBoostingRegressor(n_estimators=5),
    en.HistGradientBoostingRegressor(max_iter=6),
]


@pytest.mark.parametrize("shift", [0.0, 1e6])
@pytest.mark.parametrize("model", REGRESSORS, ids=repr)
def test_regressors_far_from_zero_keep_their_spread(model: Any, shift: float) -> None:
    model.fit(SEEN, VALUES + shift)
    values = model.predict(NEW)
    said = answered(model, NEW)["prediction"].ravel()
    assert np.abs(said - values).max() < 2e-6 * np.std(values)


def test_boosting_from_another_regressor() -> None:
    model = en.GradientBoostingRegressor(init=lm.LinearRegression(), n_estimators=5)
    agrees(model.fit(SEEN, VALUES), NEW)


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_histogram_boosting_behind_a_logarithm(loss: str) -> None:
    agrees(
        en.HistGradientBoostingRegressor(loss=loss, max_iter=6).fit(SEEN, np.exp(VALUES / 9)), NEW
    )


def test_histogram_boosting_compares_in_float64() -> None:
    """Values so near each other that float32 takes them for one."""
    X = 1.0 + np.arange(80.0)[:, None] * 1e-9
    model = en.HistGradientBoostingRegressor(max_iter=3, min_samples_leaf=2).fit(X, np.arange(80.0))
    assert len(np.unique(model.predict(X))) > 10
    agrees(model, X)


def test_categories_that_are_unknown_missing_or_below_zero() -> None:
    codes = rng.integers(0, 9, size=(500, 1)).astype(float)
    codes[:60] = np.nan  # so that missing is a category of its own
    X = np.hstack([rng.normal(size=(500, 2)), codes])
    y = (np.nan_to_num(codes[:, 0], nan=4.0) * 7 % 3 > 0) ^ (X[:, 0] > 1)
    model = en.HistGradientBoostingClassifier(max_iter=8, categorical_features=[2]).fit(X, y)
    splits = sum(len(p.raw_left_cat_bitsets) for stage in model._predictors for p in stage)
    assert splits > 5  # else nothing is tested
    new = X[40:110].copy()
    new[-4:, 2] = [77.0, np.nan, -1.0, 8.0]
    agrees(model, new)


@pytest.mark.parametrize("forest", [en.RandomForestClassifier(5), tr.DecisionTreeClassifier()])
def test_forests_of_several_outputs(forest: Any) -> None:
    model = forest.set_params(random_state=0).fit(SEEN, np.column_stack([THREE, THREE > 1]))
    said = answered(model, NEW)
    np.testing.assert_array_equal(said["label"], model.predict(NEW))
    for i, shares in enumerate(model.predict_proba(NEW)):
        np.testing.assert_allclose(said[f"probabilities_{i}"], shares, atol=1e-7)


@pytest.mark.parametrize("features", [1.0, 3])
def test_isolation_forests_on_some_of_the_columns(features: Any) -> None:
    model = en.IsolationForest(n_estimators=9, max_features=features, random_state=0).fit(SEEN)
    said = answered(model, NEW)
    np.testing.assert_array_equal(said["label"], model.predict(NEW))
    np.testing.assert_allclose(said["scores"], model.decision_function(NEW), atol=1e-7)


def test_leaves_as_columns() -> None:
    model = en.RandomTreesEmbedding(n_estimators=4, random_state=0).fit(SEEN)
    np.testing.assert_array_equal(
        answered(model, NEW)["transformed"], model.transform(NEW).toarray()
    )


DOCUMENTS = ["The cat sat on the mat.", "Dogs and cats: don't mix!", "", "birds sing; birds fly"]


@pytest.mark.parametrize(
    "model",
    [
        CountVectorizer(ngram_range=(1, 2)),
        CountVectorizer(stop_words="english"),
        TfidfVectorizer(),
        TfidfVectorizer(sublinear_tf=True, norm="l1"),
    ],
    ids=repr,
)
def test_words_are_counted_and_weighed(model: Any) -> None:
    new = ["The DOG sat with cats", "", "birds birds unknown"]
    table = model.fit(DOCUMENTS).transform(new).toarray()
    np.testing.assert_allclose(answered(model, new)["transformed"], table, atol=1e-12)


def test_weights_of_counts_in_float64() -> None:
    counts = rng.integers(0, 4, size=(9, 5)).astype(float)
    counts[0] = 0
    model = TfidfTransformer(sublinear_tf=True).fit(counts)
    np.testing.assert_allclose(
        answered(model, counts)["transformed"], model.transform(counts).toarray(), atol=1e-14
    )


def test_words_beyond_ascii_are_refused() -> None:
    """Rows of ASCII alone would prove such a file, and it would be wrong."""
    with pytest.raises(ExportError, match="beyond ASCII"):
        answered(CountVectorizer().fit(["über die Brücke"]), ["plain words"])


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(PCA(3), lm.LogisticRegression()),
        make_pipeline(LinearDiscriminantAnalysis(), lm.LogisticRegression()),
        make_pipeline(Nystroem(n_components=6, random_state=0), SVC()),
        make_pipeline(PCA(3), en.HistGradientBoostingClassifier(max_iter=4)),
    ],
    ids=lambda m: "-".join(m.named_steps),
)
def test_files_are_proven_in_pipelines(model: Any, tmp_path: Path) -> None:
    model.fit(SEEN, THREE)
    assert export_onnx(model, tmp_path / "m.onnx", NEW).max_abs_diff < 1e-6

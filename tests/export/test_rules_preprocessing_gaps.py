"""Imputers by neighbours and by regressors, selectors and eliminators as graphs."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.feature_selection import (
    RFE,
    RFECV,
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFromModel,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    SequentialFeatureSelector,
    VarianceThreshold,
)
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

from tests.export.answered import answered
from unifml import export_onnx, load_onnx
from unifml.errors import ExportError


def rows(n=90, seed=0, lost=0.15):
    """Return columns that depend on each other, with gaps."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4)) @ rng.normal(size=(4, 4)) * [1, 3, 10, 0.2] + [0, 3, -9, 1]
    return np.where(rng.random(X.shape) < lost, np.nan, X)


def without_second(X):
    X = X.copy()
    X[:, 1] = np.nan
    return X


def compared(model, X, new, *, relative=1e-7, kind="double", absolute=1e-9):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", UserWarning)  # columns without values
        model.fit(X)
        expected = model.transform(new.copy())
    found = answered(model, new, kind=kind)
    said = np.hstack([found[key] for key in found if key.startswith("transformed")])
    assert said.shape == expected.shape
    np.testing.assert_allclose(said, expected, rtol=relative, atol=absolute)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_neighbours(weights):
    model = KNNImputer(weights=weights, n_neighbors=3)
    compared(model, rows(), rows(seed=1))
    compared(model, rows(), np.vstack([rows()[:20], np.full((2, 4), np.nan)]))
    compared(model, rows().astype("f"), rows(seed=1).astype("f"), kind="float", relative=1e-4)
    numbers = KNNImputer(weights=weights, missing_values=-1.0)
    compared(numbers, np.nan_to_num(rows(), nan=-1), np.nan_to_num(rows(seed=1), nan=-1))


def test_rows_at_distance_zero_decide_alone():
    X = np.random.default_rng(0).integers(0, 1000, (40, 4)).astype(float)
    X[::5, 2] = np.nan
    new = X[1:20:2].copy()
    new[:, 0] = np.nan
    compared(KNNImputer(weights="distance"), X, new)


def test_more_neighbours_than_rows():
    compared(KNNImputer(n_neighbors=50), rows(20, lost=0.4), rows(30, seed=1, lost=0.5))


@pytest.mark.parametrize("kind", [SimpleImputer, KNNImputer, IterativeImputer])
@pytest.mark.parametrize("indicator", [True, False])
@pytest.mark.parametrize("keep", [True, False])
def test_columns_without_values(kind, indicator, keep):
    model = kind(keep_empty_features=keep, add_indicator=indicator)
    compared(model, without_second(rows()), rows(seed=1))


def test_rounds_of_regressors():
    compared(IterativeImputer(), rows(), rows(seed=1))
    compared(IterativeImputer(max_iter=0), rows(), rows(seed=1))
    bounded = IterativeImputer(
        LinearRegression(), min_value=-2, max_value=6, n_nearest_features=2, random_state=0
    )
    compared(bounded, rows(), rows(seed=1))
    compared(IterativeImputer(Ridge(), initial_strategy="median"), rows(), rows(seed=1))


def test_rounds_of_one_row_and_of_rows_without_values():
    model = IterativeImputer()
    compared(model, rows(), rows(seed=1)[:1])
    compared(model, rows(), np.full((3, 4), np.nan))
    compared(model, rows(), np.vstack([rows(seed=1)[:2], np.full((1, 4), np.nan)]))


def test_rounds_of_trees(tmp_path):
    trees = ExtraTreesRegressor(5, max_depth=4, random_state=0)
    model = IterativeImputer(trees, max_iter=2, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(rows())
    export_onnx(model, tmp_path / "m.onnx", rows())
    said = load_onnx(tmp_path / "m.onnx").transform(rows(seed=1))
    np.testing.assert_allclose(said, model.transform(rows(seed=1)), rtol=1e-5, atol=1e-5)


def test_draws_and_metrics_of_the_user_are_refused(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        drawn = IterativeImputer(sample_posterior=True, random_state=0, max_iter=2).fit(rows())
    with pytest.raises(ExportError, match=r"sample_posterior|something else each time"):
        export_onnx(drawn, tmp_path / "m.onnx", rows())
    own = KNNImputer(weights=lambda far: np.ones_like(far)).fit(rows())
    with pytest.raises(ExportError, match="nan_euclidean"):
        export_onnx(own, tmp_path / "m.onnx", rows())


@pytest.mark.parametrize(
    "selector",
    [
        VarianceThreshold(0.5),
        SelectKBest(k=2),
        SelectPercentile(percentile=50),
        GenericUnivariateSelect(mode="k_best", param=2),
        SelectFpr(alpha=0.5),
        SelectFdr(alpha=0.9),
        SelectFwe(alpha=0.9),
        SelectFromModel(LogisticRegression()),
        SequentialFeatureSelector(LogisticRegression(), n_features_to_select=2, cv=2),
        RFE(LogisticRegression(), n_features_to_select=2),
        RFECV(LogisticRegression(), cv=2),
    ],
    ids=lambda model: type(model).__name__,
)
def test_selectors_hand_columns_through(selector, tmp_path):
    X, new = rows(lost=0), rows(seed=1, lost=0)
    y = X[:, 0] + X[:, 3] > 1
    model = make_pipeline(selector, LogisticRegression()).fit(X, y)
    said = answered(selector, new)["transformed"]
    np.testing.assert_array_equal(said, selector.transform(new))
    export_onnx(model, tmp_path / "m.onnx", X)
    file = load_onnx(tmp_path / "m.onnx")
    np.testing.assert_allclose(file.predict_proba(new), model.predict_proba(new), atol=1e-6)


@pytest.mark.parametrize("kind", [RFE, RFECV])
def test_eliminators_predict(kind, tmp_path):
    X, new = rows(lost=0), rows(seed=1, lost=0)
    y = np.where(X[:, 0] > 0, "high", "low")
    model = kind(LogisticRegression()).fit(X, y)
    export_onnx(model, tmp_path / "m.onnx", X)
    file = load_onnx(tmp_path / "m.onnx")
    np.testing.assert_array_equal(file.predict(new), model.predict(new))
    np.testing.assert_allclose(file.predict_proba(new), model.predict_proba(new), atol=1e-6)
    said = answered(model, new)
    np.testing.assert_array_equal(said["transformed"], model.transform(new))

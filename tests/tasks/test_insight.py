"""Importance and dependence: scikit-learn's numbers, on rows that were not learned from."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn import inspection
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import unifml
from unifml import Classifier, Training
from unifml.errors import CapabilityError, DataError, DataTypeError, UnknownNameError

CANCER = load_breast_cancer(return_X_y=True, as_frame=True)
IRIS = load_iris(return_X_y=True, as_frame=True)
DIABETES = load_diabetes(return_X_y=True, as_frame=True)
LOGISTIC = make_pipeline(StandardScaler(), LogisticRegression())


def mixed():
    """Two numbers, text, and whole numbers; y is said by the text and the first number."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "a": rng.normal(size=120),
            "b": rng.normal(size=120),
            "color": rng.choice(["red", "green", "blue"], 120),
            "n": rng.integers(0, 60, 120),
        }
    )
    y = (frame["a"] + (frame["color"] == "red") > 0.3).to_numpy()
    return frame, y


def text_pipeline():
    encode = make_column_transformer((OneHotEncoder(), ["color"]), remainder="passthrough")
    return make_pipeline(encode, LogisticRegression(max_iter=1000))


# Importance ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("metric", "scoring", "sign"), [
    ("accuracy", "accuracy", 1), ("log_loss", "neg_log_loss", 1), ("roc_auc", "roc_auc", 1)
])  # fmt: skip
def test_importances_of_a_fitted_model_are_scikit_learns(metric, scoring, sign):
    X, y = CANCER
    clf = LOGISTIC.fit(X, y)
    ours = unifml.permutation_importance(clf, X, y, metrics=metric, n_repeats=3, random_state=7)
    theirs = inspection.permutation_importance(
        clf, X, y, scoring=scoring, n_repeats=3, random_state=7
    )
    for name, mean, sd in zip(
        X.columns, theirs.importances_mean, theirs.importances_std, strict=True
    ):
        assert ours.means[metric][name] == pytest.approx(sign * mean, abs=1e-12)
        assert ours.deviations[metric][name] == pytest.approx(sd, abs=1e-12)


def test_importances_of_folds_are_of_rows_held_out():
    X, y = CANCER
    cv = KFold(3, shuffle=True, random_state=0)
    ours = unifml.permutation_importance(LOGISTIC, X, y, cv=cv, n_repeats=2, random_state=5)
    found = []
    for fold, (train, test) in enumerate(cv.split(X)):
        clf = LOGISTIC.fit(X.iloc[train], y.iloc[train])
        theirs = inspection.permutation_importance(
            clf, X.iloc[test], y.iloc[test], scoring="accuracy", n_repeats=2, random_state=5 + fold
        )
        found.append(theirs.importances)
    expected = np.stack(found, axis=1)
    order = [list(X.columns).index(name) for name in ours.features]
    np.testing.assert_allclose(ours.draws["accuracy"], expected[order], atol=1e-12)


def test_importances_come_with_the_most_important_first_and_heed_the_sign():
    X, y = DIABETES
    found = unifml.permutation_importance(Ridge(), X, y, metrics=["rmse", "r2"], random_state=0)
    assert {"bmi", "s5"} == set(found.features[:2])
    assert found.means["rmse"]["bmi"] > 0 < found.means["r2"]["bmi"]
    assert found.draws["rmse"].shape == (10, 5, 5)
    assert list(found.to_frame().index) == found.features


def test_importances_are_weighted():
    X, y = CANCER
    weight = np.random.default_rng(0).uniform(0.1, 2, len(y))
    clf = LOGISTIC.fit(X, y)
    ours = unifml.permutation_importance(
        clf, X, y, n_repeats=2, sample_weight=weight, random_state=0
    )
    theirs = inspection.permutation_importance(
        clf, X, y, scoring="accuracy", n_repeats=2, sample_weight=weight, random_state=0
    )
    means = np.array([ours.means["accuracy"][name] for name in X.columns])
    np.testing.assert_allclose(means, theirs.importances_mean, atol=1e-12)


def test_importances_of_a_function_that_asks_the_estimator():
    X, y = IRIS

    def loss(estimator, X, y):
        return -log_loss(y, estimator.predict_proba(X))

    found = unifml.permutation_importance(
        "linear", X, y, backend="sklearn", cv=0.3, metrics=loss, random_state=0
    )
    assert found.features[0].startswith("petal")


def test_columns_of_text_and_the_step_before_the_model():
    X, y = mixed()
    found = unifml.permutation_importance(text_pipeline(), X, y, random_state=0)
    assert set(found.features[:2]) == {"a", "color"}


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_frames_of_other_libraries(library):
    module = pytest.importorskip(library)
    X, y = IRIS
    table = module.from_pandas(X) if library == "polars" else module.Table.from_pandas(X)
    found = unifml.permutation_importance(LOGISTIC, table, y.to_numpy(), cv=2, random_state=0)
    assert set(found.features) == set(X.columns)


def test_faces_of_importances(tmp_path):
    X, y = IRIS
    X = X.rename(columns={"petal width (cm)": "<script>alert(1)</script> $x$"})
    found = unifml.permutation_importance(LOGISTIC, X, y, cv=2, random_state=0)
    assert "2 folds" in str(found)
    assert "<script>" not in found._repr_html_()
    assert set(json.loads(found.to_json())["means"]["accuracy"]) == set(X.columns)
    text = found.to_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == text
    assert "<script>" not in text
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert found.plot().axes
    with pytest.raises(UnknownNameError, match="accuracy"):
        found.plot("f1")


def test_what_has_no_columns_is_refused():
    X = np.zeros((20, 4, 4))
    with pytest.raises(DataTypeError, match="columns"):
        unifml.permutation_importance("linear", X, np.arange(20) % 2, backend="sklearn")


# Dependence ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "data"), [
    (LOGISTIC, CANCER), (LOGISTIC, IRIS), (Ridge(), DIABETES)
])  # fmt: skip
def test_dependence_is_scikit_learns(model, data):
    X, y = data
    fitted = model.fit(X, y)
    names = list(X.columns[:2])
    ours = unifml.partial_dependence(fitted, X, [names[0], (names[0], names[1])], grid=6)
    for effect, asked in zip(ours.effects, ([0], [0, 1]), strict=True):
        theirs = inspection.partial_dependence(fitted, X, asked, grid_resolution=6, method="brute")
        np.testing.assert_allclose(effect.average, theirs["average"])
        for mine, other in zip(effect.values, theirs["grid_values"], strict=True):
            np.testing.assert_array_equal(mine, other)


def test_dependence_of_rows_weights_and_places():
    X, y = DIABETES
    weight = np.random.default_rng(0).uniform(0.1, 2, len(y))
    fitted = Ridge().fit(X, y)
    ours = unifml.partial_dependence(fitted, X, [2, 3], grid=5, sample_weight=weight)
    theirs = inspection.partial_dependence(fitted, X, [2], grid_resolution=5, sample_weight=weight)
    np.testing.assert_allclose(ours.effects[0].average, theirs["average"])
    kept = unifml.partial_dependence(fitted, X, 2, grid=5, individual=True).effects[0]
    assert kept.individual.shape == (1, len(y), 5)
    np.testing.assert_allclose(kept.individual.mean(axis=1), kept.average)


def test_dependence_of_a_linear_model_is_a_line():
    X, y = DIABETES
    reg = Ridge(alpha=1e-6).fit(X, y)
    effect = unifml.partial_dependence(reg, X, "bmi", grid=9).effects[0]
    slope = np.diff(effect.average[0]) / np.diff(effect.values[0])
    np.testing.assert_allclose(slope, reg.coef_[list(X.columns).index("bmi")])
    assert effect.spread == pytest.approx(np.ptp(effect.average))


def test_text_is_taken_value_by_value_and_whole_numbers_on_a_grid():
    X, y = mixed()
    found = unifml.partial_dependence(text_pipeline().fit(X, y), X, ["color", "n"], grid=5)
    color, n = found.effects
    assert list(color.values[0]) == ["blue", "green", "red"]
    assert color.average[0].argmax() == 2
    assert len(n.values[0]) == 5
    assert X["n"].dtype.kind == "i"


def test_an_unfitted_model_is_fitted_on_a_copy():
    X, y = IRIS
    clf = Classifier("random_forest", random_state=0)
    found = unifml.partial_dependence(clf, X, 3, y=y, grid=5)
    assert found.answers == ["0", "1", "2"]
    assert not hasattr(clf, "classes_")
    with pytest.raises(DataError, match="not fitted"):
        unifml.partial_dependence(clf, X, 3)


def test_faces_of_dependence():
    X, y = mixed()
    three = np.where(X["a"] > 0.7, "high", np.where(y, "yes", "<b>no</b>"))
    found = unifml.partial_dependence(
        text_pipeline().fit(X, three), X, ["a", "color", ("a", "b")], grid=5
    )
    assert "moves by" in str(found)
    assert "<b>no" not in found._repr_html_() + found.to_html()
    assert len(found.to_frame()) == 3 * (5 + 3 + 25)
    assert len(json.loads(found.to_json())["effects"]) == 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(found.plot().axes) == 3
        assert found.plot("yes").axes
    with pytest.raises(UnknownNameError, match="maybe"):
        found.plot("maybe")


def test_a_pair_of_text_and_number_is_refused():
    X, y = mixed()
    with pytest.raises(CapabilityError, match="pair"):
        unifml.partial_dependence(text_pipeline().fit(X, y), X, [("a", "color")])


def test_an_unknown_column_is_named():
    X, y = DIABETES
    with pytest.raises(UnknownNameError, match="bmi"):
        unifml.partial_dependence(Ridge().fit(X, y), X, "bmy")


def test_every_backend_is_looked_into(backend):
    X, y = IRIS
    clf = Classifier("mlp", backend=backend, training=Training(epochs=2), random_state=0).fit(X, y)
    found = unifml.permutation_importance(clf, X, y, n_repeats=1, random_state=0)
    assert set(found.features) == set(X.columns)
    assert found.scores["accuracy"] == pytest.approx(clf.score(X, y))
    shown = unifml.partial_dependence(clf, X, "petal width (cm)", grid=3)
    assert shown.effects[0].average.shape == (3, 3)
    np.testing.assert_allclose(shown.effects[0].average.sum(axis=0), 1, atol=1e-5)


def test_a_file_is_looked_into_like_its_model(tmp_path):
    pytest.importorskip("onnx")
    X, y = IRIS
    clf = LOGISTIC.fit(X, y)
    unifml.export_onnx(clf, tmp_path / "m.onnx", X)
    file = unifml.load_onnx(tmp_path / "m.onnx")
    kept = [
        unifml.permutation_importance(model, X, y, n_repeats=2, random_state=0)
        for model in (clf, file)
    ]
    assert kept[0].means == kept[1].means
    both = [unifml.partial_dependence(model, X, [0, 3], grid=4) for model in (clf, file)]
    for a, b in zip(*(each.effects for each in both), strict=True):
        np.testing.assert_allclose(a.average, b.average, atol=1e-5)

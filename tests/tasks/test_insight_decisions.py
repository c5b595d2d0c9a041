"""Thresholds by cost, and probabilities that mean what they say."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_iris, make_classification
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, f1_score
from sklearn.model_selection import StratifiedKFold, TunedThresholdClassifierCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import unifml
from unifml import Classifier, Training
from unifml.errors import (
    CapabilityError,
    DataError,
    DataTypeError,
    ParameterError,
    UnknownNameError,
)

CANCER = load_breast_cancer(return_X_y=True)
IRIS = load_iris(return_X_y=True)
NOISY = make_classification(600, 8, flip_y=0.1, class_sep=0.7, random_state=0)
LOGISTIC = make_pipeline(StandardScaler(), LogisticRegression())
METHODS = ("sigmoid", "isotonic", "temperature")


def costs(model, X, y, wrong):
    _, fp, fn, _ = confusion_matrix(y, model.predict(X)).ravel()
    return (fp * wrong["false_positive"] + fn * wrong["false_negative"]) / len(y)


# Thresholds ---------------------------------------------------------------------------------------


def test_the_threshold_is_scikit_learns():
    cv = StratifiedKFold(5, shuffle=True, random_state=3)
    ours = unifml.tune_threshold(LOGISTIC, *NOISY, metric="f1", random_state=3)
    theirs = TunedThresholdClassifierCV(LOGISTIC, scoring="f1", cv=cv).fit(*NOISY)
    assert ours.best_threshold_ == theirs.best_threshold_
    assert ours.best_score_ == theirs.best_score_
    np.testing.assert_array_equal(ours.predict(NOISY[0]), theirs.predict(NOISY[0]))


@pytest.mark.parametrize("ratio", [0.25, 1.0, 4.0])
def test_of_true_probabilities_the_threshold_is_where_costs_balance(ratio):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(6000, 1)) * 1.5
    y = rng.uniform(size=6000) < 1 / (1 + np.exp(-X[:, 0]))
    cost = {"false_positive": ratio, "false_negative": 1}
    clf = unifml.tune_threshold(LogisticRegression(), X, y, cost=cost, random_state=0)
    assert clf.best_threshold_ == pytest.approx(ratio / (1 + ratio), abs=0.1)


def test_a_cost_said_in_three_ways_and_by_labels_of_text():
    X, y = NOISY[0], np.where(NOISY[1] == 1, "sick", "healthy")  # "sick" is the positive one
    named = {"false_positive": 1, "false_negative": 5}

    def function(true, said):
        return float(np.mean((true != said) * np.where(true == "sick", 5, 1)))

    found = [
        unifml.tune_threshold(LOGISTIC, X, y, cost=cost, random_state=0)
        for cost in (named, [[0, 1], [5, 0]], function)
    ]
    assert len({clf.best_threshold_ for clf in found}) == 1
    plain = unifml.tune_threshold(LOGISTIC, X, y, random_state=0)
    assert costs(found[0], X, y, named) < costs(plain, X, y, named)
    assert found[0].best_threshold_ < 0.4


def test_weights_count_as_rows_do():
    X, y = NOISY[0][:150], NOISY[1][:150]
    times = np.random.default_rng(0).integers(1, 4, 150)
    wrong = {"false_positive": 1, "false_negative": 3}
    clf = LOGISTIC.fit(X, y)
    rows = np.repeat(np.arange(150), times)
    by_weight = unifml.tune_threshold(clf, X, y, cost=wrong, cv="prefit", sample_weight=times)
    by_rows = unifml.tune_threshold(clf, X[rows], y[rows], cost=wrong, cv="prefit")
    assert by_weight.best_threshold_ == pytest.approx(by_rows.best_threshold_)
    assert by_weight.best_score_ == pytest.approx(by_rows.best_score_)
    unifml.tune_threshold(LOGISTIC, X, y, sample_weight=times, cv=2, random_state=0)


def test_a_fitted_model_is_taken_as_it_is():
    X, y = NOISY
    clf = LOGISTIC.fit(X[:300], y[:300])
    found = unifml.tune_threshold(clf, X[300:], y[300:], metric="f1", cv="prefit")
    assert found.estimator_ is clf
    best = max(
        f1_score(y[300:], clf.predict_proba(X[300:])[:, 1] >= at)
        for at in found.cv_results_["thresholds"]
    )
    assert found.best_score_ == pytest.approx(best, abs=0.02)
    with pytest.raises(DataError, match="not fitted"):
        unifml.tune_threshold(LogisticRegression(), X, y, cv="prefit")


def test_groups_stay_together():
    X, y = NOISY
    groups = np.arange(len(y)) // 4
    found = unifml.tune_threshold(LOGISTIC, X, y, groups=groups, cv=3, random_state=0)
    for train, test in found.cv:
        assert not set(groups[train]) & set(groups[test])


@pytest.mark.parametrize(("how", "error", "words"), [
    ({"metric": "roc_auc"}, CapabilityError, "does not change"),
    ({"metric": "f1", "cost": {"false_positive": 1}}, ParameterError, "one of them"),
    ({"cost": {"false_positve": 1}}, UnknownNameError, "did you mean 'false_positive'"),
    ({"cost": {"false_positive": 1}}, ParameterError, "false_negative > true_positive"),
    ({"cost": [1, 2]}, DataTypeError, "fp"),
])  # fmt: skip
def test_what_is_no_aim_is_an_error(how, error, words):
    with pytest.raises(error, match=words):
        unifml.tune_threshold(LOGISTIC, *NOISY, **how)


def test_three_classes_have_no_threshold():
    with pytest.raises(CapabilityError, match="two classes"):
        unifml.tune_threshold(LOGISTIC, *IRIS)


def test_the_curve_is_drawn():
    clf = unifml.tune_threshold(LOGISTIC, *NOISY, cost=[[0, 1], [5, 0]], random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (ax,) = clf.plot().axes
    assert ax.get_ylabel() == "cost"
    line = ax.lines[0]
    at = line.get_xdata()[line.get_ydata().argmin()]
    assert at == clf.best_threshold_


def test_a_threshold_goes_into_the_file(tmp_path):
    pytest.importorskip("onnx")
    X = NOISY[0].astype(np.float32)
    y = np.where(NOISY[1] == 1, "yes", "no")
    clf = unifml.tune_threshold(LOGISTIC, X, y, cost=[[0, 1], [5, 0]], random_state=0)
    unifml.export_onnx(clf, tmp_path / "m.onnx", X)
    file = unifml.load_onnx(tmp_path / "m.onnx")
    np.testing.assert_array_equal(file.predict(X), clf.predict(X))
    assert (clf.predict(X) != clf.estimator_.predict(X)).any()


def test_a_threshold_is_saved(tmp_path):
    pytest.importorskip("skops")
    clf = Classifier("linear", backend="sklearn")
    found = unifml.tune_threshold(clf, *NOISY, cost=[[0, 1], [5, 0]], cv=2, random_state=0)
    again = unifml.load(unifml.save(found, tmp_path / "m.unifml"))
    assert again.best_threshold_ == found.best_threshold_
    np.testing.assert_array_equal(again.predict(NOISY[0]), found.predict(NOISY[0]))
    assert again.plot().axes


def test_a_threshold_on_every_backend(backend):
    clf = Classifier("mlp", backend=backend, training=Training(epochs=2), random_state=0)
    X, y = NOISY[0][:90], NOISY[1][:90]
    found = unifml.tune_threshold(clf, X, y, cost=[[0, 1], [9, 0]], cv=2, random_state=0)
    said = found.estimator_.predict_proba(X)[:, 1] >= found.best_threshold_
    np.testing.assert_array_equal(found.predict(X), said.astype(y.dtype))
    assert not hasattr(clf, "classes_")


# Calibration --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_probabilities_are_scikit_learns(method):
    known = CalibratedClassifierCV._parameter_constraints["method"][0].options
    if method not in known:
        pytest.skip("scikit-learn has it from 1.8 on")
    cv = StratifiedKFold(4, shuffle=True, random_state=2)
    ours = unifml.calibrate(GaussianNB(), *NOISY, method=method, cv=4, random_state=2)
    theirs = CalibratedClassifierCV(GaussianNB(), method=method, cv=cv).fit(*NOISY)
    np.testing.assert_allclose(ours.predict_proba(NOISY[0]), theirs.predict_proba(NOISY[0]))


def test_calibration_calibrates():
    X, y = make_classification(4000, 20, n_informative=2, n_redundant=10, random_state=0)
    raw = GaussianNB().fit(X[:2000], y[:2000])
    made = unifml.calibrate(GaussianNB(), X[:2000], y[:2000], method="isotonic", random_state=0)
    error = {}
    for name, clf in {"raw": raw, "made": made}.items():
        report = unifml.evaluate(clf, X[2000:], y[2000:], metrics="calibration_error")
        error[name] = report.scores["calibration_error"]
    assert error["made"] < 0.5 * error["raw"]


def test_a_fitted_model_is_calibrated_as_it_is():
    X, y = IRIS
    clf = LOGISTIC.fit(X[::2], y[::2])
    ours = unifml.calibrate(clf, X[1::2], y[1::2], cv="prefit")
    theirs = CalibratedClassifierCV(FrozenEstimator(clf)).fit(X[1::2], y[1::2])
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X))
    with pytest.raises(DataError, match="not fitted"):
        unifml.calibrate(LogisticRegression(), X, y, cv="prefit")


def test_weights_reach_the_model_in_a_pipeline():
    X, y = NOISY
    weight = np.where(np.arange(len(y)) < 300, 1.0, 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = unifml.calibrate(
            LOGISTIC, X, y, sample_weight=weight, cv=[(np.arange(600), np.arange(600))]
        )
    inner = found.calibrated_classifiers_[0].estimator
    scaled = StandardScaler().fit_transform(X)
    alone = LogisticRegression().fit(scaled[:300], y[:300])
    np.testing.assert_allclose(inner[-1].coef_, alone.coef_, rtol=1e-3)


def test_an_unknown_method_is_named():
    with pytest.raises(UnknownNameError, match="isotonic"):
        unifml.calibrate(LOGISTIC, *IRIS, method="isotonik")


def test_several_labels_are_refused():
    X, y = IRIS
    with pytest.raises(CapabilityError, match="one label"):
        unifml.calibrate(LOGISTIC, X, np.stack([y > 0, y > 1], axis=1).astype(int))


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration_goes_into_the_file(tmp_path, method):
    pytest.importorskip("onnx")
    X = CANCER[0].astype(np.float32)
    clf = unifml.calibrate(LOGISTIC, X, CANCER[1], method=method, cv=3, random_state=0)
    unifml.export_onnx(clf, tmp_path / "m.onnx", X)
    file = unifml.load_onnx(tmp_path / "m.onnx")
    np.testing.assert_allclose(file.predict_proba(X), clf.predict_proba(X), atol=1e-5)


def test_calibration_on_every_backend(backend, tmp_path):
    pytest.importorskip("onnx")
    clf = Classifier("mlp", backend=backend, training=Training(epochs=2), random_state=0)
    X, y = IRIS[0].astype(np.float32), IRIS[1]
    found = unifml.calibrate(clf, X, y, cv=2, random_state=0)
    np.testing.assert_allclose(found.predict_proba(X).sum(axis=1), 1, atol=1e-5)
    unifml.export_onnx(found, tmp_path / "m.onnx", X)
    file = unifml.load_onnx(tmp_path / "m.onnx")
    np.testing.assert_allclose(file.predict_proba(X), found.predict_proba(X), atol=1e-4)

"""`evaluate`: the folds, the metrics and the result."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics import fbeta_score, make_scorer
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, cross_validate
from sklearn.neighbors import KNeighborsClassifier
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
WINE = load_wine(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)
LOGISTIC = make_pipeline(StandardScaler(), LogisticRegression())
FOLDS = StratifiedKFold(4, shuffle=True, random_state=1)


def folds_of(report, name):
    return [fold[name] for fold in report.folds]


def test_folds_are_cross_validates_for_two_classes():
    names = {
        "accuracy": "accuracy",
        "balanced_accuracy": "balanced_accuracy",
        "precision": "precision",
        "recall": "recall",
        "f1": "f1",
        "roc_auc": "roc_auc",
        "pr_auc": "average_precision",
        "mcc": "matthews_corrcoef",
        "neg_brier_score": "neg_brier_score",
    }
    report = unifml.evaluate(LOGISTIC, *CANCER, cv=FOLDS, metrics=list(names))
    theirs = cross_validate(LOGISTIC, *CANCER, cv=FOLDS, scoring=list(names.values()))
    for ours, their in names.items():
        np.testing.assert_allclose(folds_of(report, ours), theirs[f"test_{their}"], atol=1e-12)


def test_folds_are_cross_validates_for_three_classes_and_natural_signs():
    names = {"roc_auc": "roc_auc_ovr", "f1": "f1_macro", "precision": "precision_macro"}
    report = unifml.evaluate(LOGISTIC, *WINE, cv=FOLDS, metrics=[*names, "log_loss"])
    theirs = cross_validate(LOGISTIC, *WINE, cv=FOLDS, scoring=[*names.values(), "neg_log_loss"])
    for ours, their in names.items():
        np.testing.assert_allclose(folds_of(report, ours), theirs[f"test_{their}"], atol=1e-12)
    np.testing.assert_allclose(folds_of(report, "log_loss"), -theirs["test_neg_log_loss"])


def test_folds_are_cross_validates_in_regression():
    cv = KFold(3, shuffle=True, random_state=0)
    names = {"mse": "neg_mean_squared_error", "rmse": "neg_root_mean_squared_error"}
    names["mae"] = "neg_mean_absolute_error"
    report = unifml.evaluate(Ridge(), *DIABETES, cv=cv, metrics=["r2", *names])
    theirs = cross_validate(Ridge(), *DIABETES, cv=cv, scoring=["r2", *names.values()])
    np.testing.assert_allclose(folds_of(report, "r2"), theirs["test_r2"])
    for ours, their in names.items():
        np.testing.assert_allclose(folds_of(report, ours), -theirs[f"test_{their}"])


def test_folds_are_the_same_on_every_backend(backend):
    clf = Classifier("mlp", backend=backend, training=Training(epochs=3), random_state=0)
    X, y = CANCER[0][:120], CANCER[1][:120]
    report = unifml.evaluate(clf, X, y, cv=3, metrics=["accuracy", "roc_auc"], random_state=0)
    cv = StratifiedKFold(3, shuffle=True, random_state=0)
    theirs = cross_validate(clf, X, y, cv=cv, scoring=["accuracy", "roc_auc"])
    for name in ("accuracy", "roc_auc"):
        np.testing.assert_allclose(folds_of(report, name), theirs[f"test_{name}"], atol=1e-6)


def test_processes_do_not_change_the_result():
    alone = unifml.evaluate(LOGISTIC, *CANCER, cv=3, random_state=0)
    both = unifml.evaluate(LOGISTIC, *CANCER, cv=3, random_state=0, n_jobs=2)
    assert alone.scores == both.scores
    np.testing.assert_array_equal(alone.predictions.row, both.predictions.row)


def test_words_as_labels_give_the_numbers_of_codes():
    words = np.array(["malignant", "not"])[CANCER[1]]  # sorted: "not" is the positive one
    ours = unifml.evaluate(LOGISTIC, CANCER[0], words, random_state=0)
    assert ours.scores == unifml.evaluate(LOGISTIC, *CANCER, random_state=0).scores


def test_a_fitted_estimator_is_scored_and_not_fitted_again():
    X, y = CANCER
    model = clone(LOGISTIC).fit(X[:400], y[:400])
    before = model[-1].coef_.copy()
    report = unifml.evaluate(model, X[400:], y[400:])
    assert report.scores["accuracy"] == model.score(X[400:], y[400:])
    assert report.estimators == [model]
    assert report.fit_seconds is None
    assert "nothing was fitted again" in str(report).splitlines()[0]
    np.testing.assert_array_equal(model[-1].coef_, before)


def test_a_fitted_estimator_that_is_fitted_again_forgets_its_classes():
    fitted = clone(LOGISTIC).fit(*CANCER)
    again = unifml.evaluate(fitted, *WINE, cv=FOLDS)
    assert again.scores == unifml.evaluate(LOGISTIC, *WINE, cv=FOLDS).scores


def test_the_first_line_says_what_was_done():
    X, y = CANCER

    def title(**given):
        return str(unifml.evaluate(LOGISTIC, X, y, random_state=0, **given)).splitlines()[0]

    assert "5-fold cross-validation, stratified, shuffled (random_state=0), 569 rows" in title()
    assert "hold-out of 20%" in title(cv=0.2)
    assert "KFold(n_splits=2" in title(cv=KFold(2))


def test_groups_stay_together():
    groups = np.arange(569) // 10
    report = unifml.evaluate(LOGISTIC, *CANCER, groups=groups, random_state=0)
    fold_of = dict(zip(report.predictions.row, report.predictions.fold, strict=True))
    for group in np.unique(groups):
        assert len({fold_of[row] for row in np.flatnonzero(groups == group)}) == 1
    unifml.evaluate(LOGISTIC, *CANCER, groups=groups, cv=GroupKFold(3))


def test_predictions_are_out_of_fold_and_cover_every_row():
    predictions = unifml.evaluate(LOGISTIC, *CANCER, random_state=0).predictions
    np.testing.assert_array_equal(np.sort(predictions.row), np.arange(569))
    np.testing.assert_array_equal(predictions.true, CANCER[1][predictions.row])
    assert predictions.probabilities.shape == (569, 2)
    assert list(predictions.to_frame())[-1] == "probability of 1"


def test_a_row_of_zero_weight_is_an_absent_row_in_the_scores():
    X, y = CANCER
    model = LogisticRegression(max_iter=5000).fit(X[:300], y[:300])
    weight = np.r_[np.ones(100), np.zeros(169)]
    whole = unifml.evaluate(model, X[300:], y[300:], sample_weight=weight)
    part = unifml.evaluate(model, X[300:400], y[300:400])
    for name, value in part.scores.items():
        assert math.isclose(whole.scores[name], value, abs_tol=1e-12)


def test_weights_reach_the_fits_of_the_folds():
    X, y = CANCER
    weight = np.random.default_rng(0).uniform(0.01, 5, len(y))
    report = unifml.evaluate(LOGISTIC, X, y, cv=FOLDS, sample_weight=weight)
    for (train, _), fitted in zip(FOLDS.split(X, y), report.estimators, strict=True):
        given = {"logisticregression__sample_weight": weight[train]}
        alone = clone(LOGISTIC).fit(X[train], y[train], **given)
        np.testing.assert_allclose(fitted[-1].coef_, alone[-1].coef_)


def test_users_metrics_are_understood():
    def share_of_ones(y_true, y_pred):
        return float(np.mean(y_pred))

    def width(estimator, X, y):
        return float(X.shape[1])

    beta = make_scorer(fbeta_score, beta=2)
    metrics = {"ones": share_of_ones, "width": width, "f2": beta}
    report = unifml.evaluate(LOGISTIC, *CANCER, metrics=metrics, cv=FOLDS)
    theirs = cross_validate(LOGISTIC, *CANCER, cv=FOLDS, scoring={"f2": beta})
    np.testing.assert_allclose(folds_of(report, "f2"), theirs["test_f2"])
    assert report.scores["width"] == 30
    fitted = clone(LOGISTIC).fit(*CANCER)
    assert "width" not in unifml.evaluate(fitted, *CANCER, metrics=metrics).intervals


class Counting(ClassifierMixin, BaseEstimator):
    fits = 0

    def fit(self, X, y):
        type(self).fits += 1
        raise RuntimeError("no luck")

    def predict(self, X):
        raise AssertionError


@pytest.mark.parametrize(
    ("metric", "error"),
    [("log_loss", CapabilityError), ("rmse", CapabilityError), ("acuracy", UnknownNameError)],
)
def test_metrics_that_cannot_be_are_refused_before_any_fit(metric, error):
    Counting.fits = 0
    with pytest.raises(error):
        unifml.evaluate(Counting(), *CANCER, metrics=metric)
    assert Counting.fits == 0


def test_without_probabilities_the_usual_metrics_are_those_that_can_be():
    usual = unifml.evaluate(RidgeClassifier(), *WINE, cv=3, random_state=0).scores
    assert "roc_auc" not in usual
    assert "accuracy" in usual


def test_a_metric_that_is_undefined_in_a_fold_is_an_error_not_nan():
    X, y = WINE
    with pytest.raises(DataError, match="fold 1 lack a class"):
        unifml.evaluate(LOGISTIC, X, y, cv=KFold(3), metrics="roc_auc")
    assert "roc_auc" not in unifml.evaluate(LOGISTIC, X, y, cv=KFold(2)).scores


def test_a_failed_fold_says_which_and_why():
    with pytest.raises(RuntimeError, match="no luck") as caught:
        unifml.evaluate(Counting(), *CANCER, metrics="accuracy", cv=3)
    assert any("fold 1 of 3" in note for note in caught.value.__notes__)


@pytest.mark.parametrize("cv", [1, 0, True, 1.5, -0.1, 3 + 0j, "1x3"])
def test_a_cv_that_cannot_be_is_refused(cv):
    with pytest.raises(ParameterError, match="cv"):
        unifml.evaluate(LOGISTIC, *CANCER, cv=cv)


def test_several_labels_per_row():
    X, y = WINE
    Y = np.column_stack([y == 0, y > 1]).astype(int)
    report = unifml.evaluate(KNeighborsClassifier(), X, Y, cv=3, random_state=0)
    cv = KFold(3, shuffle=True, random_state=0)
    theirs = cross_validate(KNeighborsClassifier(), X, Y, cv=cv, scoring=["f1_macro", "roc_auc"])
    np.testing.assert_allclose(folds_of(report, "f1"), theirs["test_f1_macro"])
    np.testing.assert_allclose(folds_of(report, "roc_auc"), theirs["test_roc_auc"])


def test_inner_fits_are_silent(capfd):
    clf = Classifier("mlp", backend="sklearn", training=Training(epochs=2))
    with unifml.config_context(verbose=2):
        unifml.evaluate(clf, CANCER[0][:60], CANCER[1][:60], cv=2, verbose=0)
    assert capfd.readouterr() == ("", "")


def test_the_result_shows_itself():
    report = unifml.evaluate(LOGISTIC, *CANCER, cv=3, random_state=0)
    assert "roc_auc" in report._repr_html_()
    frame = report.to_frame()
    assert (
        frame.loc["accuracy", "low"] <= report.scores["accuracy"] <= frame.loc["accuracy", "high"]
    )
    assert json.loads(report.to_json())["scores"] == report.scores
    assert len(report.plot().axes) == len(report.scores)


@pytest.mark.sklearn
@pytest.mark.parametrize("metrics", [3, [], {}])
def test_metrics_that_are_none_are_refused(metrics):
    with pytest.raises(DataTypeError, match="metrics="):
        unifml.evaluate(LogisticRegression(), np.eye(4), [0, 1, 0, 1], cv=2, metrics=metrics)


def test_a_metric_that_takes_no_weights_says_so_before_the_fit():
    weight = np.ones(len(DIABETES[1]))
    with pytest.raises(DataError, match="max_error"):
        unifml.evaluate(Ridge(), *DIABETES, metrics="max_error", sample_weight=weight)

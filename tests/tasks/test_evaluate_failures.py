"""`evaluate`: folds that fail, metrics that cannot be."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import KFold, LeaveOneOut

import unifml
from unifml.errors import CapabilityError, DataError, ParameterError

X, Y = (part[:90] for part in load_breast_cancer(return_X_y=True))
CV = KFold(3)

pytestmark = pytest.mark.sklearn


class Fussy(ClassifierMixin, BaseEstimator):
    """Says 1 always; fails where one of the rows to learn from is the forbidden one."""

    fits = 0

    def __init__(self, forbidden=0):
        self.forbidden = forbidden

    def fit(self, X, y):
        type(self).fits += 1
        if self.forbidden is None or np.any(X[:, 0] == self.forbidden):
            try:
                raise KeyError("the file")
            except KeyError as error:
                raise RuntimeError("no luck") from error
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.ones(len(X), dtype=int)


def fussy(**given):
    """Folds 0 and 2 fail: only fold 1 holds out row 45."""
    with pytest.warns(FitFailedWarning, match="2 of 3 folds failed"):
        return unifml.evaluate(Fussy(X[45, 0]), X, Y, cv=CV, metrics="accuracy", **given)


def test_a_failed_fold_is_recorded_and_the_others_are_kept():
    report = fussy(error_score=math.nan)
    share = float(np.mean(Y[30:60]))
    assert report.scores == {"accuracy": share}
    assert [fold["accuracy"] for fold in report.folds][1] == share
    assert [fold["error"] for fold in report.folds] == [
        "RuntimeError: no luck",
        None,
        "RuntimeError: no luck",
    ]
    assert report.failures[1] == {
        "fold": 2,
        "error": "RuntimeError",
        "message": "no luck",
        "cause": "KeyError: 'the file'",
    }
    assert [each is None for each in report.estimators] == [True, False, True]
    assert set(report.predictions.fold) == {1}
    assert "means are over the others" in str(report)
    assert "fold 1 with RuntimeError: no luck" in str(report)
    found = json.loads(report.to_json())
    assert found["folds"][0]["accuracy"] is None
    # One fold is left: its interval is that of its rows.
    low, high = report.intervals["accuracy"]
    assert low < share < high


def test_a_number_counts_for_a_failed_fold():
    report = fussy(error_score=0)
    np.testing.assert_allclose(report.scores["accuracy"], np.mean(Y[30:60]) / 3)
    assert "each counts as 0" in str(report)
    assert report.intervals["accuracy"][1] <= 1


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_if_all_fail_the_first_error_is_raised(n_jobs):
    with pytest.raises(RuntimeError, match="no luck") as caught:
        unifml.evaluate(
            Fussy(None), X, Y, cv=CV, metrics="accuracy", error_score=math.nan, n_jobs=n_jobs
        )
    assert any("fold 1 of 3" in note for note in caught.value.__notes__)


def test_a_failure_in_a_worker_is_the_same():
    assert fussy(error_score=math.nan, n_jobs=2).failures == fussy(error_score=math.nan).failures


def test_without_failures_nothing_is_said():
    report = unifml.evaluate(LogisticRegression(max_iter=5000), X, Y, cv=CV, error_score=math.nan)
    assert report.failures == []
    assert "error" not in report.folds[0]
    assert "failed" not in str(report)


@pytest.mark.parametrize("error_score", ["ignore", None, True])
def test_an_error_score_that_cannot_be_is_refused(error_score):
    with pytest.raises(ParameterError, match="error_score"):
        unifml.evaluate(Fussy(), X, Y, error_score=error_score)


def test_a_metric_that_is_no_number_fails_its_fold_alone():
    def odd(y_true, y_pred):
        return math.nan if y_true[0] == Y[0] and len(y_true) == 30 and y_true[1] == 9 else 1.0

    marked = Y.copy()
    marked[1] = 9
    with pytest.warns(FitFailedWarning, match="fold 1 with DataError"):
        report = unifml.evaluate(Fussy(-1), X, marked, cv=CV, metrics=odd, error_score=math.nan)
    assert report.scores == {"odd": 1.0}


# Metrics that cannot be, before any fit --------------------------------------------------------


@pytest.mark.parametrize("metric", ["r2", "explained_variance", "d2_absolute_error"])
def test_one_row_has_no_spread(metric):
    with pytest.raises(DataError, match="fold 1 are one row"):
        unifml.evaluate(LinearRegression(), X[:9], X[:9, 0], cv=LeaveOneOut(), metrics=metric)


@pytest.mark.parametrize("metric", ["cohen_kappa", "roc_auc"])
def test_one_class_is_not_enough(metric):
    Fussy.fits = 0
    y = np.arange(90) // 30
    with pytest.raises(DataError, match="fold 1"):
        unifml.evaluate(LogisticRegression(), X, y, cv=CV, metrics=metric)
    assert Fussy.fits == 0


@pytest.mark.parametrize(
    ("metric", "lowest"), [("msle", -1.0), ("poisson_deviance", -0.5), ("gamma_deviance", 0.0)]
)
def test_logarithms_need_a_domain(metric, lowest):
    y = np.r_[lowest, np.ones(29)]
    with pytest.raises(DataError, match=f"'{metric}'.*y has other values"):
        unifml.evaluate(LinearRegression(), X[:30], y, cv=2, metrics=metric)


def test_a_fold_without_weight_is_refused():
    weight = np.r_[np.zeros(30), np.ones(60)]
    with pytest.raises(DataError, match="fold 1: no row"):
        unifml.evaluate(LogisticRegression(), X, Y, cv=CV, sample_weight=weight)


def test_rows_without_weight_do_not_make_a_class_present():
    y = np.r_[np.zeros(29), 1, np.arange(60) % 2].astype(int)
    weight = np.ones(90)
    weight[29] = 0
    with pytest.raises(DataError, match="fold 1 lack a class"):
        unifml.evaluate(LogisticRegression(), X, y, cv=CV, sample_weight=weight, metrics="roc_auc")


def test_columns_of_classes_are_refused():
    y = np.column_stack([np.arange(90) % 3, np.arange(90) % 4])
    with pytest.raises(CapabilityError, match="a column at a time"):
        unifml.evaluate("random_forest", X, y, task="classification")


def test_y_is_needed_to_score_classes():
    with pytest.raises(DataError, match="y is None"):
        unifml.evaluate(LogisticRegression(), X)

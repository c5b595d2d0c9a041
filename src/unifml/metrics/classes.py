"""Metrics of classes and labels."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn import metrics as sk

from unifml.metrics.calibration import calibration_error
from unifml.metrics.metric import BOUND, Metric, Recipe, Target

_ONE_LABEL = frozenset({"binary", "classes"})
_ANY = frozenset({"binary", "classes", "labels"})


def _plain(
    function: Callable[..., float],
    name: str,
    target: Target,
    *,
    bounds: tuple[float, float] = (0, 1),
) -> Metric:
    return Metric(name, sk.make_scorer(function), bounds=bounds)


def _averaged(function: Callable[..., float], name: str, target: Target) -> Metric:
    """Make a metric of predicted labels, averaged over the classes where it is one a class."""
    scorer = sk.make_scorer(function, zero_division=0.0, **target.averaging)
    return Metric(name, scorer, bounds=(0, 1))


def _roc_auc(name: str, target: Target) -> Metric:
    if target.kind == "classes":
        how = {"multi_class": "ovr", "average": "macro", "labels": target.classes}
        scorer = sk.make_scorer(sk.roc_auc_score, response_method="predict_proba", **how)
        return Metric(name, scorer, needs=("predict_proba",), every_class=True, bounds=(0, 1))
    scorer = sk.make_scorer(sk.roc_auc_score, response_method=BOUND)
    return Metric(name, scorer, needs=BOUND, every_class=True, bounds=(0, 1))


def _pr_auc(name: str, target: Target) -> Metric:
    # of several classes, scores of one row are not comparable with those of another; shares are
    needs = BOUND[::-1] if target.kind == "classes" else BOUND
    scorer = sk.make_scorer(sk.average_precision_score, response_method=needs, **target.positive)
    return Metric(name, scorer, needs=needs, every_class=True, bounds=(0, 1))


def _shares(
    function: Callable[..., float], name: str, target: Target, *, most: float = np.inf
) -> Metric:
    """Make a metric of probabilities that is better when smaller."""
    scorer = sk.make_scorer(function, response_method="predict_proba", labels=target.classes)
    return Metric(name, scorer, False, ("predict_proba",), bounds=(0, most))


def _brier(name: str, target: Target) -> Metric:
    how: dict[str, Any] = target.positive or {"labels": target.classes}
    scorer = sk.make_scorer(sk.brier_score_loss, response_method="predict_proba", **how)
    return Metric(
        name, scorer, False, ("predict_proba",), bounds=(0, 2 if target.kind == "classes" else 1)
    )


def _calibration(name: str, target: Target) -> Metric:
    scorer = sk.make_scorer(
        calibration_error, response_method="predict_proba", labels=target.classes
    )
    return Metric(name, scorer, False, ("predict_proba",), bounds=(0, 1))


def top_k(k: int) -> Recipe:
    """Return the recipe of the share of rows whose class is among the `k` most probable."""

    def make(name: str, target: Target) -> Metric:
        scorer = sk.make_scorer(
            sk.top_k_accuracy_score, response_method=BOUND, k=k, labels=target.classes
        )
        return Metric(name, scorer, needs=BOUND, bounds=(0, 1))

    return Recipe(make, frozenset({"classes"}))


RECIPES: dict[str, Recipe] = {
    "accuracy": Recipe(partial(_plain, sk.accuracy_score), _ANY),
    "balanced_accuracy": Recipe(partial(_plain, sk.balanced_accuracy_score), _ONE_LABEL),
    "precision": Recipe(partial(_averaged, sk.precision_score), _ANY),
    "recall": Recipe(partial(_averaged, sk.recall_score), _ANY),
    "f1": Recipe(partial(_averaged, sk.f1_score), _ANY),
    "jaccard": Recipe(partial(_averaged, sk.jaccard_score), _ANY),
    "roc_auc": Recipe(_roc_auc, _ANY),
    "pr_auc": Recipe(_pr_auc, _ANY),
    "log_loss": Recipe(partial(_shares, sk.log_loss), _ONE_LABEL),
    "brier": Recipe(_brier, _ONE_LABEL),
    "calibration_error": Recipe(_calibration, _ONE_LABEL),
    "top_k_accuracy": top_k(2),
    "mcc": Recipe(partial(_plain, sk.matthews_corrcoef, bounds=(-1, 1)), _ONE_LABEL),
    "cohen_kappa": Recipe(partial(_plain, sk.cohen_kappa_score, bounds=(-1, 1)), _ONE_LABEL),
}

"""The value of each metric on recorded answers, without what would take longer than the score.

On few rows a scorer of scikit-learn mostly checks what it is called with. What ours are called
with is right, so they are called by their functions; a user's own scorer is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sklearn
from sklearn import metrics as sk

from unifml.errors import DataError
from unifml.metrics import Answers, Metric

# All three come out of one function, each with the same settings.
_TRIO = {sk.precision_score: 0, sk.recall_score: 1, sk.f1_score: 2}


def score(
    metrics: tuple[Metric, ...], answers: Answers, y: Any, weight: Any, asked: Callable[..., Any]
) -> dict[str, float]:
    """Return the value of each metric.

    Parameters
    ----------
    asked : callable
        Calls a metric that asks the estimator itself.
    """
    rows = np.arange(len(answers.outputs["predict"]))
    given = {} if weight is None else {"sample_weight": weight}
    scores: dict[str, float] = {}
    kept: dict[str, tuple[Any, ...]] = {}
    for metric in metrics:
        if not metric.recorded:
            value = asked(metric)
        elif _simple(metric):
            value = _called(metric, answers.outputs["predict"], y, given, kept)
        else:
            with sklearn.config_context(skip_parameter_validation=bool(metric.formula)):
                value = metric.scorer(answers, rows, y, **given)
        scores[metric.name] = _finite(metric, value)
    return scores


def _simple(metric: Metric) -> bool:
    """Whether a metric is ours, and a function of truth and predictions."""
    named = bool(metric.formula) and metric.needs == ("predict",)
    return named and hasattr(metric.scorer, "_score_func")


def _called(
    metric: Metric, said: Any, y: Any, given: dict[str, Any], kept: dict[str, tuple[Any, ...]]
) -> Any:
    scorer: Any = metric.scorer
    function, settings = scorer._score_func, {**scorer._kwargs, **given}
    with sklearn.config_context(skip_parameter_validation=True):
        if function not in _TRIO:
            return scorer._sign * function(y, said, **settings)
        key = repr(scorer._kwargs)
        if key not in kept:
            kept[key] = sk.precision_recall_fscore_support(y, said, **settings)
        return kept[key][_TRIO[function]]


def _finite(metric: Metric, value: float) -> float:
    if not np.isfinite(value):
        raise DataError(
            f"metric {metric.name!r}",
            found=f"{value} on the rows of this fold",
            rule="a score is a number",
            fix="take fewer folds, or leave the metric out",
        )
    return float(value)

"""Two evaluations on the same rows: which test of their difference is right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
from scipy import stats

from unifml.core.table import FloatArray
from unifml.errors import ParameterError
from unifml.metrics import Answers, Metric
from unifml.tasks.edges import as_many
from unifml.tasks.evaluation import Evaluation
from unifml.tasks.intervals import LEVEL, resampled
from unifml.tasks.significance import PairedTest, corrected_resampled_t, holm, mcnemar
from unifml.tasks.splits import Split

Tests = dict[tuple[str, str], PairedTest]
Known = dict[int, FloatArray]


def paired_test(
    one: Evaluation, other: Evaluation, name: str, known: Known | None = None
) -> PairedTest | None:
    """Test the difference of two evaluations made on the same folds.

    Several folds: the corrected resampled t-test. One set of rows: McNemar's for accuracy, for
    other metrics a paired bootstrap of the rows. None where a metric gives nothing to test: one
    that asks the estimator itself, on one set of rows.

    Parameters
    ----------
    one, other : Evaluation
        The difference is the first minus the second.
    name : str
        The metric.
    known : dict or None
        Keeps resamples by evaluation, for the next pair.
    """
    if len(one._outcomes) > 1:
        return _over_folds(one, other, name)
    return _over_rows(one, other, name, {} if known is None else known)


def all_pairs(evaluations: Mapping[str, Evaluation], name: str) -> Tests:
    """Return the tests of all pairs, with p-values corrected for their number by Holm."""
    known: Known = {}
    found = {
        (a, b): paired_test(evaluations[a], evaluations[b], name, known)
        for a, b in combinations(evaluations, 2)
    }
    tests = {pair: test for pair, test in found.items() if test is not None}
    adjusted = holm([test.p_value for test in tests.values()])
    return {
        pair: replace(test, adjusted=float(p))
        for (pair, test), p in zip(tests.items(), adjusted, strict=True)
    }


def turned(test: PairedTest) -> PairedTest:
    """Return the test of the second against the first."""
    interval = None if test.interval is None else (-test.interval[1], -test.interval[0])
    return replace(test, difference=-test.difference, interval=interval)


def metric_of(evaluation: Evaluation, name: str) -> Metric:
    """Return a metric of an evaluation by its name."""
    return next(metric for metric in evaluation._metrics if metric.name == name)


def direction(metric: Metric) -> int:
    """Return 1 where more is better, -1 where less is.

    Raises
    ------
    ParameterError
        Where nobody said.
    """
    if metric.greater is None:
        raise ParameterError(
            f"a ranking by {metric.name!r}",
            found="whether more is better is not known",
            fix="use sklearn.metrics.make_scorer(function, greater_is_better=...)",
        )
    return 1 if metric.greater else -1


def bootstrap_test(differences: FloatArray, difference: float, rows: float) -> PairedTest:
    """Test a difference by its spread over resamples of the rows.

    Parameters
    ----------
    differences : array
        First minus second, on each resample.
    difference : float
        On the rows as they are.
    rows : float
        How many there are.

    References
    ----------
    Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapters 12 and 16.
    """
    defined = differences[np.isfinite(differences)]
    error = float(np.std(defined, ddof=1) * np.sqrt(rows / (rows - 1)))
    half = float(stats.t.ppf((1 + LEVEL) / 2, rows - 1)) * error
    name, interval = "paired bootstrap", (difference - half, difference + half)
    if error == 0:
        return PairedTest(name, difference, 1.0 if difference == 0 else 0.0, interval)
    p = float(2 * stats.t.sf(abs(difference) / error, rows - 1))
    return PairedTest(name, difference, p, interval)


def _over_folds(one: Evaluation, other: Evaluation, name: str) -> PairedTest | None:
    scores = np.array([[o.scores[name] for o in each._outcomes] for each in (one, other)])
    shares = np.array([_share(outcome.split) for outcome in one._outcomes])
    both = np.isfinite(scores).all(axis=0)  # a fold that failed tells nothing
    if both.sum() < 2:
        return None
    return corrected_resampled_t(scores[0, both] - scores[1, both], float(shares[both].mean()))


def _over_rows(one: Evaluation, other: Evaluation, name: str, known: Known) -> PairedTest | None:
    metrics = metric_of(one, name), metric_of(other, name)
    said = [each._outcomes[0].answers for each in (one, other)]
    if one._y is None or not all(metric.recorded and metric.truth for metric in metrics):
        return None
    y, weight = _truth(one)
    rows = float(len(y)) if weight is None else as_many(weight)
    if rows < 2 or said[0] is None or said[1] is None:
        return None
    for metric, each, answers in zip(metrics, (one, other), said, strict=True):
        if id(each) not in known and answers is not None:
            known[id(each)] = resampled(metric, answers, y, weight, one.seed)
    values = known[id(one)], known[id(other)]
    # The slow road draws the first of the same resamples.
    shared = min(map(len, values))
    apart = one.scores[name] - other.scores[name]
    test = bootstrap_test(values[0][:shared] - values[1][:shared], apart, rows)
    if metrics[0].formula == "accuracy" and weight is None:
        return replace(mcnemar(_right(said[0], y), _right(said[1], y)), interval=test.interval)
    return test


def _share(split: Split) -> float:
    return np.nan if split.train is None else len(split.test) / len(split.train)


def _truth(evaluation: Evaluation) -> tuple[Any, Any]:
    rows, weight = evaluation._outcomes[0].split.test, evaluation._weight
    return np.asarray(evaluation._y)[rows], None if weight is None else weight[rows]


def _right(answers: Answers, y: Any) -> Any:
    right = np.asarray(answers.outputs["predict"] == y)
    return right if right.ndim == 1 else right.all(axis=1)

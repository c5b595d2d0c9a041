"""How sure a score is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student
from sklearn import config_context

from unifml.core.seeds import Seeds
from unifml.core.table import FloatArray
from unifml.metrics import BOUND, Answers, Metric
from unifml.tasks.resampling import FAST, NEEDS_SCORES, Draws

LEVEL = 0.95
RESAMPLES = 1000
SLOW_RESAMPLES = 200  # for metrics that are computed one resample at a time
_BLOCK = 4_000_000  # counts held at once
_CELLS = 50_000_000  # more cells of confusion (rows * classes squared) are not held at once

Array = npt.NDArray[Any]
Interval = tuple[float, float]


def corrected_t(values: Sequence[float], test_share: float, level: float = LEVEL) -> Interval:
    """Return the interval of the mean of cross-validation's folds, by the corrected resampled t.

    The folds share training rows, so the variance of their mean is larger than ``s**2 / k``: it
    is ``s**2 * (1 / k + n_test / n_train)``.

    Parameters
    ----------
    values : sequence of k >= 2 floats
        One a fold.
    test_share : float
        ``n_test / n_train``.
    level : float
        Coverage.

    References
    ----------
    Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52, 2003.
    """
    k = len(values)
    spread = np.sqrt((1 / k + test_share) * np.var(values, ddof=1))
    half = float(student.ppf((1 + level) / 2, k - 1) * spread)
    middle = float(np.mean(values))
    return middle - half, middle + half


def row_intervals(
    metrics: Sequence[Metric], answers: Answers, y: Array, weight: FloatArray | None, seed: int
) -> dict[str, Interval]:
    """Return bootstrap intervals of metrics on one set of rows.

    Percentiles over 1000 resamples of the rows; over 200 for metrics that have no formula in
    `unifml.tasks.resampling`. A metric that asks the estimator itself has none.

    Parameters
    ----------
    metrics : sequence of Metric
        What to resample.
    answers : Answers
        What the estimator said about the rows.
    y, weight : array of shape (n,)
        What is true of them, and their weights.
    seed : int
        Draws the resamples.

    References
    ----------
    Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 13.
    """
    found = {}
    for metric in metrics:
        if metric.recorded:
            values = _resampled(metric, answers, y, weight, seed)
            defined = values[np.isfinite(values)]
            if len(defined) > len(values) / 2:
                tails = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
                low, high = np.quantile(defined, tails)
                found[metric.name] = (float(low), float(high))
    return found


def clipped(interval: Interval, bounds: Interval) -> Interval:
    """Return an interval cut to what the quantity can be."""
    low, high = (float(min(max(edge, bounds[0]), bounds[1])) for edge in interval)
    return low, high


def _resampled(
    metric: Metric, answers: Answers, y: Array, weight: FloatArray | None, seed: int
) -> FloatArray:
    """Return a metric on each resample; every metric sees the same ones."""
    rng = Seeds(seed).generator("split", 1)
    facts = _facts(metric, answers, y)
    if facts is None:
        return _one_by_one(metric, answers, y, weight, rng)
    unit = 1.0 if weight is None else weight
    with np.errstate(divide="ignore", invalid="ignore"):
        blocks = [
            FAST[metric.formula](Draws(counts=counts * unit, **facts))
            for counts in _counts(len(y), rng)
        ]
    return np.concatenate(blocks)


def _one_by_one(
    metric: Metric,
    answers: Answers,
    y: Array,
    weight: FloatArray | None,
    rng: np.random.Generator,
) -> FloatArray:
    values = np.full(SLOW_RESAMPLES, np.nan)
    with config_context(assume_finite=True, skip_parameter_validation=True):
        for i in range(SLOW_RESAMPLES):
            rows = rng.integers(0, len(y), len(y))
            if not metric.every_class or has_every_class(y[rows], y):
                given = {} if weight is None else {"sample_weight": weight[rows]}
                values[i] = metric.scorer(answers, rows, y[rows], **given)
    return values


def has_every_class(rows: Array, y: Array) -> bool:
    """Say whether some rows show every class of `y`; of several labels, each on and off."""
    if y.ndim > 1:
        return bool(np.all(rows.min(axis=0) != rows.max(axis=0)))
    return len(np.unique(rows)) == max(len(np.unique(y)), 2)


def _counts(n_rows: int, rng: np.random.Generator) -> Iterator[FloatArray]:
    """Yield blocks of resamples: how often each row was drawn."""
    left, block = RESAMPLES, max(1, _BLOCK // n_rows)
    while left > 0:
        drawn = [
            np.bincount(rng.integers(0, n_rows, n_rows), minlength=n_rows)
            for _ in range(min(block, left))
        ]
        yield np.array(drawn, dtype=np.float64)
        left -= block


def _facts(metric: Metric, answers: Answers, y: Array) -> dict[str, Any] | None:
    """Return what a formula needs of the rows, or None where there is none for them."""
    predicted = answers.outputs["predict"]
    if metric.formula not in FAST or y.ndim > 1 or predicted.ndim > 1:
        return None
    if answers.kind == "regression":
        return {"true": y.astype(np.float64), "predicted": predicted.astype(np.float64)}
    classes = answers.classes_
    true, said = (np.searchsorted(classes, labels) for labels in (y, predicted))
    if (
        len(classes) < 2
        or len(y) * len(classes) ** 2 > _CELLS
        or not np.array_equal(classes[np.minimum(true, len(classes) - 1)], y)
    ):
        return None
    facts: dict[str, Any] = {"true": true, "predicted": said, "classes": len(classes)}
    if metric.formula in NEEDS_SCORES:
        if len(classes) > 2:
            return None
        method = next(name for name in BOUND if name in answers.outputs)
        outputs = answers.outputs[method]
        facts["scores"] = outputs if outputs.ndim == 1 else outputs[:, 1]
    return facts

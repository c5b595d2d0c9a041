"""How sure a score is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn import config_context

from unifml.core.seeds import Seeds
from unifml.core.table import FloatArray
from unifml.metrics import BOUND, Answers, Metric
from unifml.tasks.edges import Interval as Interval
from unifml.tasks.edges import around, as_many, rate, rate_error, rate_interval
from unifml.tasks.resampling import FAST, NEEDS_SCORES, Draws

LEVEL = 0.95
RESAMPLES = 1000
SLOW_RESAMPLES = 200  # for metrics that are computed one resample at a time
_BLOCK = 4_000_000  # counts held at once
_CELLS = 50_000_000  # more cells of confusion (rows * classes squared) are not held at once

Array = npt.NDArray[Any]


def corrected_t(
    values: Sequence[float],
    test_share: float,
    level: float = LEVEL,
    bounds: Interval = (-np.inf, np.inf),
    rows: int = 0,
) -> Interval:
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
    bounds : (float, float)
        What a score can be: where both are finite, the interval is made on the logit's scale.
    rows : int
        How many rows were scored: equal folds then have Wilson's interval of as many.

    References
    ----------
    Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52, 2003.
    """
    k = len(values)
    error = corrected_error(values, test_share)
    mean, finite = float(np.mean(values)), bool(np.all(np.isfinite(bounds)))
    if finite and (error or rows):
        return around(mean, error, bounds, k - 1 if error else rows - 1, level)
    # Of one bound only, the mean of small folds leans: r2 of ten rows is too low on the average.
    return around(mean, error, (-np.inf, np.inf), k - 1, level)


def corrected_error(values: Sequence[float], test_share: float) -> float:
    """Return the standard error of the mean of folds that share training rows."""
    return float(np.sqrt((1 / len(values) + test_share) * np.var(values, ddof=1)))


def row_intervals(
    metrics: Sequence[Metric], answers: Answers, y: Array, weight: FloatArray | None, seed: int
) -> dict[str, Interval]:
    """Return intervals of metrics on one set of rows.

    Shares of rows (accuracy; recall, precision, F1 and Jaccard of two classes) have Wilson's.
    Others have a t-interval, on a scale where their bounds are infinitely far, of the spread of
    1000 resamples of the rows; of 200 for metrics that have no formula in
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
    Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 12.
    """
    spreads = row_spreads(metrics, answers, y, weight, seed)
    return {name: spread.interval for name, spread in spreads.items()}


class Spread(NamedTuple):
    """How sure a score is: its standard error and its interval."""

    error: float
    interval: Interval


def fold_spread(values: Sequence[float], test_share: float, bounds: Interval, rows: int) -> Spread:
    """Return the spread of the mean of folds; see `corrected_t`."""
    interval = corrected_t(values, test_share, bounds=bounds, rows=rows)
    return Spread(corrected_error(values, test_share), interval)


def row_spreads(
    metrics: Sequence[Metric],
    answers: Answers,
    y: Array,
    weight: FloatArray | None,
    seed: int,
    units: Array | None = None,
) -> dict[str, Spread]:
    """Return the spread of metrics on one set of rows; see `row_intervals`.

    Parameters
    ----------
    units : array of shape (n,) or None
        Numbers of the rows that were really seen, where some were answered for several times:
        those are what is resampled.
    """
    found = {}
    for metric in metrics:
        if metric.recorded and metric.truth:
            spread = _row_spread(metric, answers, y, weight, seed, units)
            if spread is not None:
                found[metric.name] = spread
    return found


def _row_spread(
    metric: Metric,
    answers: Answers,
    y: Array,
    weight: FloatArray | None,
    seed: int,
    units: Array | None,
) -> Spread | None:
    share = rate(metric, answers, y, weight) if units is None else None
    if share is not None:
        return Spread(rate_error(metric, *share), rate_interval(metric, *share))
    rows = float(len(y)) if weight is None else as_many(weight)
    if units is not None:
        rows *= (int(units.max()) + 1) / len(units)
    values = resampled(metric, answers, y, weight, seed, units)
    defined = values[np.isfinite(values)]
    if rows < 2 or len(defined) <= len(values) / 2:
        return None
    given = {} if weight is None else {"sample_weight": weight}
    value = float(metric.scorer(answers, np.arange(len(y)), y, **given))
    error = float(np.std(defined, ddof=1) * np.sqrt(rows / (rows - 1)))
    return Spread(error, around(value, error, metric.bounds, rows - 1))


def clipped(interval: Interval, bounds: Interval) -> Interval:
    """Return an interval cut to what the quantity can be."""
    low, high = (float(min(max(edge, bounds[0]), bounds[1])) for edge in interval)
    return low, high


def resampled(
    metric: Metric,
    answers: Answers,
    y: Array,
    weight: FloatArray | None,
    seed: int,
    units: Array | None = None,
) -> FloatArray:
    """Return a metric on each resample; every metric, and every model, sees the same ones."""
    rng = Seeds(seed).generator("split", 1)
    facts = _facts(metric, answers, y)
    if facts is None:
        return _one_by_one(metric, answers, y, weight, rng, units)
    unit = 1.0 if weight is None else weight
    with np.errstate(divide="ignore", invalid="ignore"):
        blocks = [
            FAST[metric.formula](Draws(counts=counts * unit, **facts))
            for counts in _counts(len(y), rng, units)
        ]
    return np.concatenate(blocks)


def _one_by_one(
    metric: Metric,
    answers: Answers,
    y: Array,
    weight: FloatArray | None,
    rng: np.random.Generator,
    units: Array | None,
) -> FloatArray:
    values = np.full(SLOW_RESAMPLES, np.nan)
    with config_context(assume_finite=True, skip_parameter_validation=True):
        for i in range(SLOW_RESAMPLES):
            rows = _drawn_rows(rng, len(y), units)
            if not metric.every_class or has_every_class(y[rows], y):
                given = {} if weight is None else {"sample_weight": weight[rows]}
                values[i] = metric.scorer(answers, rows, y[rows], **given)
    return values


def _drawn_rows(rng: np.random.Generator, n_rows: int, units: Array | None) -> Array:
    if units is None:
        return rng.integers(0, n_rows, n_rows)
    return np.repeat(np.arange(n_rows), _drawn(rng, int(units.max()) + 1)[units])


def _drawn(rng: np.random.Generator, number: int) -> Array:
    """Return how often each of a number of things was drawn, with as many draws."""
    return np.bincount(rng.integers(0, number, number), minlength=number)


def has_every_class(rows: Array, y: Array) -> bool:
    """Say whether some rows show every class of `y`; of several labels, each on and off."""
    if y.ndim > 1:
        return bool(np.all(rows.min(axis=0) != rows.max(axis=0)))
    return len(np.unique(rows)) == max(len(np.unique(y)), 2)


def _counts(
    n_rows: int, rng: np.random.Generator, units: Array | None = None
) -> Iterator[FloatArray]:
    """Yield blocks of resamples: how often each row was drawn."""
    number = n_rows if units is None else int(units.max()) + 1
    left, block = RESAMPLES, max(1, _BLOCK // n_rows)
    while left > 0:
        drawn = [_drawn(rng, number) for _ in range(min(block, left))]
        counts = np.array(drawn, dtype=np.float64)
        yield counts if units is None else counts[:, units]
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

"""The edges of intervals: shares of rows by Wilson, other scores on a scale without bounds.

Percentiles of a bootstrap are too narrow on few rows and near the best possible score, where most
resamples are perfect; `benchmarks/significance.py` counts how often each kind covers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from unifml.core.table import FloatArray
from unifml.metrics import Answers, Metric

Array = npt.NDArray[Any]
Interval = tuple[float, float]
Rate = tuple[float, float]


def wilson(share: float, trials: float, level: float = 0.95) -> Interval:
    """Return the interval of a share of independent trials, by Wilson's score.

    Parameters
    ----------
    share : float
        Hits among the trials, in [0, 1].
    trials : float
        How many; of weighted rows the number that would be as sure.

    References
    ----------
    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927;
    Brown, Cai and DasGupta, "Interval estimation for a binomial proportion", Statistical Science
    16, 2001.
    """
    z = float(stats.norm.ppf((1 + level) / 2))
    middle = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    root = np.sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2)
    half = float(z * root / (1 + z**2 / trials))
    return max(0.0, middle - half), min(1.0, middle + half)


def around(
    value: float, error: float, bounds: Interval, df: float, level: float = 0.95
) -> Interval:
    """Return the t-interval of a score, made on a scale where its bounds are infinitely far.

    That is the logit between two bounds, the logarithm of the distance from one; the error comes
    along by the delta method. At a bound, where no spread is left to see, it is Wilson's interval
    of as many rows.

    Parameters
    ----------
    value, error : float
        The score and its standard error.
    bounds : (float, float)
        What it can be.
    df : float
        Degrees of freedom of the error.
    """
    low, high = bounds
    far = float(stats.t.ppf((1 + level) / 2, df)) * error
    if np.isfinite(low) and np.isfinite(high):
        share, width = (value - low) / (high - low), high - low
        if error == 0 or not 0 < share < 1:
            edges = wilson(min(max(share, 0.0), 1.0), df + 1, level)
        else:
            edges = _logit(share, far / width)
        return low + width * edges[0], low + width * edges[1]
    if np.isfinite(low) and value > low:
        return _log(value - low, far, low)
    if np.isfinite(high) and value < high:
        near, distant = _log(high - value, far, 0.0)
        return high - distant, high - near
    return value - far, value + far


def rate(metric: Metric, answers: Answers, y: Array, weight: FloatArray | None) -> Rate | None:
    """Return share and number of the trials that a metric is a share of, or None.

    Accuracy is the share of rows that are right; of two classes, recall and precision are shares
    of some of the rows, and so is the Jaccard index, of which F1 is another spelling.
    """
    predicted = answers.outputs["predict"]
    if answers.kind != "classification" or metric.formula not in (*_OF_TWO, "accuracy"):
        return None
    weights = np.ones(len(y)) if weight is None else weight
    if metric.formula == "accuracy":
        right = predicted == y
        return _share(right if y.ndim == 1 else right.all(axis=1), weights)
    classes = getattr(answers, "classes_", None)
    if y.ndim > 1 or classes is None or len(classes) != 2:
        return None
    true, said = y == classes[1], predicted == classes[1]
    tried = {"recall": true, "precision": said}.get(metric.formula, true | said)
    return _share((true & said)[tried], weights[tried])


def rate_interval(metric: Metric, share: float, trials: float) -> Interval:
    """Return Wilson's interval of a metric that is such a share; F1 is 2 J / (1 + J)."""
    low, high = wilson(share, trials)
    if metric.formula == "f1":
        return 2 * low / (1 + low), 2 * high / (1 + high)
    return low, high


def rate_error(metric: Metric, share: float, trials: float) -> float:
    """Return the standard error of a metric that is such a share; of F1 by the delta method."""
    error = float(np.sqrt(share * (1 - share) / trials))
    return 2 * error / (1 + share) ** 2 if metric.formula == "f1" else error


def as_many(weight: FloatArray) -> float:
    """Return how many equal rows would tell as much as weighted ones (Kish, 1965)."""
    total = float(np.sum(weight**2))
    return float(np.sum(weight) ** 2 / total) if total else 0.0


_OF_TWO = ("recall", "precision", "f1", "jaccard")


def _share(hits: npt.NDArray[np.bool_], weights: FloatArray) -> Rate | None:
    trials = as_many(weights)
    return (float(np.average(hits, weights=weights)), trials) if trials else None


def _logit(share: float, far: float) -> Interval:
    odds, step = share / (1 - share), far / (share * (1 - share))
    with np.errstate(over="ignore"):
        up, down = odds * np.exp(step), odds * np.exp(-step)
        return float(down / (1 + down)), float(1 - 1 / (1 + up))


def _log(distance: float, far: float, zero: float) -> Interval:
    with np.errstate(over="ignore"):
        step = np.exp(far / distance)
        return float(zero + distance / step), float(zero + distance * step)

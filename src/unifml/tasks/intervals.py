"""How sure a score is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

LEVEL = 0.95
RESAMPLES = 200
Interval = tuple[float, float]
Rows = npt.NDArray[np.int64]


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


def bootstrap(
    statistics: dict[str, Callable[[Rows], float | None]],
    n_rows: int,
    rng: np.random.Generator,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
) -> dict[str, Interval]:
    """Return percentile intervals of statistics over rows drawn with replacement.

    Parameters
    ----------
    statistics : dict of str to callable
        Each takes row numbers; None means that it is not defined on them, and is left out.
    n_rows : int
        How many rows there are.
    rng : numpy.random.Generator
        Draws; all statistics see the same rows.

    References
    ----------
    Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 13.
    """
    drawn: dict[str, list[float]] = {name: [] for name in statistics}
    for _ in range(resamples):
        rows = rng.integers(0, n_rows, n_rows)
        for name, statistic in statistics.items():
            value = statistic(rows)
            if value is not None and np.isfinite(value):
                drawn[name].append(float(value))
    tails = [(1 - level) / 2, (1 + level) / 2]
    return {
        name: (float(low), float(high))
        for name, values in drawn.items()
        if len(values) > resamples / 2
        for low, high in [np.quantile(values, tails)]
    }


def clipped(interval: Interval, bounds: Interval) -> Interval:
    """Return an interval cut to what the quantity can be."""
    low, high = (float(min(max(edge, bounds[0]), bounds[1])) for edge in interval)
    return low, high

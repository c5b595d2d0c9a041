"""The usual metrics on many resamples at once: what makes a bootstrap cheap.

A resample of rows is how often each row was drawn, so a metric of a resample is the metric with
those counts as weights. The formulas are scikit-learn's; tests hold them to its functions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[Any]
Fast = Callable[["Draws"], FloatArray]


@dataclass(frozen=True)
class Draws:
    """Rows with their answers, and how much each weighs in each resample.

    Attributes
    ----------
    true, predicted : array of shape (n,)
        Class codes, or numbers.
    counts : array of shape (resamples, n)
        Times drawn, times the row's weight.
    classes : int
        Number of classes; 0 in regression.
    scores : array of shape (n,) or None
        How much each row looks like the second of two classes.
    """

    true: npt.NDArray[Any]
    predicted: npt.NDArray[Any]
    counts: FloatArray
    classes: int = 0
    scores: FloatArray | None = None

    def mean(self, values: FloatArray) -> FloatArray:
        """Return the weighted mean of `values` in each resample."""
        return (self.counts @ values) / self.counts.sum(axis=1)  # type: ignore[no-any-return]

    def confusion(self) -> FloatArray:
        """Return confusion matrices (resamples, classes, classes): rows are true."""
        k = self.classes
        cells = np.zeros((len(self.true), k * k))
        cells[np.arange(len(cells)), self.true * k + self.predicted] = 1.0
        return (self.counts @ cells).reshape(-1, k, k)


def accuracy(draws: Draws) -> FloatArray:
    """Return the share of right answers."""
    return draws.mean((draws.true == draws.predicted).astype(float))


def balanced_accuracy(draws: Draws) -> FloatArray:
    """Return the mean recall of the classes that have rows."""
    hits, true, _ = _margins(draws)
    return _mean_where(_ratio(hits, true), true > 0)


def precision(draws: Draws) -> FloatArray:
    """Return precision: of the second of two classes, else the macro average."""
    hits, true, predicted = _margins(draws)
    return _average(_ratio(hits, predicted), true + predicted > 0)


def recall(draws: Draws) -> FloatArray:
    """Return recall: of the second of two classes, else the macro average."""
    hits, true, predicted = _margins(draws)
    return _average(_ratio(hits, true), true + predicted > 0)


def f1(draws: Draws) -> FloatArray:
    """Return the F1 score: of the second of two classes, else the macro average."""
    hits, true, predicted = _margins(draws)
    return _average(_ratio(2 * hits, true + predicted), true + predicted > 0)


def mcc(draws: Draws) -> FloatArray:
    """Return Matthews' correlation coefficient (Gorodkin 2004 for several classes)."""
    hits, true, predicted = _margins(draws)
    total = true.sum(axis=1)
    both = hits.sum(axis=1) * total - (true * predicted).sum(axis=1)
    spread = (total**2 - (true**2).sum(axis=1)) * (total**2 - (predicted**2).sum(axis=1))
    return _ratio(both, np.sqrt(np.maximum(spread, 0)))


def roc_auc(draws: Draws) -> FloatArray:
    """Return the area under the ROC curve of two classes, ties counted half."""
    positive, negative = _by_score(draws)
    above = positive.sum(axis=1, keepdims=True) - np.cumsum(positive, axis=1)
    wins = (negative * (above + positive / 2)).sum(axis=1)
    return wins / (positive.sum(axis=1) * negative.sum(axis=1))  # type: ignore[no-any-return]


def pr_auc(draws: Draws) -> FloatArray:
    """Return the average precision of two classes."""
    positive, negative = (part[:, ::-1] for part in _by_score(draws))
    hits = np.cumsum(positive, axis=1)
    share = _ratio(hits, hits + np.cumsum(negative, axis=1))
    return (share * positive).sum(axis=1) / hits[:, -1]  # type: ignore[no-any-return]


def mse(draws: Draws) -> FloatArray:
    """Return the mean squared error."""
    return draws.mean((draws.true - draws.predicted) ** 2)


def rmse(draws: Draws) -> FloatArray:
    """Return the root of the mean squared error."""
    return np.sqrt(mse(draws))


def mae(draws: Draws) -> FloatArray:
    """Return the mean absolute error."""
    return draws.mean(np.abs(draws.true - draws.predicted))


def r2(draws: Draws) -> FloatArray:
    """Return the share of variance explained."""
    # Centred first: the variance is then no difference of large numbers.
    centred = draws.true - draws.true.mean()
    variance = draws.mean(centred**2) - draws.mean(centred) ** 2
    return 1 - mse(draws) / variance  # type: ignore[no-any-return]


FAST: dict[str, Fast] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "precision": precision,
    "recall": recall,
    "f1": f1,
    "mcc": mcc,
    "roc_auc": roc_auc,
    "pr_auc": pr_auc,
    "mse": mse,
    "rmse": rmse,
    "mae": mae,
    "r2": r2,
}
NEEDS_SCORES = frozenset({"roc_auc", "pr_auc"})


def _margins(draws: Draws) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return, for each resample and class, rows that are right, true and predicted."""
    table = draws.confusion()
    return np.einsum("bkk->bk", table), table.sum(axis=2), table.sum(axis=1)


def _by_score(draws: Draws) -> tuple[FloatArray, FloatArray]:
    """Return rows of the second and of the first class at each different score, in order."""
    assert draws.scores is not None
    order = np.argsort(draws.scores, kind="stable")
    _, starts = np.unique(draws.scores[order], return_index=True)
    counts, positive = draws.counts[:, order], draws.true[order] == 1
    gather = partial(np.add.reduceat, indices=starts, axis=1)
    return gather(counts * positive), gather(counts * ~positive)


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    return np.divide(above, below, out=np.zeros_like(above, dtype=float), where=below > 0)  # type: ignore[no-any-return]


def _average(by_class: FloatArray, there: npt.NDArray[np.bool_]) -> FloatArray:
    return by_class[:, 1] if by_class.shape[1] == 2 else _mean_where(by_class, there)


def _mean_where(by_class: FloatArray, there: npt.NDArray[np.bool_]) -> FloatArray:
    return np.where(there, by_class, 0.0).sum(axis=1) / there.sum(axis=1)  # type: ignore[no-any-return]

"""Which metrics are numbers on the rows that each fold scores, known before any fit."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.multiclass import type_of_target

from unifml.core.table import FloatArray
from unifml.errors import CapabilityError, DataError
from unifml.metrics import Measured, Metric
from unifml.tasks.intervals import has_every_class
from unifml.tasks.splits import Split

Array = npt.NDArray[Any]

# Undefined on one row; and, on few rows, defined but not what their mean over folds should be.
_OF_SEVERAL_ROWS = frozenset({"r2", "explained_variance", "d2_absolute_error"})
_POOR_ON_ONE_ROW = frozenset({"precision", "recall", "f1", "jaccard", "mcc"})
_TWO_CLASSES = frozenset({"cohen_kappa"})
_WITHOUT_WEIGHTS = frozenset({"max_error"})
# What y must be everywhere, for metrics with a logarithm.
_OF_Y: dict[str, tuple[str, Callable[[Array], bool]]] = {
    "msle": ("y > -1", lambda y: bool(np.all(y > -1))),
    "rmsle": ("y > -1", lambda y: bool(np.all(y > -1))),
    "poisson_deviance": ("y >= 0", lambda y: bool(np.all(y >= 0))),
    "gamma_deviance": ("y > 0", lambda y: bool(np.all(y > 0))),
}


def check_truth(y: Any, kind: Measured) -> None:
    """Refuse a y that nothing can be compared with.

    Raises
    ------
    DataError
        If there is none, and it is not clusters that are looked for.
    CapabilityError
        For several columns of more than two classes: no metric is defined for them.
    """
    if y is None:
        if kind != "clustering":
            raise DataError("evaluate", found="y is None", rule="y is needed to score")
    elif kind == "classification" and type_of_target(y) == "multiclass-multioutput":
        raise CapabilityError(
            "metrics of several columns of classes",
            found="y has columns of more than two classes",
            rule="one column of classes, or columns of 0 and 1",
            fix="evaluate a column at a time",
        )


def check_domain(metrics: tuple[Metric, ...], y: Any, weight: FloatArray | None = None) -> None:
    """Refuse metrics that are no numbers for these values of y, without any, or with weights.

    Raises
    ------
    DataError
        For the first of them.
    """
    for metric in metrics:
        if y is None and metric.truth:
            rule = "it compares clusters with true groups"
            raise DataError(f"metric {metric.name!r}", found="y is None", rule=rule)
        if weight is not None and metric.formula in _WITHOUT_WEIGHTS:
            rule = "it is the same whatever rows weigh"
            raise DataError(f"metric {metric.name!r}", found="sample_weight is given", rule=rule)
        rule, holds = _OF_Y.get(metric.formula, ("", lambda y: True))
        if y is not None and not holds(np.asarray(y)):
            raise DataError(f"metric {metric.name!r}", found="y has other values", rule=rule)


def defined(
    metrics: tuple[Metric, ...],
    folds: tuple[Split, ...],
    y: Any,
    weight: FloatArray | None,
    *,
    classes: Any = None,
    usual: bool = False,
) -> tuple[Metric, ...]:
    """Return the metrics that are numbers in every fold.

    Parameters
    ----------
    classes : array or None
        Those of an estimator that is scored as fitted; None takes those of `y`.
    usual : bool
        Nobody asked for them by name: those that are not are left out.

    Raises
    ------
    DataError
        For a metric asked for that is undefined in a fold, or a fold whose rows have no weight.
    """
    scored = [_counting(fold.test, weight, i) for i, fold in enumerate(folds, 1)]
    if y is None:
        return metrics
    shown, kept = Shown(np.asarray(y), scored, classes), []
    for metric in metrics:
        where = shown.undefined(metric)
        if where is None and not (usual and shown.poor(metric)):
            kept.append(metric)
        elif where is not None and not usual:
            raise DataError(
                f"metric {metric.name!r}",
                found=f"the rows scored in fold {where[0] + 1} {where[1]}",
                rule=where[2],
                fix="take fewer folds, or other metrics",
            )
    return tuple(kept)


class Shown:
    """What the rows of each fold show of y.

    Parameters
    ----------
    y : array of shape (n,) or (n, outputs)
        What is true of all rows.
    scored : list of arrays
        The rows of each fold.
    classes : array or None
        All classes; None takes those of y.
    """

    def __init__(self, y: Array, scored: list[Array], classes: Any = None) -> None:
        self.y, self.scored, self.classes = y, scored, classes

    def undefined(self, metric: Metric) -> tuple[int, str, str] | None:
        """Return the first fold where a metric is no number, why, and where it would be."""
        if metric.every_class and not all(self._whole):
            return self._whole.index(False), "lack a class", "it is defined where all have rows"
        if metric.formula in _OF_SEVERAL_ROWS and min(self._sizes) < 2:
            return self._first_alone, "are one row", "it is defined on two rows or more"
        if metric.formula in _TWO_CLASSES and min(self._present) < 2:
            where = next(i for i, number in enumerate(self._present) if number < 2)
            return where, "are of one class", "it is defined where there are two"
        return None

    def poor(self, metric: Metric) -> bool:
        """Say whether the mean of a metric over folds of one row is not what it should be."""
        return min(self._sizes) < 2 and metric.formula in _POOR_ON_ONE_ROW

    @cached_property
    def _sizes(self) -> list[int]:
        return [len(rows) for rows in self.scored]

    @property
    def _first_alone(self) -> int:
        return next(i for i, size in enumerate(self._sizes) if size < 2)

    @cached_property
    def _coded(self) -> tuple[Array, int]:
        """The number of each row's class, and of how many there are."""
        known, codes = np.unique(self.y, return_inverse=True)
        return codes, max(len(known) if self.classes is None else len(self.classes), 2)

    @cached_property
    def _present(self) -> list[int]:
        """How many classes have rows in each fold."""
        codes = self._coded[0]
        return [int(np.count_nonzero(np.bincount(codes[rows]))) for rows in self.scored]

    @cached_property
    def _whole(self) -> list[bool]:
        """Whether each fold has rows of every class; of several labels, each on and off."""
        if self.y.ndim > 1:
            return [has_every_class(self.y[rows], self.y) for rows in self.scored]
        return [number >= self._coded[1] for number in self._present]


def _counting(rows: Array, weight: FloatArray | None, fold: int) -> Array:
    """Return the rows that count."""
    kept = rows if weight is None else rows[weight[rows] > 0]
    if not len(kept):
        raise DataError(
            f"fold {fold}",
            found="no row that it scores has a weight",
            rule="a score needs rows of positive weight",
        )
    return kept

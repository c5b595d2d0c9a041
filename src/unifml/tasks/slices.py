"""Scores of parts of the rows: of each value of a column, of each quarter of its numbers."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import _num_samples

from unifml.core.table import FloatArray
from unifml.errors import CapabilityError, DataError, DataTypeError, UnknownNameError
from unifml.metrics import Answers, Measured, Metric
from unifml.tasks.defined import Shown
from unifml.tasks.intervals import row_spreads
from unifml.tasks.predictions import Predictions
from unifml.tasks.preprocess.table import Column, columns_in

Array = npt.NDArray[Any]

RARE = 20  # rows below which a score says little
MOST = 50  # slices of one column
_FEW = 10  # different numbers that are slices of their own


@dataclass(frozen=True, eq=False)
class Slicing:
    """How rows are cut.

    Attributes
    ----------
    name : str
        By what.
    labels : tuple of str
        What each slice is called.
    place : array of shape (n,)
        In which slice each row is.
    """

    name: str
    labels: tuple[str, ...]
    place: npt.NDArray[np.int64]


def slicings(by: Any, X: Any, kind: Measured) -> tuple[Slicing, ...]:
    """Return how `by` cuts the rows of X.

    Parameters
    ----------
    by : str, int, list of those, array-like of shape (n,), callable, or None
        A column of X or several; a value a row; or a function of X that returns those. Numbers of
        more than 10 different values are cut into quarters.

    Raises
    ------
    UnknownNameError
        For a column that X does not have.
    DataTypeError, DataError
        For what is no value a row, or of more than 50 different values.
    CapabilityError
        For clusters: those of different folds have nothing in common.
    """
    if by is None:
        return ()
    if kind == "clustering":
        raise CapabilityError("slices of clusters", rule="classes and numbers have slices")
    return tuple(map(_cut, _columns(by, X)))


def slice_table(
    slicing: Slicing,
    metrics: Sequence[Metric],
    answers: Answers,
    found: Predictions,
    y: Array,
    seed: int,
) -> list[dict[str, Any]]:
    """Return for each slice its rows, whether they are few, each metric and its interval.

    A metric that is undefined on a slice is None there. Intervals are of the slice's rows, as if
    one model had answered for all of them: that folds share training rows is not corrected for.

    Parameters
    ----------
    metrics : sequence of Metric
        Those that ask the estimator itself are left out.
    answers : Answers
        Of all folds, as `found` has them.
    y : array of shape (n,) or (n, outputs)
        What is true of all rows.
    """
    able = [metric for metric in metrics if metric.recorded and metric.truth]
    place = slicing.place[found.row]
    return [
        _record(
            f"{slicing.name}: {label}", np.flatnonzero(place == i), able, answers, found, y, seed
        )
        for i, label in enumerate(slicing.labels)
        if np.any(place == i)
    ]


def _record(
    name: str,
    rows: Array,
    metrics: Sequence[Metric],
    answers: Answers,
    found: Predictions,
    y: Array,
    seed: int,
) -> dict[str, Any]:
    units = np.unique(found.row[rows], return_inverse=True)[1]
    number = int(units.max()) + 1
    part = _taken(answers, rows)
    truth, weight = y[found.row[rows]], None if found.weight is None else found.weight[rows]
    shown = Shown(y, [found.row[rows]])
    able = [m for m in metrics if shown.undefined(m) is None and m.method(part)]
    spreads = row_spreads(able, part, truth, weight, seed, units if number < len(rows) else None)
    record: dict[str, Any] = {"slice": name, "n": number, "rare": number < RARE}
    for metric in metrics:
        value = _value(metric, part, truth, weight) if metric in able else None
        low, high = spreads[metric.name].interval if metric.name in spreads else (None, None)
        record |= {metric.name: value, f"{metric.name} low": low, f"{metric.name} high": high}
    return record


def _taken(answers: Answers, rows: Array) -> Answers:
    outputs = {method: values[rows] for method, values in answers.outputs.items()}
    return Answers(outputs, answers.kind, getattr(answers, "classes_", None))


def _value(metric: Metric, part: Answers, y: Array, weight: FloatArray | None) -> float | None:
    given = {} if weight is None else {"sample_weight": weight}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a slice may lack a class: what is undefined is None
        value = float(metric.scorer(part, np.arange(len(y)), y, **given))
    return value if np.isfinite(value) else None


# How rows are cut -------------------------------------------------------------------------------


def _columns(by: Any, X: Any) -> list[Column]:
    if callable(by):
        by = by(X)
    n = _num_samples(X)
    if isinstance(by, str | int | np.integer) and not isinstance(by, bool):
        return [_column(by, X)]
    if isinstance(by, list | tuple) and len(by) != n and all(isinstance(b, str | int) for b in by):
        return [_column(name, X) for name in by]
    if hasattr(by, "columns") or np.ndim(by) == 2:
        return _of_right_length(columns_in(by), n)
    if np.ndim(by) != 1:
        raise DataTypeError(
            f"by={by!r}", rule="a column of X or several, a value a row, or a function of X"
        )
    name = str(getattr(by, "name", None) or "by")
    return _of_right_length([Column(name, np.asarray(by))], n)


def _column(name: Any, X: Any) -> Column:
    columns = {column.name: column for column in columns_in(X)}
    if name not in columns:
        raise UnknownNameError.among("column", name, map(str, columns))
    return columns[name]


def _of_right_length(columns: list[Column], n: int) -> list[Column]:
    for column in columns:
        if len(column.values) != n:
            raise DataError(f"by with {len(column.values)} values", rule=f"one a row: {n}")
    return columns


def _cut(column: Column) -> Slicing:
    """Return the slices of a column: its values, or quarters of many numbers."""
    different = np.unique(column.known) if column.values.dtype.kind in "iuf" else None
    if different is not None and len(different) > _FEW and not column.categorical:
        labels, place = _quarters(column)
    else:
        labels, place = _values(column)
    if len(labels) > MOST:
        raise DataError(
            f"slices by {column.name!r}",
            found=f"{len(labels)} different values",
            rule=f"at most {MOST} slices",
            fix="give by= an array with a name for the group of each row",
        )
    return Slicing(str(column.name), tuple(labels), place)


def _quarters(column: Column) -> tuple[list[str], Array]:
    edges = np.unique(np.quantile(column.known, [0, 0.25, 0.5, 0.75, 1]))
    # A value on an edge belongs to the quarter below it, as quantiles are understood.
    place = np.clip(np.searchsorted(edges, column.values, side="left") - 1, 0, len(edges) - 2)
    labels = [f"{low:.4g} to {high:.4g}" for low, high in pairwise(edges)]
    return _with_missing(labels, place, column)


def _values(column: Column) -> tuple[list[str], Array]:
    known = np.array([str(value) for value in column.values.tolist()], dtype=object)
    order = [str(value) for value in column.order or _sorted(column.known)]
    labels = list(dict.fromkeys(order))
    number = {label: i for i, label in enumerate(labels)}
    place = np.array([number.get(value, 0) for value in known], dtype=np.int64)
    return _with_missing(labels, place, column)


def _sorted(values: Array) -> list[Any]:
    """Return the different values in order; those of several types by their text."""
    different = list(dict.fromkeys(values.tolist()))
    alike = len({type(value) for value in different}) == 1
    return sorted(different) if alike else sorted(different, key=str)


def _with_missing(labels: list[str], place: Array, column: Column) -> tuple[list[str], Array]:
    if not column.missing.any():
        return labels, place.astype(np.int64)
    return [*labels, "missing"], np.where(column.missing, len(labels), place).astype(np.int64)

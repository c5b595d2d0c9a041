"""`Dates`: dates and times -> numbers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self

import numpy as np

from unifml.columns.base import Array, ColumnByColumn
from unifml.core.table import FloatArray
from unifml.data.strange import is_missing
from unifml.errors import DataError, DataTypeError, UnknownNameError

PARTS = ("days", "year", "month", "day", "weekday", "hour", "minute", "missing")
NEVER = np.iinfo(np.int64).min
"""What stands for a missing date."""
DAY = 86_400_000_000  # microseconds


class Dates(ColumnByColumn):
    """Turn dates, times and durations into numbers.

    Times that know their zone are taken in UTC. In an ONNX file the input is int64: microseconds
    since 1970 (of durations: microseconds); `unifml.load_onnx` takes the dates themselves.

    Parameters
    ----------
    parts : tuple of str
        What is given, in this order: ``days`` since the first date of `fit`, with fractions (of a
        duration its own); ``year``, ``month``, ``day``, ``weekday`` (0 is Monday), ``hour``,
        ``minute``; ``missing``, which is 0 or 1. All but that are NaN where the date is missing.

    Attributes
    ----------
    first_ : array of shape (n_features,)
        The first date of each column, in days since 1970; 0 for durations.

    Examples
    --------
    >>> import pandas as pd
    >>> from unifml.columns import Dates
    >>> X = pd.DataFrame({"sold": pd.to_datetime(["2024-02-28 06:00", "2024-03-01 18:00"])})
    >>> Dates(parts=("days", "month", "weekday")).fit_transform(X)
    array([[0. , 2. , 2. ],
           [2.5, 3. , 4. ]])
    """

    def __init__(
        self, parts: tuple[str, ...] = ("days", "year", "month", "day", "weekday", "hour")
    ) -> None:
        self.parts = parts

    def fit(self, X: Any, y: Any = None) -> Self:
        """Remember the first date of each column.

        Parameters
        ----------
        X : table of shape (n, n_features)
            Columns of dates.
        y : None
            Is not looked at.
        """
        wrong = [part for part in self.parts if part not in PARTS]
        if wrong:
            raise UnknownNameError.among("part of a date", wrong[0], PARTS)
        columns = self._columns(X, reset=True)
        self.first_ = np.array([_first(column) for column in columns])
        return self

    def transform(self, X: Any) -> FloatArray:
        """Return the parts of each date.

        Parameters
        ----------
        X : table of shape (n, n_features)
            Columns of dates.

        Returns
        -------
        float64 array of shape (n, n_features * parts)
            All parts of the first column, then of the next.
        """
        columns = self._columns(X, reset=False)
        each = zip(map(microseconds, columns), self.first_, strict=True)
        found = [_part(name, us, first) for us, first in each for name in self.parts]
        return np.stack(found, axis=1)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Return names as ``sold_month``."""
        names = [f"{name}_{part}" for name in self._names(input_features) for part in self.parts]
        return np.asarray(names, dtype=object)


def microseconds(column: Array) -> Array:
    """Return dates, times or durations as int64 microseconds; missing ones as `NEVER`.

    Raises
    ------
    DataError, DataTypeError
        For what is no date.
    """
    if column.dtype.kind in "OUT":
        column = _parsed(column)
    if column.dtype.kind not in "mM":
        raise DataTypeError(
            f"a column of type {column.dtype}",
            rule="dates are needed",
            fix="turn it into dates before: pandas.to_datetime(column)",
        )
    kind = "datetime64" if column.dtype.kind == "M" else "timedelta64"
    found: Array = column.astype(f"{kind}[us]").view(np.int64)
    return found


def _parsed(column: Array) -> Array:
    """Return Python's dates, or text in the form of ISO 8601, as NumPy's."""
    try:
        values = [None if is_missing(value) else _plain(value) for value in column.tolist()]
        lasts = any(isinstance(value, timedelta | np.timedelta64) for value in values)
        return np.array(values, dtype="timedelta64[us]" if lasts else "datetime64[us]")
    except (TypeError, ValueError) as error:
        raise DataError(f"a column of dates: {error}", rule="dates are needed") from error


def _plain(value: Any) -> Any:
    """Return a time that knows its zone as that of UTC, without a zone."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, str | date | timedelta | np.datetime64 | np.timedelta64):
        return value
    raise TypeError(f"{value!r:.60} is no date")


def _first(column: Array) -> float:
    if column.dtype.kind == "m":
        return 0.0
    known = microseconds(column)
    known = known[known != NEVER]
    return float(known.min() / DAY) if len(known) else 0.0


def _part(name: str, us: Array, first: float) -> Array:
    missing: Array = np.equal(us, NEVER)
    if name == "missing":
        return missing.astype(np.float64)
    value = _WAYS[name](np.where(missing, 0, us), first)
    return np.where(missing, np.nan, value)


def _year(us: Array, first: float) -> Array:
    return us.view("datetime64[us]").astype("datetime64[Y]").astype(np.int64) + 1970


def _month(us: Array, first: float) -> Array:
    months: Array = us.view("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    return months % 12 + 1


def _day(us: Array, first: float) -> Array:
    months = us.view("datetime64[us]").astype("datetime64[M]").astype("datetime64[D]")
    return np.asarray(us // DAY - months.astype(np.int64) + 1)


_WAYS: dict[str, Callable[[Array, float], Array]] = {
    "days": lambda us, first: np.asarray(us / DAY - first),
    "year": _year,
    "month": _month,
    "day": _day,
    "weekday": lambda us, first: np.asarray((us // DAY + 3) % 7),
    "hour": lambda us, first: np.asarray(us // (DAY // 24) % 24),
    "minute": lambda us, first: np.asarray(us // (DAY // 1440) % 60),
}

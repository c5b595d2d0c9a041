"""Dates, times and durations of any library -> microseconds, as files take them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.errors import DataError
from unifml.runtime.floats import is_missing

Array = npt.NDArray[Any]
_DURATIONS = (timedelta, np.timedelta64)
_DATES = (date, np.datetime64, *_DURATIONS)


def is_dates(values: Array) -> bool:
    """Say whether an array of Python objects holds dates or durations, and nothing else."""
    if values.dtype.kind != "O":
        return False
    there = [value for value in values.ravel().tolist() if not is_missing(value)]
    return bool(there) and all(isinstance(value, _DATES) for value in there)


def dates(column: Any, what: str) -> Array:
    """Return microseconds since 1970, or of durations, in int64; missing ones are its least value.

    Parameters
    ----------
    column : array-like
        Dates or durations; text in the form of ISO 8601, as files of text have it. Times that
        know their zone are taken in UTC.
    what : str
        What messages call it.

    Raises
    ------
    DataError
        For anything else.
    """
    zoned = getattr(getattr(column, "dtype", None), "tz", None) is not None
    values = np.asarray(column, dtype="datetime64[us]" if zoned else None)
    if values.dtype.kind in "OUT":
        values = _parsed(values, what)
    if values.dtype.kind not in "mM":
        raise DataError(
            what,
            found=f"values of type {values.dtype}",
            rule="the column held dates when the model was exported",
            fix="turn it into dates: pandas.to_datetime(column)",
        )
    kind = "datetime64" if values.dtype.kind == "M" else "timedelta64"
    return np.ascontiguousarray(values.astype(f"{kind}[us]").view(np.int64))


def _parsed(values: Array, what: str) -> Array:
    try:
        plain = [None if is_missing(v) else _plain(v) for v in values.ravel().tolist()]
        lasts = any(isinstance(value, _DURATIONS) for value in plain)
        found = np.array(plain, dtype="timedelta64[us]" if lasts else "datetime64[us]")
    except (TypeError, ValueError) as error:
        rule = "dates are needed, in the form 2024-12-31"
        raise DataError(f"{what}: {error}", rule=rule) from error
    return found.reshape(values.shape)


def _plain(value: Any) -> Any:
    """Return a time that knows its zone as that of UTC, without a zone."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    if not isinstance(value, (*_DATES, str)):
        raise TypeError(f"{value!r:.60} is no date")
    return value

"""One column of a user's table -> what the input of that name holds: numbers, bools, text."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.errors import DataError, DataTypeError
from unifml.runtime.dates import dates
from unifml.runtime.floats import is_missing, numbers
from unifml.runtime.schema import Kind

Array = npt.NDArray[Any]
DTYPES = {"float": np.dtype(np.float32), "double": np.dtype(np.float64)}


def values_of(kind: Kind, column: Any, what: str) -> Array:
    """Return values of a kind, in the shape of the column.

    Parameters
    ----------
    kind : {"float", "double", "int64", "bool", "string", "date"}
        What the input holds.
    column : array-like
        The user's values; of another type, they are converted where nothing is lost.
    what : str
        What messages call it.

    Raises
    ------
    DataError
        For values that the kind cannot hold.
    DataTypeError
        For dates and complex numbers.
    """
    if kind == "string":
        return strings(column)
    if kind == "date":
        return dates(column, what)
    values = np.asarray(column)
    if kind in DTYPES:
        return numbers(values, what, DTYPES[kind])
    return _whole(values, what) if kind == "int64" else _bools(values, what)


def _whole(values: Array, what: str) -> Array:
    """Return whole numbers, in int64."""
    if values.dtype.kind in "bi" or (values.dtype.kind == "u" and values.dtype.itemsize < 8):
        return np.ascontiguousarray(values, dtype=np.int64)
    plain = values.ravel().tolist()
    if values.dtype.kind in "Ou" and all(type(v) in (int, bool) for v in plain):
        return _exact(plain, what).reshape(values.shape)
    floats = numbers(values, what, np.float64)
    _refuse_missing(floats, what, "whole numbers")
    with np.errstate(invalid="ignore"):
        whole = floats.astype(np.int64)
    if not np.array_equal(whole, floats):
        wrong = floats.ravel()[(whole != floats).ravel().argmax()]
        raise DataError(
            what,
            found=f"{wrong}",
            rule="the column held whole numbers when the model was exported",
            fix="export the model with rows that hold fractions, or round the column",
        )
    return whole


def _exact(plain: list[int], what: str) -> Array:
    try:
        return np.array(plain, dtype=np.int64)
    except OverflowError as error:
        raise DataError(f"{what}: {error}", rule="whole numbers fit into int64") from error


def _bools(values: Array, what: str) -> Array:
    if values.dtype.kind == "b":
        return np.ascontiguousarray(values)
    floats = numbers(values, what, np.float64)
    _refuse_missing(floats, what, "True and False")
    if not np.isin(floats, (0.0, 1.0)).all():
        wrong = floats[~np.isin(floats, (0.0, 1.0))][0]
        raise DataError(what, found=f"{wrong}", rule="values are True and False, or 1 and 0")
    return floats.astype(bool)


def _refuse_missing(values: Array, what: str, kind: str) -> None:
    if np.isnan(values).any():
        raise DataError(
            f"Input X contains NaN in {what}",
            rule=f"the column held {kind}, none missing, when the model was exported",
            fix="export the model with rows in which values of this column are missing",
        )


def strings(column: Any) -> Array:
    """Return an array of str. Missing values become their own text, as encoders name them.

    ``str(nan)`` is ``"nan"`` and ``str(None)`` is ``"None"``, in the categories of an exported
    encoder and here; pandas' NA is ``"nan"`` too.
    """
    values = np.asarray(column)
    if values.dtype.kind == "U":
        return values
    found = np.empty(values.size, dtype=object)
    found[:] = [v if type(v) is str else text_of(v) for v in values.ravel().tolist()]
    return found.reshape(values.shape)


def text_of(value: Any) -> str:
    """Return a value as text, a missing one by its name."""
    return "nan" if type(value).__name__ == "NAType" else str(value)


def documents(X: Any) -> Array:
    """Return texts, one a row.

    Raises
    ------
    DataTypeError
        For one text alone.
    DataError
        For anything else than a list of texts.
    """
    if isinstance(X, str | bytes):
        raise DataTypeError(
            "Iterable over raw text documents expected, string object received",
            fix="put one text into a list: [text]",
        )
    values = np.asarray(list(X) if not hasattr(X, "dtype") else X, dtype=object)
    if values.ndim != 1 or not all(isinstance(text, str) for text in values):
        wrong = next((text for text in values.ravel() if not isinstance(text, str)), values.shape)
        found = "a missing text" if values.ndim == 1 and is_missing(wrong) else repr(wrong)[:60]
        raise DataError("X", found=found, rule="X is a list of texts, one a row")
    if not len(values):
        raise DataError("Found array with 0 sample(s) while a minimum of 1 is required.")
    return values

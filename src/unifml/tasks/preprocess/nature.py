"""What a column holds, by its type and its cells; what no transformer takes is refused."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from unifml.columns.dates import microseconds
from unifml.errors import DataError
from unifml.tasks.preprocess.table import Column

SAMPLE = 1000  # values that are looked at where a few say enough
SPLIT = "split it into columns, or leave it out"
_ISO = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?")


def nature_of(column: Column) -> str:
    """Return what a column holds, the key of what decides.

    Raises
    ------
    DataError
        For cells that no transformer takes.
    """
    kind = column.values.dtype.kind
    if column.order is not None:
        return "ordered"
    if kind == "O":
        return _of_objects(column)
    if kind in "cV":
        raise refused(column, f"values of type {column.values.dtype}", "split it into numbers")
    if kind == "S":
        raise refused(column, "bytes", "decode it to text")
    if kind in "UT":
        return "dates" if not column.categorical and _reads_as_dates(column) else "texts"
    if column.categorical:
        return "codes"
    return {"M": "dates", "m": "durations", "b": "flags"}.get(kind, "numbers")


def _of_objects(column: Column) -> str:
    types = column.types
    for kind in types:
        _check_cell(column, kind)
    if all(issubclass(kind, str) for kind in types):
        return "dates" if not column.categorical and _reads_as_dates(column) else "texts"
    if all(issubclass(kind, bool | np.bool_) for kind in types):
        return "flags"
    if all(issubclass(kind, int | float | np.number | np.bool_) for kind in types):
        return "codes" if column.categorical else "numbers"
    if all(issubclass(kind, date | np.datetime64) for kind in types):
        return "dates"
    if all(issubclass(kind, timedelta | np.timedelta64) for kind in types):
        return "durations"
    return "texts"


def _check_cell(column: Column, kind: type) -> None:
    """Refuse cells that are tables of their own, and numbers that NumPy does not compute with."""
    if issubclass(kind, bytes | bytearray):
        raise refused(column, "bytes", "decode it to text")
    if issubclass(kind, Decimal | complex):
        raise refused(column, f"numbers of type {kind.__name__}", "turn it into floats")
    if kind.__hash__ is None or issubclass(kind, tuple | frozenset | np.ndarray):
        raise refused(column, f"cells of type {kind.__name__}", SPLIT)


def refused(column: Column, found: str, fix: str) -> DataError:
    """Return the error for cells of a column."""
    return DataError(
        f"column {column.name!r}",
        found=found,
        rule="cells are numbers, truth values, text or dates",
        fix=f"{fix} before",
    )


def _reads_as_dates(column: Column) -> bool:
    """Say whether text has the form of ISO 8601: of some values, and then of all."""
    few_of_them = column.known[:SAMPLE].tolist()
    if not all(map(_ISO.fullmatch, few_of_them)) or not all(map(_ISO.fullmatch, column.counts)):
        return False
    try:
        microseconds(column.known)
    except DataError:  # 2024-02-31
        return False
    return True

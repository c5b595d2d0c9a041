"""Tables of any library, changed column by column; all keep the dtypes they have."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing

from unifml.export.proof.said import Array
from unifml.runtime.feeding import frame_columns, is_missing


def take_rows(X: Any, rows: Array) -> Any:
    """Return rows of a table, an array, a list of sequences or a dict of these, by number."""
    if isinstance(X, Mapping):
        return {name: take_rows(values, rows) for name, values in X.items()}
    if isinstance(X, tuple):
        X = list(X)
    return _safe_indexing(X, rows)


def count_rows(X: Any) -> int:
    """Return the number of rows."""
    if isinstance(X, Mapping):
        return count_rows(next(iter(X.values())))
    return int(X.shape[0]) if hasattr(X, "shape") else len(X)


def is_table(X: Any) -> bool:
    """Say whether X has columns: a frame, a two-dimensional array, or a list of rows."""
    if frame_columns(X) is not None:
        return True
    return len(getattr(X, "shape", ())) == 2 or _rows_of_cells(X)


def _rows_of_cells(X: Any) -> bool:
    """Say whether a list holds rows of the same length, of single values."""
    if not isinstance(X, list | tuple) or not all(isinstance(row, list | tuple) for row in X):
        return False
    return len({len(row) for row in X}) == 1 and all(np.ndim(cell) == 0 for cell in X[0])


def columns_of(X: Any) -> list[Array]:
    """Return the columns of a table: arrays of numbers, or of objects."""
    names = frame_columns(X)
    if names is None:
        return list(_grid(X).T)
    return [_cells(_column(X, i, name)) for i, name in enumerate(names)]


def replaced(X: Any, changes: Mapping[int, Array]) -> Any:
    """Return a table of the same type with some columns replaced.

    Parameters
    ----------
    X : table
        It stays as it is.
    changes : dict of int to array
        New columns by their number.
    """
    names = frame_columns(X)
    if names is None:
        return _replaced_in_array(X, changes)
    if hasattr(X, "iloc"):
        return _replaced_in_pandas(X, changes)
    columns = [_column(X, i, name) for i, name in enumerate(names)]
    if hasattr(X, "with_columns"):
        each = [_like_polars(columns[i], values) for i, values in changes.items()]
        return X.with_columns(each)
    for i, values in changes.items():
        array = sys.modules["pyarrow"].array(_listed(values), type=columns[i].type)
        X = X.set_column(i, names[i], array)
    return X


def _grid(X: Any) -> Array:
    if hasattr(X, "toarray"):
        return np.asarray(X.toarray())
    if hasattr(X, "shape"):
        return np.asarray(X)
    text = any(isinstance(cell, str) or cell is None for row in X for cell in row)
    return np.array(X, dtype=object if text else None)


def _replaced_in_array(X: Any, changes: Mapping[int, Array]) -> Any:
    grid = _grid(X).copy()
    if grid.dtype.kind in "UT":
        grid = grid.astype(object)  # text of any length fits
    for i, values in changes.items():
        grid[:, i] = values
    if isinstance(X, list | tuple):
        return grid.tolist()
    return type(X)(grid) if hasattr(X, "toarray") else grid


def _replaced_in_pandas(X: Any, changes: Mapping[int, Array]) -> Any:
    changed = X.copy()
    for i, values in changes.items():
        column = X.iloc[:, i]
        dtype = column.dtype
        categories = getattr(dtype, "categories", None)
        if categories is not None:  # a category that was never seen is one of the dtype's
            known = list(categories)
            new = dict.fromkeys(v for v in values.tolist() if not is_missing(v) and v not in known)
            dtype = type(dtype)([*known, *new], ordered=dtype.ordered)
        changed.isetitem(i, type(column)(_listed(values), index=column.index, dtype=dtype))
    return changed


def _like_polars(column: Any, values: Array) -> Any:
    return type(column)(column.name, _listed(values), dtype=column.dtype)


def _listed(values: Any) -> Sequence[Any]:
    listed: Sequence[Any] = values if isinstance(values, list) else values.tolist()
    return listed


def _column(X: Any, i: int, name: Any) -> Any:
    return X.iloc[:, i] if hasattr(X, "iloc") else X[name]


def _cells(column: Any) -> Array:
    """Return a column as an array: of numbers where it has a dtype of them, else of objects."""
    if isinstance(getattr(column, "dtype", None), np.dtype):
        return np.asarray(column)
    listed = getattr(column, "to_pylist", None) or column.to_list
    cells = listed()
    if cells and all(type(cell) in (int, float, bool) for cell in cells):
        return np.asarray(cells)
    found = np.empty(len(cells), dtype=object)
    found[:] = cells
    return found

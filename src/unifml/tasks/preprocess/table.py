"""A user's table as columns: names, values, and what its library says of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.columns.base import as_array
from unifml.data.strange import is_missing, refuse_container
from unifml.errors import DataError

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Column:
    """One column.

    Attributes
    ----------
    name : str or int
        Its name, or its number.
    values : array of shape (n,)
        Its values, as NumPy has them.
    categorical : bool
        Whether its library calls it a column of categories.
    order : tuple or None
        The categories in their order, where they have one.
    objects : bool
        Whether the table holds Python objects here.
    """

    name: Any
    values: Array
    categorical: bool = False
    order: tuple[Any, ...] | None = None
    objects: bool = False

    @cached_property
    def missing(self) -> Array:
        """Where values are missing."""
        kind = self.values.dtype.kind
        if kind in "iubUS":
            return np.zeros(len(self.values), dtype=bool)
        if kind in "fmMc":
            return np.asarray(self.values != self.values)
        return np.array([_is_gap(value) for value in self.values.tolist()], dtype=bool)

    @cached_property
    def known(self) -> Array:
        """The values that are there."""
        return self.values[~self.missing] if self.missing.any() else self.values

    @cached_property
    def counts(self) -> dict[Any, int]:
        """How often each value occurs.

        Raises
        ------
        DataError
            For cells that hold lists, dicts or arrays.
        """
        if self.values.dtype.kind in "biuf":
            values, counts = np.unique(self.known, return_counts=True)
            return dict(zip(values.tolist(), counts.tolist(), strict=True))
        return dict(Counter(self.known.tolist()))

    @cached_property
    def types(self) -> set[type]:
        """The types of the values that are there, of a column of Python objects."""
        return set(map(type, self.known.tolist()))


def _is_gap(value: Any) -> bool:
    return (isinstance(value, str) or not hasattr(value, "__len__")) and is_missing(value)


def columns_in(X: Any) -> list[Column]:
    """Return the columns of a table.

    Raises
    ------
    DataError, DataTypeError
        For what is no table, or one without rows or columns, and for names that are not unique.
    """
    refuse_container(X, "X")
    names = frame_names(X)
    columns = _of_array(X) if names is None else [_of_frame(X, i, n) for i, n in enumerate(names)]
    if not columns or not len(columns[0].values):
        rows = len(columns[0].values) if columns else 0
        raise DataError(
            "preprocess",
            found=f"X has {rows} rows and {len(columns)} columns",
            rule="at least one row and one column are needed",
        )
    return columns


def frame_names(X: Any) -> list[Any] | None:
    """Return the names of a frame's columns, or None for anything else.

    Raises
    ------
    DataError
        If they are not unique, or some are text and some are not.
    """
    names = getattr(X, "column_names", None)  # Arrow
    if names is None and hasattr(X, "__getitem__") and not callable(getattr(X, "columns", len)):
        names = X.columns
    if names is None:
        return None
    names = list(names)
    twice = [name for name, count in Counter(map(str, names)).items() if count > 1]
    if twice:
        raise DataError(
            f"columns {twice[:5]} of X",
            found="several columns of one name",
            rule="names of columns must be unique",
            fix="give them other names: X.columns = [...]",
        )
    if len({isinstance(name, str) for name in names}) > 1:
        raise DataError(
            "columns of X",
            found="some names are text, some are not",
            rule="scikit-learn takes columns by text names only",
            fix="X.columns = X.columns.astype(str)",
        )
    return names


def _of_frame(X: Any, place: int, name: Any) -> Column:
    column = X.iloc[:, place] if hasattr(X, "iloc") else X[name]
    categorical, order = _categories(column)
    objects = getattr(column, "dtype", None) == np.dtype(object)
    # By its number where names are no text: so does scikit-learn.
    label = name if isinstance(name, str) else place
    return Column(label, as_array(column), categorical, order, objects)


def _categories(column: Any) -> tuple[bool, tuple[Any, ...] | None]:
    """Say whether a column is one of categories, and their order if they have one."""
    dtype: Any = getattr(column, "dtype", None)
    if hasattr(dtype, "categories") and hasattr(dtype, "ordered"):  # pandas
        return True, tuple(dtype.categories.tolist()) if dtype.ordered else None
    if type(dtype).__name__ in ("Categorical", "Enum"):  # polars
        return True, None
    arrow: Any = getattr(column, "type", None)
    if hasattr(arrow, "ordered"):  # Arrow
        return True, _arrow_order(column) if arrow.ordered else None
    return False, None


def _arrow_order(column: Any) -> tuple[Any, ...]:
    return tuple(column.unify_dictionaries().chunk(0).dictionary.to_pylist())


def _of_array(X: Any) -> list[Column]:
    if hasattr(X, "toarray"):
        raise DataError(
            "preprocess with a sparse X",
            rule="a sparse matrix holds numbers already",
            fix="scale it with sklearn.preprocessing.MaxAbsScaler",
        )
    values = X if hasattr(X, "shape") else np.asarray(X, dtype=object)
    if len(values.shape) != 2:
        raise DataError(
            f"preprocess with X of shape {tuple(values.shape)}",
            rule="X is a table of shape (n, columns)",
            fix="for one column, write X.reshape(-1, 1)",
        )
    objects = values.dtype == np.dtype(object)
    columns = enumerate(np.asarray(values).T)
    return [Column(i, column, objects=objects) for i, column in columns]

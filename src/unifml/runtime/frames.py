"""Data frames of any library, by what they have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from unifml.errors import DataError


def frame_columns(X: Any) -> list[Any] | None:
    """Return the column names of a data frame, or None for anything else."""
    names = getattr(X, "column_names", None)  # Arrow
    if names is None and hasattr(X, "__getitem__") and not callable(getattr(X, "columns", None)):
        names = getattr(X, "columns", None)
    return None if names is None else list(names)


def picked(X: Any, names: Iterable[Any]) -> Any:
    """Return columns of a data frame by their names, in the order given."""
    return X.select(list(names)) if hasattr(X, "column_names") else X[list(names)]


def cut_frame(X: Any, cut: Mapping[str, Any]) -> dict[str, Any]:
    """Cut a frame into inputs by name, as the model cut it when it was fitted.

    Parameters
    ----------
    X : frame of pandas, polars or Arrow
        The rows.
    cut : mapping
        For each input a list of columns of numbers, or the name of one column that holds an array
        in each row.

    Raises
    ------
    DataError
        For columns that the frame does not have.
    """
    asked = {name for part in cut.values() for name in ([part] if isinstance(part, str) else part)}
    missing = sorted(asked - {*map(str, frame_columns(X) or ())})
    if missing:
        raise DataError(
            f"X without the columns {missing[:5]}", rule=f"columns needed: {sorted(asked)}"
        )
    return {name: _block(X, part) for name, part in cut.items()}


def _block(X: Any, part: Any) -> Any:
    if not isinstance(part, str):
        return np.stack([np.asarray(X[name]) for name in part], axis=1)
    column = X[part]
    return [np.asarray(cell) for cell in getattr(column, "to_pylist", lambda: column)()]

"""Sequences of unequal length: a list of arrays becomes one, padded, and their lengths."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.data.tensors import from_tensor
from unifml.errors import DataError


def is_ragged(X: Any) -> bool:
    """Say whether X is a list of sequences: arrays (T_i, F), or anything of unequal lengths."""
    rows = _rows(X)
    return _unequal(rows) or (bool(rows) and all(_is_sequence(row) for row in rows))


def unequal(X: Any) -> bool:
    """Say whether X is a list of sequences that are not all of one length."""
    return _unequal(_rows(X))


def _unequal(rows: list[Any]) -> bool:
    return len({_length(row) for row in rows}) > 1


def _is_sequence(row: Any) -> bool:
    return hasattr(row, "shape") and len(row.shape) == 2


def padded(X: Any, name: str) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Return sequences (n, T) or (n, T, F), with zeros behind their ends, and their lengths.

    Parameters
    ----------
    X : list of arrays of shape (T_i,) or (T_i, F), or array
        The sequences; those of an array are as long as it is wide.
    name : str
        What X is called in messages.

    Raises
    ------
    DataError
        For empty sequences, and for steps of different widths.
    """
    rows = [np.asarray(from_tensor(row)) for row in (_rows(X) or list(X))]
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    shapes = {row.shape[1:] for row in rows}
    if not rows or lengths.min() < 1:
        raise DataError(
            f"sequences of {name}", found="an empty one", rule="each has a step or more"
        )
    if len(shapes) > 1 or any(len(shape) > 1 for shape in shapes):
        raise DataError(
            f"sequences of {name}",
            found=f"steps of shapes {sorted(shapes)[:3]}",
            rule="each is an array (T_i,) of ids, or (T_i, F) with one F for all",
        )
    dtype = np.result_type(*{row.dtype for row in rows})
    table = np.zeros((len(rows), int(lengths.max()), *shapes.pop()), dtype=dtype)
    for place, row in zip(table, rows, strict=True):
        place[: len(row)] = row
    return table, lengths


def _rows(X: Any) -> list[Any]:
    """Return the rows of a list of sequences; none for anything else."""
    if isinstance(X, np.ndarray):
        listed = X.dtype == object and X.ndim == 1
    else:
        listed = isinstance(X, list | tuple)
    rows = list(X) if listed else []
    return rows if all(_length(row) is not None for row in rows) else []


def _length(row: Any) -> int | None:
    if isinstance(row, str | bytes) or not hasattr(row, "__len__") or np.ndim(row) == 0:
        return None
    return len(row)

"""Arrays on disk."""

from __future__ import annotations

from typing import Any

import numpy as np

from unifml.core.table import IntArray
from unifml.data.gate import check_block
from unifml.data.streams import memory
from unifml.data.streams.lazy import Array, LazyRows


def is_large(X: Any) -> bool:
    """Say whether X is mapped from a file that is too large to read at once."""
    return isinstance(X, np.memmap) and X.ndim > 1 and X.nbytes > memory.LARGE


def lazy_memmap(X: Any, name: str = "X") -> LazyRows:
    """Return an array on disk as rows that are read piece by piece.

    Sorted rows are read in one sweep over the file, and the pages that were read are given back:
    what the process holds of the file is no more than a piece of rows at a time.
    """
    span = max(1, memory.SPAN // memory.row_bytes([X], X.dtype.itemsize))

    def read(rows: IntArray) -> Array:
        values = np.empty((len(rows), *X.shape[1:]), X.dtype)
        at = 0
        for part in np.split(rows, np.flatnonzero(np.diff(rows // span)) + 1):
            values[at : at + len(part)] = X[_as_slice(part)]
            at += len(part)
            memory.forget(X)
        return check_block(values, name)

    return LazyRows(read, X.shape, X.dtype if X.dtype == np.float32 else np.float64)


def _as_slice(rows: IntArray) -> Any:
    """Return rows in a row as a slice, which is read faster."""
    whole = int(rows[-1]) - int(rows[0]) + 1 == len(rows)
    return slice(int(rows[0]), int(rows[-1]) + 1) if whole else rows

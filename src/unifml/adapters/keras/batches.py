"""Shapes that many calls share, for an engine that compiles a function for each shape."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

FEW = 1024  # up to here sizes are powers of two, then its multiples


class Run(NamedTuple):
    """Batches of one size that follow one another.

    Attributes
    ----------
    start : int
        The place of its first row in the order of the epoch.
    first : int
        The number of its first batch.
    steps : int
        How many batches there are.
    size : int
        Rows of each.
    """

    start: int
    first: int
    steps: int
    size: int


def runs(edges: npt.NDArray[np.int64]) -> list[Run]:
    """Return the batches between edges, grouped by their size."""
    sizes = np.diff(edges)
    starts = np.flatnonzero(np.append(True, sizes[1:] != sizes[:-1]))
    counts = np.diff(np.append(starts, len(sizes)))
    return [
        Run(int(edges[first]), int(first), int(count), int(sizes[first]))
        for first, count in zip(starts, counts, strict=True)
    ]


def up_to(rows: int) -> int:
    """Return the size to fill rows up to."""
    if rows <= FEW:
        return 1 << max(rows - 1, 0).bit_length()
    return -(-rows // FEW) * FEW


def rows_of(X: Any) -> int:
    """Return the number of rows of a tensor, or of tensors by name."""
    return len(next(iter(X.values())) if isinstance(X, dict) else X)


def filled(X: Any, size: int) -> Any:
    """Return a tensor, or tensors by name, with rows of zeros added."""
    if isinstance(X, dict):
        return {name: filled(values, size) for name, values in X.items()}
    if len(X) == size:
        return X
    more = np.zeros((size - len(X), *X.shape[1:]), X.dtype)
    return np.concatenate([np.asarray(X), more])

"""Rows ready to learn from."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.inputs import count

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Table:
    """Rows that passed the gate.

    Attributes
    ----------
    X : array of shape (n, ...), or dict of such arrays
        Inputs (see `unifml.core.inputs`). scikit-learn natives get what the user passed, untouched.
    y : array of shape (n,) or (n, outputs)
        Class codes (int64), or values in the dtype of X.
    weight : array of shape (n,) or None
        Weights of rows; None means that all are 1.
    """

    X: Any
    y: Any
    weight: FloatArray | None = None

    def __len__(self) -> int:
        return count(self.X)


@dataclass(frozen=True)
class BatchOrder:
    """The rows of one epoch, in order, and where each batch ends.

    Attributes
    ----------
    rows : int64 array of shape (n,)
        Indices of rows in the order in which they are learned from.
    edges : int64 array of shape (steps + 1,)
        Batch ``i`` holds ``rows[edges[i]:edges[i + 1]]``.
    accumulate : int
        Batches of one optimizer step: its gradient is that of one batch of all their rows.
    """

    rows: IntArray
    edges: IntArray
    accumulate: int = 1

    @property
    def steps(self) -> int:
        """Number of batches."""
        return len(self.edges) - 1

    @property
    def updates(self) -> int:
        """Number of optimizer steps."""
        return -(-self.steps // self.accumulate)

    @property
    def bounds(self) -> list[slice]:
        """The batches as slices of `rows`."""
        return [slice(*edge) for edge in pairwise(self.edges.tolist())]

    def part(self, first: int, last: int) -> BatchOrder:
        """Return the optimizer steps from `first` up to but not including `last`."""
        edges = self.edges[first * self.accumulate : last * self.accumulate + 1]
        return BatchOrder(self.rows[edges[0] : edges[-1]], edges - edges[0], self.accumulate)

    @property
    def largest(self) -> int:
        """Rows of the largest batch."""
        return int(np.diff(self.edges).max())

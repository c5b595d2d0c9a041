"""Rows that are read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import prod
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.inputs import count, first_of, mapped
from unifml.core.seeds import Seeds
from unifml.core.table import IntArray, Table
from unifml.data.splits import take
from unifml.data.streams import memory

Array = npt.NDArray[Any]
Read = Callable[[IntArray], Array]


class LazyRows:
    """Rows on disk, or behind a dataset, as an array that is read piece by piece.

    It is cut into rows as arrays are, by scikit-learn's splitters too, and what is cut is as lazy.
    ``numpy.asarray`` reads all of it.

    Parameters
    ----------
    read : callable
        Sorted indices of rows, each once, to the array of these rows, checked.
    shape : tuple of int
        Shape of all rows that there are.
    dtype : numpy dtype
        What `read` returns.
    rows : int array or None
        The rows that are meant, in order; None: all.
    """

    read_later = True  # how the gate knows it

    def __init__(
        self, read: Read, shape: tuple[int, ...], dtype: Any, rows: IntArray | None = None
    ) -> None:
        self._read, self._whole, self._rows = read, shape, rows
        self.shape = shape if rows is None else (len(rows), *shape[1:])
        self.dtype = np.dtype(dtype)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return int(prod(self.shape))

    @property
    def nbytes(self) -> int:
        """Bytes of all values, were they in memory."""
        return int(self.size * self.dtype.itemsize)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        key = key[0] if isinstance(key, tuple) else key  # scikit-learn asks for [rows, ...]
        if isinstance(key, int | np.integer):
            return np.asarray(self[[int(key)]])[0]
        own = np.arange(len(self)) if self._rows is None else self._rows
        return LazyRows(self._read, self._whole, self.dtype, own[key])

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        rows = np.arange(len(self)) if self._rows is None else self._rows
        found, places = sorted_rows(rows)
        values = self._pieces(found)
        values = values if places is None else values[places]
        return values if dtype is None else values.astype(dtype, copy=False)

    def _pieces(self, rows: IntArray) -> Array:
        """Read sorted rows a few at a time, so that little besides the result is in memory."""
        if not len(rows):
            return np.empty((0, *self.shape[1:]), self.dtype)
        size = max(1, memory.PIECE // memory.row_bytes([self], self.dtype.itemsize))
        values = np.empty((len(rows), *self.shape[1:]), self.dtype)
        for at in range(0, len(rows), size):
            values[at : at + size] = self._read(rows[at : at + size])
        return values


def sorted_rows(rows: IntArray) -> tuple[IntArray, IntArray | None]:
    """Return rows sorted, each once, and where each is found; None where they were so."""
    if len(rows) < 2 or np.all(rows[1:] > rows[:-1]):
        return rows, None
    found, places = np.unique(rows, return_inverse=True)
    return found, places.astype(np.int64, copy=False)


def is_lazy(X: Any) -> bool:
    """Say whether some of the inputs are read when they are asked for."""
    return any(isinstance(part, LazyRows) for part in _parts(X))


def in_memory(X: Any) -> Any:
    """Return inputs as arrays; arrays stay."""
    return mapped(lambda part: np.asarray(part) if isinstance(part, LazyRows) else part, X)


def pieces(X: Any, budget: int | None = None) -> Iterator[Any]:
    """Yield lazy inputs in order, read, a bounded number of rows at once."""
    size = max(1, (budget or memory.CHUNK // 4) // _row_bytes(X))
    for at in range(0, max(count(X), 1), size):
        yield in_memory(mapped(itemgetter(slice(at, at + size)), X))


def sample_rows(rows: Table, seeds: Seeds, most: int = 2**17) -> Table:
    """Return some rows of lazy inputs in memory, drawn at random, for quantiles of their columns.

    All of them, in order, where they are few; other rows as they are.
    """
    if not is_lazy(rows.X):
        return rows
    most = min(most, max(1024, memory.CHUNK // _row_bytes(rows.X)))
    kept = np.arange(len(rows))
    if len(rows) > most:
        kept = np.sort(seeds.generator("split", 1).choice(len(rows), most, replace=False))
    few = take(rows, kept)
    return Table(in_memory(few.X), few.y, few.weight)


def _row_bytes(X: Any) -> int:
    itemsize = first_of(X).dtype.itemsize
    return memory.row_bytes(_parts(X), itemsize)


def _parts(X: Any) -> list[Any]:
    return list(X.values()) if isinstance(X, Mapping) else [X]

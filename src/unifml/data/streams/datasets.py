"""Datasets that are indexed: those of torch with ``__getitem__``, those of Hugging Face."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from unifml.core.inputs import by_name
from unifml.core.table import IntArray
from unifml.data.gate import check_block
from unifml.data.streams import memory
from unifml.data.streams.batch import Batch, as_batch
from unifml.data.streams.lazy import Array, LazyRows
from unifml.errors import DataError

_ITEMS = 256  # items that are looked at together to read all targets


def read_dataset(dataset: Any, y: Any = None, weight: Any = None) -> tuple[Any, Any, Any]:
    """Return the inputs of a dataset, lazily, and all its targets and weights.

    Items are ``(x, y)``, ``(x, y, weight)`` or dicts (`as_batch`); they are read anew in each
    epoch, so a dataset may change them at random. Targets are read at once, from all items, unless
    they are given.

    Parameters
    ----------
    dataset : object
        Has ``__len__`` and ``__getitem__``.
    y, weight : array-like or None
        What takes the place of the items' own.
    """
    if not len(dataset):
        raise DataError(f"a {type(dataset).__name__} as X", found="no rows", rule="rows are needed")
    items = _Items(dataset)
    first = items.batch(np.arange(1))
    own = [np.arange(at, min(at + _ITEMS, len(dataset))) for at in range(0, len(dataset), _ITEMS)]
    if first.y is not None and y is None:
        batches = [items.batch(rows) for rows in own]
        y = np.concatenate([np.asarray(batch.y) for batch in batches])
        if first.weight is not None and weight is None:
            weight = np.concatenate([np.asarray(batch.weight) for batch in batches])
    X = {name: items.rows(name) for name in by_name(first.X)}
    return (X if isinstance(first.X, Mapping) else X["X"]), y, weight


def dataset_batches(dataset: Any) -> Iterator[Batch]:
    """Yield all items in order, a bounded number at once."""
    items = _Items(dataset)
    size = max(1, min(_ITEMS, memory.CHUNK // max(items.batch(np.arange(1)).nbytes, 1)))
    for at in range(0, len(dataset), size):
        yield items.batch(np.arange(at, min(at + size, len(dataset))))


class _Items:
    """Reads items: once for all inputs by name, which are asked for one after the other."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset
        self._key, self._held = b"", Batch(None)
        self._unread: set[str] = set()

    def batch(self, rows: IntArray) -> Batch:
        """Return items as one batch."""
        return as_batch(_collated(self.dataset, rows.tolist()))

    def rows(self, name: str) -> LazyRows:
        """Return one input of all items."""

        def read(rows: IntArray) -> Array:
            return check_block(self._input(name, rows), name)

        first = read(np.arange(1))
        return LazyRows(read, (len(self.dataset), *first.shape[1:]), first.dtype)

    def _input(self, name: str, rows: IntArray) -> Any:
        key = rows.tobytes()
        if key != self._key or name not in self._unread:
            self._key, self._held = key, self.batch(rows)
            self._unread = set(by_name(self._held.X))
        self._unread.discard(name)
        found = by_name(self._held.X)[name]
        if not self._unread:
            self._held = Batch(None)
        return found


def _collated(dataset: Any, rows: list[int]) -> Any:
    """Read items and make one batch of them."""
    if hasattr(dataset, "column_names"):  # columns at once
        return dataset[rows]
    many = getattr(dataset, "__getitems__", None)
    items = many(rows) if many else [dataset[i] for i in rows]
    first = items[0]
    if isinstance(first, Mapping):
        return {name: _stacked([item[name] for item in items]) for name in first}
    if isinstance(first, tuple | list):
        return tuple(_stacked(list(part)) for part in zip(*items, strict=True))
    return _stacked(items)


def _stacked(parts: list[Any]) -> Any:
    if isinstance(parts[0], Mapping):
        return {name: _stacked([part[name] for part in parts]) for name in parts[0]}
    arrays = [np.asarray(as_batch(part).X) for part in parts]
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        raise DataError(
            "items of the dataset",
            found=f"shapes {sorted(shapes)[:3]}",
            rule="all items have one shape",
            fix="pass a DataLoader whose collate_fn pads them",
        )
    return np.stack(arrays)

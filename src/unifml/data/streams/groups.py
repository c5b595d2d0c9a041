"""Batches in a row as one table: checked, encoded and prepared at once, which is much faster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import check_consistent_length

from unifml.core.inputs import by_name, first_of
from unifml.core.signature import LENGTHS
from unifml.core.table import FloatArray, IntArray, Table
from unifml.data.splits import present
from unifml.data.streams.batch import Batch
from unifml.data.weights import batch_weights
from unifml.errors import DataError

Gate = Callable[[Any], Any]
Encode = Callable[[Any], Any]


class Group(NamedTuple):
    """Batches in a row.

    Attributes
    ----------
    table : Table
        All of their rows.
    sizes : int array
        Rows of each batch.
    """

    table: Table
    sizes: IntArray


def alike_by(batch: Batch) -> Any:
    """Return what two batches must have in common to be joined before they are checked."""
    parts = [*by_name(batch.X).items(), ("y", batch.y), ("weight", batch.weight)]
    if not all(part is None or isinstance(part, np.ndarray) for _, part in parts):
        return id(batch)
    if any(part is not None and part.ndim == 0 for _, part in parts):
        return id(batch)
    return [(name, None if v is None else (v.shape[1:], v.dtype.kind)) for name, v in parts]


def grouped(batches: list[Batch], gate: Gate, encode: Encode) -> Group:
    """Check batches that are alike, and leave out rows of weight 0.

    Raises
    ------
    DataError
        For a batch without targets, and all that `gate` and `encode` refuse.
    """
    if batches[0].y is None:
        raise DataError(
            "fitting on a stream",
            found="X without y",
            rule="each batch is (X, y) or (X, y, weight)",
        )
    one = len(batches) == 1
    X, y, weight = batches[0] if one else (appended([b[i] for b in batches]) for i in range(3))
    X, y = gate(X), encode(y)
    check_consistent_length(first_of(X), y)
    whole = Table(X, y, batch_weights(weight, first_of(X)))
    sizes = [len(whole)] if one else [len(batch.y) for batch in batches]
    return Group(present(whole), _sizes(np.array(sizes, np.int64), whole.weight))


def without_single_last(groups: Iterable[Group]) -> Iterator[Group]:
    """Hold groups back, to join a single last row to the batch before it."""
    held: list[Group] = []
    for group in groups:
        held.append(group)
        if len(held) > 2:
            yield held.pop(0)
    if len(held) == 2 and held[1].sizes.tolist() == [1]:
        held = [joined_groups(held)]
    if held and len(held[-1].sizes) > 1 and held[-1].sizes[-1] == 1:
        table, sizes = held[-1]
        held[-1] = Group(table, np.append(sizes[:-2], sizes[-2] + 1))
    yield from held


def joined_groups(groups: list[Group]) -> Group:
    """Join groups of batches that follow each other."""
    sizes = np.concatenate([group.sizes for group in groups])
    return Group(joined([group.table for group in groups]), sizes)


def joined(tables: list[Table]) -> Table:
    """Join tables; sequences of unequal length are padded to the longest of all."""
    if len(tables) == 1:
        return tables[0]
    parts = [by_name(table.X) for table in tables]
    X = {name: _joined([part[name] for part in parts], name, parts[0]) for name in parts[0]}
    single = isinstance(tables[0].X, np.ndarray)
    y = np.concatenate([table.y for table in tables])
    return Table(X["X"] if single else X, y, _joined_weights(tables))


def appended(parts: list[Any]) -> Any:
    """Return parts of batches as one, as they came; None if one of them is None."""
    if any(part is None for part in parts):
        return None
    if isinstance(parts[0], Mapping):
        return {name: appended([part[name] for part in parts]) for name in parts[0]}
    if isinstance(parts[0], list):
        return [row for part in parts for row in part]
    return np.concatenate(parts)


def _sizes(sizes: IntArray, weight: FloatArray | None) -> IntArray:
    """Return the rows of each batch that are left, without batches that have none."""
    if weight is not None:
        left = np.append(0, np.cumsum(weight > 0))
        sizes = np.diff(left[np.append(0, np.cumsum(sizes))])
    return sizes[sizes > 0]


def _joined_weights(tables: list[Table]) -> FloatArray | None:
    if all(table.weight is None for table in tables):
        return None
    weights = [np.ones(len(t)) if t.weight is None else t.weight for t in tables]
    return np.concatenate(weights)


def _joined(parts: list[Any], name: str, names: Any) -> Any:
    if f"{name}{LENGTHS}" in names:
        longest = max(part.shape[1] for part in parts)
        pads = [(0, longest - part.shape[1]) for part in parts]
        rest = [(0, 0)] * (parts[0].ndim - 2)
        parts = [np.pad(p, [(0, 0), pad, *rest]) for p, pad in zip(parts, pads, strict=True)]
    return np.concatenate(parts)

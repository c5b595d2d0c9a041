"""Where values stand among sorted numbers, for all columns at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unifml.export.formulas import Real

if TYPE_CHECKING:
    from unifml.export.graph import Graph

_SHORT = 64
"""Numbers that are all compared; among more, a part of them is chosen first."""
_INT32, _INT64 = 6, 7


def padded(rows: Any) -> Any:
    """Return rows of unequal length as one matrix; NaN, which is below nothing, fills it."""
    width = max(1, *(len(row) for row in rows))
    table = np.full((len(rows), width), np.nan)
    for row, values in zip(table, rows, strict=True):
        row[: len(values)] = values
    return table


def count_below(g: Graph, x: Real, table: Any, *, equal: bool = False) -> str:
    """Return how many numbers of its column's row lie below each value, int64.

    Parameters
    ----------
    g : Graph
        Receives the nodes.
    x : Real
        Values (n, columns).
    table : array of shape (columns, m)
        Numbers, sorted; NaN at the end stands for none.
    equal : bool
        Whether equal numbers count.
    """
    table = np.asarray(table, np.float64)
    kind = "LessOrEqual" if equal else "Less"
    deep = g.op("Unsqueeze", x.name, g.constant("last", [-1], np.int64))
    if table.shape[1] <= _SHORT:
        return _count(g, kind, g.constant("sorted", table, np.float64), deep)
    return _in_parts(g, kind, table, deep)


def _in_parts(g: Graph, kind: str, table: Any, deep: str) -> str:
    """Count whole parts by their last numbers, then numbers in the part that is left."""
    width, m = table.shape
    side = int(np.ceil(np.sqrt(m)))
    parts = np.full((width, side * side), np.nan)
    parts[:, :m] = table
    parts = parts.reshape(width, side, side)
    whole = _count(g, kind, g.constant("ends", parts[:, :, -1], np.float64), deep)
    part = g.op("Min", whole, g.constant("last", side - 1, np.int64), name="part")
    row = g.op("Add", part, g.constant("offset", np.arange(width) * side, np.int64))
    flat = g.constant("parts", parts.reshape(-1, side), np.float64)
    within = _count(g, kind, g.op("Gather", flat, row, axis=0), deep)
    before = g.op("Mul", part, g.constant("side", side, np.int64))
    return g.op("Add", before, within, name="below")


def _count(g: Graph, kind: str, numbers: str, deep: str) -> str:
    hits = g.op("Cast", g.op(kind, numbers, deep), to=_INT32)
    count = g.op("ReduceSum", hits, g.constant("last", [-1], np.int64), keepdims=0)
    return g.op("Cast", count, to=_INT64, name="below")


def entries(g: Graph, table: Any, which: str, name: str = "entry") -> str:
    """Return entries of each column's row by their numbers (n, columns).

    Parameters
    ----------
    g : Graph
        Receives the nodes.
    table : array of shape (columns, m, ...)
        What to take from; a row of entries may be any array.
    which : str
        Numbers, int64.
    name : str
        Begins the name of the result.
    """
    table = np.asarray(table)
    width, m = table.shape[:2]
    if width > 1:
        which = g.op("Add", which, g.constant("offset", np.arange(width) * m, np.int64))
    flat = g.constant("table", table.reshape(width * m, *table.shape[2:]), table.dtype)
    return g.op("Gather", flat, which, axis=0, name=name)

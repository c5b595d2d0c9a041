"""A sample of the rows of a stream whose length nobody knows."""

from __future__ import annotations

from typing import Any

import numpy as np

from unifml.core.inputs import mapped
from unifml.core.table import Table
from unifml.data.streams import memory
from unifml.data.streams.groups import joined

ROWS = 2**17


class Reservoir:
    """Rows of a stream, each as likely to be in it as any other; all of them, where they are few.

    References
    ----------
    Vitter, "Random sampling with a reservoir", ACM Transactions on Mathematical Software 1985,
    algorithm R.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws which rows stay.
    rows : int or None
        Most rows; None takes 2**17, or as many as fit in the memory of a chunk.
    """

    def __init__(self, rng: np.random.Generator, rows: int | None = None) -> None:
        self.rng, self.limit = rng, rows
        self.seen = 0
        self.tables: list[Table] = []

    def add(self, table: Table) -> None:
        """Take a batch."""
        if self.limit is None:
            bytes_of_row = max(1, memory.table_bytes(table) // len(table))
            self.limit = min(ROWS, max(1024, memory.CHUNK // bytes_of_row))
        first = max(0, min(len(table), self.limit - self.seen))
        if first:
            self.tables.append(_cut(table, slice(0, first)))
        place = self.seen + np.arange(first, len(table))
        self.seen += len(table)
        if len(place):
            self._replace(table, first, self.rng.integers(0, place + 1))

    def table(self) -> Table:
        """Return the sample."""
        self.tables = [joined(self.tables)]
        return self.tables[0]

    def _replace(self, table: Table, first: int, into: Any) -> None:
        """Let each row that was drawn take the place of another one."""
        stays = into < self.limit
        rows, into = first + np.flatnonzero(stays), into[stays]
        held = self.table()
        if isinstance(held.X, dict):
            return  # sequences of unequal length differ in shape: the first rows stand for all
        held.X[into], held.y[into] = table.X[rows], table.y[rows]
        if held.weight is not None:
            held.weight[into] = 1.0 if table.weight is None else table.weight[rows]


def _cut(table: Table, rows: slice) -> Table:
    """Return a copy of some rows."""
    weight = None if table.weight is None else table.weight[rows].copy()
    return Table(mapped(lambda part: part[rows].copy(), table.X), table.y[rows].copy(), weight)

"""Epochs in parts, for rows that are not all in memory. See `unifml.training.source.Source`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from unifml.core.inputs import by_name, first_of
from unifml.core.plan import Plan
from unifml.core.table import BatchOrder, IntArray, Table
from unifml.data.splits import take
from unifml.data.streams import memory
from unifml.data.streams.batches import Around, Batches, nothing_around
from unifml.data.streams.groups import Gate, Group, joined_groups
from unifml.data.streams.lazy import in_memory, sorted_rows
from unifml.data.streams.survey import Survey
from unifml.errors import DataError

Part = tuple[Table | None, BatchOrder]
Parts = Iterator[Part]
Prepare = Callable[[Table], Table]
Order = Callable[[Plan, Table, int], BatchOrder]


class Chunked:
    """Rows that are indexed, chunk by chunk, in our order: as if all were in memory.

    A chunk holds the rows of some optimizer steps. They are read sorted, and the order of the
    chunk puts them where they belong.

    Parameters
    ----------
    rows : Table
        Lazy inputs, with targets and weights in memory.
    plan : Plan
        Its seeds draw the order.
    order : callable
        Plan, rows and epoch (from 0) to `BatchOrder`; it looks at targets and number of rows only.
    prepare : callable
        Makes a table in memory what a program takes; a row becomes the same in any company.
    itemsize : int
        Bytes of a prepared value.
    budget : int or None
        Bytes of the inputs of a chunk; None takes `memory.CHUNK`.
    around : callable
        Epoch and number of a chunk to a context in which it is read.
    """

    own_order = False
    whole = None

    def __init__(
        self,
        rows: Table,
        plan: Plan,
        order: Order,
        prepare: Prepare,
        *,
        itemsize: int = 4,
        budget: int | None = None,
        around: Around = nothing_around,
    ) -> None:
        self._table, self._plan, self._order, self._prepare = rows, plan, order, prepare
        self._itemsize, self._around = itemsize, around
        self._budget = memory.CHUNK if budget is None else budget
        self._row_bytes = memory.row_bytes(by_name(rows.X).values(), itemsize)
        start = order(plan, rows, 0)
        self.updates, self.rows = start.updates, len(start.rows)
        self._at_once = memory.chunk_updates(start, self._row_bytes, self._budget)
        self._first_rows = int(start.part(0, min(self._at_once, start.updates)).edges[-1])

    @property
    def first(self) -> Table:
        """As many rows as a chunk has, read anew each time."""
        with self._around(0, 0):
            return self._read(np.arange(min(self._first_rows, len(self._table))))

    def again(self, plan: Plan) -> Chunked:
        """Return the same rows for another plan."""
        return Chunked(
            self._table,
            plan,
            self._order,
            self._prepare,
            itemsize=self._itemsize,
            budget=self._budget,
            around=self._around,
        )

    def epoch(self, number: int) -> Parts:
        """Yield the chunks of an epoch."""
        order = self._order(self._plan, self._table, number)
        for chunk, first in enumerate(range(0, order.updates, self._at_once)):
            part = order.part(first, min(first + self._at_once, order.updates))
            rows, places = sorted_rows(part.rows)
            places = np.arange(len(rows)) if places is None else places
            with self._around(number, chunk):
                table = self._read(rows)
            yield table, BatchOrder(places, part.edges, part.accumulate)

    def _read(self, rows: IntArray) -> Table:
        return read_rows(self._table, rows, self._prepare, self._row_bytes)


def read_rows(table: Table, rows: IntArray, prepare: Prepare, bytes_of_row: int) -> Table:
    """Return some rows, read and prepared a few at a time, so that little more is in memory."""
    size = max(1, memory.PIECE // bytes_of_row)
    whole: Table | None = None
    for at in range(0, len(rows), size):
        piece = take(table, rows[at : at + size])
        piece = prepare(Table(in_memory(piece.X), piece.y, piece.weight))
        if len(piece) == len(rows):
            return piece
        whole = whole or empty_like(piece, len(rows))
        write(whole, piece, at)
    assert whole is not None
    return whole


class Streamed:
    """Batches of a stream in their own order, collected into chunks that keep their edges.

    Parameters
    ----------
    batches : Batches
        The stream.
    found : Survey
        What the first pass found.
    gate : callable
        Checks X.
    prepare : callable
        Makes a table what a program takes.
    accumulate : int
        Batches of one optimizer step.
    budget : int or None
        Bytes of the inputs of a chunk; None takes `memory.CHUNK`.
    """

    own_order = True
    whole = None

    def __init__(
        self,
        batches: Batches,
        found: Survey,
        gate: Gate,
        prepare: Prepare,
        *,
        accumulate: int = 1,
        budget: int | None = None,
    ) -> None:
        self._batches, self._found, self._gate, self._prepare = batches, found, gate, prepare
        self._accumulate = accumulate
        self._budget = memory.CHUNK if budget is None else budget
        self.rows = found.rows
        self.updates = -(-found.steps // accumulate)

    @property
    def first(self) -> Table:
        """Some of the rows that the first pass kept."""
        sample = self._found.sample
        return self._prepare(take(sample, np.arange(min(len(sample), 1024))))

    def again(self, plan: Plan) -> Streamed:
        """Return the same stream: no seed of ours rules its order."""
        return self

    def epoch(self, number: int) -> Parts:
        """Yield the chunks of an epoch.

        Raises
        ------
        DataError
            For another number of batches than in the first pass: rates are planned for it.
        """
        held: list[Group] = []
        size = steps = 0
        for table, sizes in self._batches.groups(self._gate, self._found.encode, number):
            if size >= self._budget:
                chunk, held = self._chunk(held, whole=self._accumulate)
                size = sum(memory.table_bytes(group.table) for group in held)
                yield from chunk
            held.append(Group(self._prepare(self._found.weighted(table)), sizes))
            size += memory.table_bytes(held[-1].table)
            steps += len(sizes)
            if steps > self._found.steps:
                break
        if steps != self._found.steps:
            raise self._changed(steps, number)
        yield from self._chunk(held)[0]

    def _chunk(self, held: list[Group], whole: int = 1) -> tuple[list[Part], list[Group]]:
        """Return a chunk of a multiple of `whole` batches, if there are so many, and the rest."""
        table, sizes = joined_groups(held)
        steps = len(sizes) // whole * whole
        if not steps:
            return [], [Group(table, sizes)]
        edges = np.append(0, np.cumsum(sizes[:steps]))
        order = BatchOrder(np.arange(edges[-1]), edges, self._accumulate)
        if steps == len(sizes):
            return [(table, order)], []
        rest = Group(take(table, np.arange(edges[-1], len(table))), sizes[steps:])
        return [(take(table, order.rows), order)], [rest]

    def _changed(self, steps: int, number: int) -> DataError:
        many = "more" if steps > self._found.steps else str(steps)
        return DataError(
            f"epoch {number + 1} on a {self._batches.name}",
            found=f"{many} batches, where the pass before had {self._found.steps}",
            rule="each pass has as many batches as the first",
        )


def empty_like(piece: Table, rows: int) -> Table:
    """Return a table like another one, of so many rows, to be written."""

    def empty(part: np.ndarray) -> np.ndarray:
        return np.empty((rows, *part.shape[1:]), part.dtype)

    X = {name: empty(part) for name, part in by_name(piece.X).items()}
    weight = None if piece.weight is None else empty(piece.weight)
    return Table(X["X"] if isinstance(piece.X, np.ndarray) else X, empty(piece.y), weight)


def write(whole: Table, piece: Table, at: int) -> None:
    """Put rows into a table from row `at` on."""
    place = slice(at, at + len(first_of(piece.X)))
    for name, part in by_name(piece.X).items():
        by_name(whole.X)[name][place] = part
    whole.y[place] = piece.y
    if whole.weight is not None:
        whole.weight[place] = piece.weight

"""Streams that come in batches of their own, in an order of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import chain, count, groupby
from typing import Any

from unifml.data.streams import memory
from unifml.data.streams.batch import Batch, as_batch
from unifml.data.streams.groups import (
    Encode,
    Gate,
    Group,
    alike_by,
    appended,
    grouped,
    without_single_last,
)
from unifml.errors import DataError, DataTypeError

_AT_ONCE = 512  # batches
Around = Callable[[int, int], AbstractContextManager[Any]]


def nothing_around(number: int, piece: int) -> AbstractContextManager[Any]:
    """Read batches as they are; see `Batches.around`."""
    return nullcontext()


@dataclass(frozen=True, eq=False)
class Batches:
    """A stream of batches that can be walked anew for each epoch.

    Attributes
    ----------
    start : callable
        Returns a new iterable of batches.
    name : str
        What it is, in messages.
    around : callable
        Pass and number of a piece of it (a few MiB of batches) to a context in which it is drawn:
        it may seed generators of a framework and restore them. The pass before training and that
        of the first epoch are both number 0.
    """

    start: Callable[[], Any]
    name: str
    around: Around = field(default=nothing_around)

    def within(self, around: Around) -> Batches:
        """Return the same stream, whose batches are drawn in a context."""
        return replace(self, around=around)

    def walk(self, number: int = 0) -> Iterator[Batch]:
        """Yield the batches of a pass."""
        return chain.from_iterable(self._pieces(number))

    def groups(self, gate: Gate, encode: Encode, number: int = 0) -> Iterator[Group]:
        """Yield the batches of a pass behind the gate, some at a time, without absent rows.

        A last batch of a single row joins the one before it, as in `batch_order`.

        Parameters
        ----------
        gate : callable
            Checks X.
        encode : callable
            Makes class codes or numbers of the targets.
        """
        return without_single_last(self._checked(gate, encode, number))

    def _pieces(self, number: int) -> Iterator[list[Batch]]:
        """Yield a few MiB of batches at a time, each drawn in a context of its own."""
        batches: Iterator[Any] | None = None
        for piece in count():
            with self.around(number, piece):
                batches = batches or iter(_iterable(self.start(), self.name))
                held = _some(batches)
            if not held:
                return
            yield held

    def _checked(self, gate: Gate, encode: Encode, number: int) -> Iterator[Group]:
        step = 0
        for piece in self._pieces(number):
            for _, alike in groupby(piece, alike_by):
                batches = list(alike)
                try:
                    found = grouped(batches, gate, encode)
                except (ValueError, TypeError) as error:
                    error.add_note(f"It is in {_place(step, len(batches))} of the {self.name}.")
                    raise
                step += len(batches)
                if len(found.sizes):
                    yield found


def kept(batches: Iterable[Any], name: str, budget: int | None = None) -> Batches:
    """Keep what can be walked only once, if it is small.

    Raises
    ------
    DataError
        If it is not.
    """
    found, size = [], 0
    limit = memory.LARGE if budget is None else budget
    for batch in map(as_batch, batches):
        found.append(batch)
        size += batch.nbytes
        if size > limit:
            raise DataError(
                f"keeping the batches of a {name}",
                found=f"more than {limit >> 20} MiB",
                rule="what can be walked once, or is validated on, is kept if it is small",
                fix="to fit, pass a function that returns a new iterator: fit(lambda: batches())",
            )
    return Batches(lambda: iter(found), name)


def gathered(batches: Batches) -> Batch:
    """Return a whole pass as one batch in memory, as rows to validate on are.

    Raises
    ------
    DataError
        If it is too large, or without targets.
    """
    parts = list(kept(batches.walk(), batches.name).start())
    if not parts or any(part.y is None for part in parts):
        raise DataError(
            f"rows of a {batches.name} to validate on",
            found="no targets" if parts else "no rows",
            rule="each batch is (X, y) or (X, y, weight)",
        )
    return Batch(*(appended([part[i] for part in parts]) for i in range(3)))


def _some(batches: Iterator[Any]) -> list[Batch]:
    held: list[Batch] = []
    size = 0
    for found in batches:
        held.append(as_batch(found))
        size += held[-1].nbytes
        if size >= memory.PIECE or len(held) >= _AT_ONCE:
            break
    return held


def _place(first: int, steps: int) -> str:
    return f"batch {first}" if steps == 1 else f"batches {first} to {first + steps - 1}"


def _iterable(found: Any, name: str) -> Iterable[Any]:
    if not hasattr(found, "__iter__") and not hasattr(found, "__next__"):
        raise DataTypeError(
            f"the {name} given as X",
            found=f"it returned a {type(found).__name__}",
            rule="a function given as X returns an iterator of batches (X, y)",
        )
    return found  # type: ignore[no-any-return]

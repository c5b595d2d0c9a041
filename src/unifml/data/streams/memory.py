"""How much of the rows is in memory at once."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from math import prod
from typing import Any

from unifml.core.inputs import by_name
from unifml.core.table import BatchOrder, Table

LARGE = 2**28  # bytes: rows on disk up to here are read at once
CHUNK = 2**25  # bytes of inputs that a program learns from at once
PIECE = 2**22  # bytes that are read and converted at once
SPAN = 2**24  # bytes of a file whose pages are in memory at once
BLOCK = 256  # rows that are augmented together, or an optimizer step if it has more


def forget(array: Any) -> None:
    """Give the pages of a memory-mapped array back; the system reads them again when needed.

    Not those of a map that copies on write, which may hold what is not on disk; and not on
    Windows, which knows when by itself.
    """
    mapped, advice = getattr(array, "_mmap", None), getattr(mmap, "MADV_DONTNEED", None)
    if isinstance(mapped, mmap.mmap) and advice is not None and array.mode != "c":
        mapped.madvise(advice)


def row_bytes(arrays: Iterable[Any], itemsize: int) -> int:
    """Return the bytes of one row of all arrays, at least 1."""
    return max(1, sum(itemsize * int(prod(array.shape[1:])) for array in arrays))


def table_bytes(table: Table) -> int:
    """Return the bytes of the inputs of a table."""
    return sum(int(values.nbytes) for values in by_name(table.X).values())


def block_updates(order: BatchOrder) -> int:
    """Return how many optimizer steps are augmented together: `BLOCK` rows, or one step."""
    rows = int(order.edges[min(order.accumulate, order.steps)])
    return max(1, -(-BLOCK // max(rows, 1)))


def chunk_updates(order: BatchOrder, bytes_of_row: int, budget: int) -> int:
    """Return how many optimizer steps fit in a budget: whole blocks, one at least."""
    rows = int(order.edges[min(order.accumulate, order.steps)])
    block = block_updates(order)
    fit = budget // (bytes_of_row * max(rows, 1))
    return max(1, fit // block) * block

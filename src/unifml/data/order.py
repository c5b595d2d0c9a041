"""The order in which rows are learned from."""

from __future__ import annotations

import numpy as np

from unifml.core.seeds import Seeds
from unifml.core.table import BatchOrder, IntArray
from unifml.errors import CapabilityError


def batch_order(
    seeds: Seeds,
    epoch: int,
    n_rows: int,
    batch_size: int,
    *,
    accumulate: int = 1,
    strata: IntArray | None = None,
) -> BatchOrder:
    """Shuffle the rows of one epoch and cut them into batches.

    The last batch may be smaller; a single row left over joins the batch before it, since there
    are layers that cannot learn from one row alone.

    Parameters
    ----------
    seeds : Seeds
        The order depends on the seed and the epoch, and on nothing drawn before.
    epoch : int
        Counted from 0.
    n_rows, batch_size : int
        How many rows there are, and how many a batch holds.
    accumulate : int, default=1
        Batches of one optimizer step.
    strata : array of shape (n_rows,) or None
        Class codes, for balanced batches: in each the numbers of rows of any two classes differ
        by one at most. Rows of rare classes come several times an epoch, each as often as any
        other of its class (but for one time); rows of frequent ones may have to wait for the next.
    """
    rng = seeds.generator("order", epoch)
    edges = batch_edges(n_rows, batch_size)
    if strata is None:
        rows = rng.permutation(n_rows).astype(np.int64, copy=False)
    else:
        rows = _balanced(rng, check_strata(strata))
    return BatchOrder(rows, edges, accumulate)


def batch_edges(n_rows: int, batch_size: int) -> IntArray:
    """Return where each batch begins, and where the last one ends."""
    edges = np.append(np.arange(0, n_rows, batch_size, dtype=np.int64), n_rows)
    if len(edges) > 2 and edges[-1] - edges[-2] == 1:
        edges = np.delete(edges, -2)
    return edges


def check_strata(strata: IntArray | None) -> IntArray:
    """Return class codes to balance by.

    Raises
    ------
    CapabilityError
        Where rows have no class, or several labels.
    """
    if strata is None or np.ndim(strata) > 1:
        found = "numbers to predict" if strata is None else "several labels per row"
        raise CapabilityError(
            'sampling="balanced"',
            found=found,
            rule="batches are balanced by the one class of each row",
            fix="leave sampling out, or pass sample_weight to fit",
        )
    return strata


def _balanced(rng: np.random.Generator, strata: IntArray) -> IntArray:
    """Deal the classes in turn, and the rows of each in an order of their own."""
    classes, codes = np.unique(strata, return_inverse=True)
    turns = rng.permutation(len(classes))
    dealt = np.resize(turns, len(codes))
    rows = np.empty(len(codes), dtype=np.int64)
    for code in range(len(classes)):
        places = np.flatnonzero(dealt == code)
        rows[places] = _endless(rng, np.flatnonzero(codes == code), len(places))
    return rows


def _endless(rng: np.random.Generator, rows: IntArray, length: int) -> IntArray:
    """Return rows in random order, all of them before any comes again."""
    rounds = -(-length // len(rows))
    if not rounds:
        return rows[:0]
    return np.concatenate([rng.permutation(rows) for _ in range(rounds)])[:length]

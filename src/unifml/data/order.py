"""The order in which rows are learned from."""

from __future__ import annotations

import numpy as np

from unifml.core.seeds import Seeds
from unifml.core.table import BatchOrder


def batch_order(seeds: Seeds, epoch: int, n_rows: int, batch_size: int) -> BatchOrder:
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
    """
    rows = seeds.generator("order", epoch).permutation(n_rows).astype(np.int64)
    edges = np.append(np.arange(0, n_rows, batch_size, dtype=np.int64), n_rows)
    if len(edges) > 2 and edges[-1] - edges[-2] == 1:
        edges = np.delete(edges, -2)
    return BatchOrder(rows, edges)

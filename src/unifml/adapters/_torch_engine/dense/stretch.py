"""The batches of a stretch of training, of one network or of K side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unifml.core.table import BatchOrder, FloatArray, IntArray


@dataclass(frozen=True)
class Stretch:
    """Batches of equally many steps, side by side.

    A batch is as long as the longest of the networks' batches at that step. Where a network's own
    is shorter, some row of its own fills it up, with coefficient 0.

    Attributes
    ----------
    rows : int64 array of shape (K, total)
        Which row of its table each network learns from.
    coefficients : float64 array of shape (K, total)
        Share of each row in the gradient of its optimizer step.
    edges : list of int
        Batch i stands at ``edges[i]:edges[i + 1]``.
    sizes : array of shape (K, steps), or None
        Rows of each network in each batch, where they differ.
    places : list of (array or slice)
        Where each network's own rows stand.
    """

    rows: IntArray
    coefficients: FloatArray
    edges: list[int]
    sizes: IntArray | None
    places: list[IntArray | slice]


def side_by_side(orders: Sequence[BatchOrder], weights: Sequence[FloatArray | None]) -> Stretch:
    """Lay the batches of K networks side by side.

    Parameters
    ----------
    orders : sequence of BatchOrder
        Equally many steps and accumulated batches each.
    weights : sequence of array or None
        Weights of the rows of each network's table.
    """
    if len(orders) == 1:
        order = orders[0]
        shares = _shares(order, weights[0])
        return Stretch(order.rows[None], shares[None], order.edges.tolist(), None, [slice(None)])
    sizes = np.stack([np.diff(order.edges) for order in orders])
    edges = np.append(0, np.cumsum(sizes.max(0)))
    equal = bool((sizes == sizes[0]).all())
    each = [_shares(order, w) for order, w in zip(orders, weights, strict=True)]
    if equal:
        rows = np.stack([order.rows for order in orders])
        places: list[IntArray | slice] = [slice(None)] * len(orders)
        return Stretch(rows, np.stack(each), edges.tolist(), None, places)
    rows = np.repeat(np.stack([order.rows[:1] for order in orders]), edges[-1], axis=1)
    coefficients = np.zeros(rows.shape)
    places = []
    for k, (order, share) in enumerate(zip(orders, each, strict=True)):
        place = np.arange(len(order.rows)) + np.repeat(edges[:-1] - order.edges[:-1], sizes[k])
        rows[k, place], coefficients[k, place] = order.rows, share
        places.append(place)
    return Stretch(rows, coefficients, edges.tolist(), sizes, places)


def _shares(order: BatchOrder, weight: FloatArray | None) -> FloatArray:
    """Return the weight of each row, divided by that of its optimizer step."""
    starts = order.edges
    if order.accumulate > 1:
        starts = np.append(order.edges[: -1 : order.accumulate], order.edges[-1])
    if weight is None:
        lengths = np.diff(starts)
        return np.repeat(1.0 / lengths, lengths)
    own: FloatArray = weight[order.rows].astype(np.float64)
    sums: FloatArray = np.repeat(np.add.reduceat(own, starts[:-1]), np.diff(starts))
    return own / sums


def batch_means(values: FloatArray, order: BatchOrder, weight: FloatArray | None) -> FloatArray:
    """Return ``sum(w * loss) / sum(w)`` of each batch, from the losses of rows in their order."""
    starts = order.edges[:-1]
    own = np.ones(len(order.rows)) if weight is None else weight[order.rows].astype(np.float64)
    sums: FloatArray = np.add.reduceat(own * values, starts)
    return sums / np.add.reduceat(own, starts)

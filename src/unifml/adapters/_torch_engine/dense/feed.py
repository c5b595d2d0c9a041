"""Rows on the device, brought into the order of their batches a bounded number at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from unifml.adapters._torch_engine.dense.layout import Lead
from unifml.adapters._torch_engine.dense.loss import Rows, Slope
from unifml.adapters._torch_engine.dense.stretch import Stretch
from unifml.adapters._torch_engine.epoch import to_tensor
from unifml.core.table import FloatArray, Table

VALUES = 2**20  # numbers of the inputs that are in order at once
_MOST = 4096  # views that are kept


class Held:
    """The rows of one table on a device; their weights stay on the host."""

    def __init__(self, table: Table, device: torch.device, dtype: torch.dtype) -> None:
        self.X = to_tensor(table.X, device, dtype)
        self.y = to_tensor(table.y, device, dtype)
        self.weight: FloatArray | None = table.weight

    def __len__(self) -> int:
        return len(self.y)


class Batch(NamedTuple):
    """One batch: inputs, where its outputs go, what the loss's slope needs, and coefficients."""

    x: Tensor
    z: Tensor
    ready: Tensor
    coefficient: Tensor


class Feed:
    """Buffers for some rows in order, (K, rows, ...), and batches as views of them.

    Parameters
    ----------
    held : sequence of Held
        The table of each network.
    lead : tuple of int
        Empty for one network, whose batches have no axis of networks.
    slope : Slope
        Prepares targets.
    losses : callable
        From outputs (n, width) and targets to the loss of each row.
    """

    def __init__(self, held: Sequence[Held], lead: Lead, slope: Slope, losses: Rows) -> None:
        self.held, self.lead, self.slope, self.losses = held, lead, slope, losses
        self.device, self.width = held[0].X.device, slope.width
        self.room = 0
        self.ready: Tensor | None = None
        self.views: dict[tuple[int, int], Batch] = {}

    def run(self, stretch: Stretch, values: list[FloatArray]) -> Iterator[Batch]:
        """Yield the batches in order; put the losses of rows (K, rows) into `values` at the end.

        Each batch's outputs must be written to its ``z`` before the next is asked for.
        """
        rows = torch.from_numpy(stretch.rows).to(self.device)
        shares = to_tensor(stretch.coefficients, self.device, self.held[0].X.dtype)
        found = []
        for first, last in self._parts(stretch.edges):
            start, stop = stretch.edges[first], stretch.edges[last]
            self._fill(rows[:, start:stop], shares[:, start:stop, None])
            for i in range(first, last):
                yield self._batch(stretch.edges[i] - start, stretch.edges[i + 1] - start)
            found.append(self._losses(stop - start))
        values.append(torch.cat(found, 1).double().cpu().numpy())

    def _parts(self, edges: list[int]) -> Iterator[tuple[int, int]]:
        """Yield from which to which step rows are brought in order at once."""
        most = max(VALUES // max(self.held[0].X.shape[1] * len(self.held), 1), 1)
        first = 0
        for last in range(1, len(edges)):
            if last == len(edges) - 1 or edges[last + 1] - edges[first] > most:
                yield first, last
                first = last

    def _fill(self, rows: Tensor, coefficient: Tensor) -> None:
        self._make_room(rows.shape[1])
        n = rows.shape[1]
        for k, held in enumerate(self.held):
            torch.index_select(held.X, 0, rows[k], out=self.x[k, :n])
            torch.index_select(held.y, 0, rows[k], out=self.y[k, :n])
        self.coefficient[:, :n] = coefficient
        ready = self.slope.ready(self.y[:, :n], self.coefficient[:, :n])
        if self.ready is None:
            self.ready = ready.new_empty((len(self.held), self.room, *ready.shape[2:]))
        self.ready[:, :n] = ready

    def _make_room(self, rows: int) -> None:
        if rows <= self.room:
            return
        held, k = self.held[0], len(self.held)
        self.room = rows
        self.x = held.X.new_empty((k, rows, *held.X.shape[1:]))
        self.y = held.y.new_empty((k, rows, *held.y.shape[1:]))
        self.z = held.X.new_zeros((k, rows, self.width))
        self.coefficient = held.X.new_empty((k, rows, 1))
        self.ready = None
        self.views.clear()

    def _batch(self, start: int, stop: int) -> Batch:
        key = start, stop
        if key not in self.views:
            if len(self.views) >= _MOST:
                self.views.clear()
            assert self.ready is not None
            whole = (self.x, self.z, self.ready, self.coefficient)
            cut = (part[:, start:stop] if self.lead else part[0, start:stop] for part in whole)
            self.views[key] = Batch(*cut)
        return self.views[key]

    def _losses(self, rows: int) -> Tensor:
        z = self.z[:, :rows].reshape(-1, self.width)
        y = self.y[:, :rows].reshape(len(z), *self.y.shape[2:])
        return self.losses(z, y).view(len(self.held), rows)


def mean_of(values: FloatArray, weight: FloatArray | None) -> float:
    """Return ``sum(w * loss) / sum(w)`` of all rows."""
    return float(np.average(values, weights=weight))

"""One stretch of training over rows that stay on the device; and predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unifml.adapters._torch_engine.descent import Descent
from unifml.core.inputs import by_name, count, is_lengths, mapped
from unifml.core.signature import LENGTHS
from unifml.core.table import BatchOrder, FloatArray, Table
from unifml.errors import DataError

Batch = tuple[Any, Tensor, Tensor | None]
CHUNK = 8192  # rows that are predicted at once, at most
VALUES = 2**24  # values of the widest layer that a prediction holds at once
GATHERED = 2**18  # values of rows that are put in order at once: they are near when learned from


class Rows:
    """The rows of a table on a device."""

    def __init__(self, table: Table, device: torch.device, dtype: torch.dtype) -> None:
        self.X = to_tensors(table.X, device, dtype)
        self.y = to_tensor(table.y, device, dtype)
        self.weight = None if table.weight is None else to_tensor(table.weight, device, dtype)
        self.host_weight = table.weight

    def __len__(self) -> int:
        return len(self.y)

    def whole(self) -> Batch:
        """Return all rows as one batch."""
        return self.X, self.y, self.weight

    def batches(self, order: BatchOrder) -> Iterator[Batch]:
        """Yield the batches; several are put in order at once where they are small."""
        edges = order.edges.tolist()
        rows = torch.from_numpy(order.rows).to(self.y.device)
        for first, last in self._stretches(edges):
            places = rows[edges[first] : edges[last]]
            sizes = [after - before for before, after in pairwise(edges[first : last + 1])]
            X = mapped(partial(_chosen, places), self.X)
            ys = self.y.index_select(0, places).split(sizes)
            weights: Any = [None] * len(sizes)
            if self.weight is not None:
                weights = self.weight.index_select(0, places).split(sizes)
            yield from zip(_split(X, sizes), ys, weights, strict=True)

    def _stretches(self, edges: list[int]) -> Iterator[tuple[int, int]]:
        """Yield the first batch, and the one behind the last, of what is put in order at once."""
        width = sum(prod(part.shape[1:]) for part in by_name(self.X).values())
        most, steps, first = GATHERED // max(width, 1), len(edges) - 1, 0
        while first < steps:
            last = first + 1
            while last < steps and edges[last + 1] - edges[first] <= most:
                last += 1
            yield first, last
            first = last

    def shares(self, order: BatchOrder) -> list[float]:
        """Return what each batch weighs in its optimizer step."""
        if self.host_weight is None:
            sums = np.diff(order.edges).astype(np.float64)
        else:
            own = self.host_weight[order.rows].astype(np.float64)
            sums = np.add.reduceat(own, order.edges[:-1])
        starts = np.arange(0, order.steps, order.accumulate)
        steps = np.add.reduceat(sums, starts)
        return (sums / np.repeat(steps, order.accumulate)[: order.steps]).tolist()  # type: ignore[no-any-return]


def walk(
    rows: Rows,
    order: BatchOrder,
    descent: Descent,
    descend: Callable[[Batch, float | None], Tensor],
) -> FloatArray:
    """Take all steps, and read the losses at the end: reading one makes one wait.

    Parameters
    ----------
    rows : Rows
        What is learned from.
    order : BatchOrder
        How.
    descent : Descent
        It was told of the rates.
    descend : callable
        From a batch, and its share in the step if it has not all of it, to its loss; it adds to
        the gradients.
    """
    losses, every = [], order.accumulate
    shares: list[Any] = [None] * order.steps if every == 1 else rows.shares(order)
    for i, batch in enumerate(rows.batches(order)):
        if i % every == 0:
            descent.zero()
        losses.append(descend(batch, shares[i]))
        if (i + 1) % every == 0 or i + 1 == order.steps:
            descent.step(i // every)
    return torch.stack(losses).cpu().double().numpy()  # type: ignore[no-any-return]


def predict(call: Callable[[Any], Any], X: Any, widest: int) -> FloatArray:
    """Return outputs (n, ...) in inference mode, a bounded number of rows at once.

    Parameters
    ----------
    call : callable
        A module in inference mode, as a function of X.
    X : Tensor, or dict of Tensor
        All rows.
    widest : int
        Values of one row in the widest layer.
    """
    rows, size = count(X), at_once(widest)
    with torch.inference_mode():
        if rows <= size:
            # A copy: what a module returns may be its input.
            return _at_least_two(call(_cut(X, slice(0, rows)))).cpu().numpy().copy()  # type: ignore[no-any-return]
        places = [slice(at, at + size) for at in range(0, rows, size)]
        parts = [_at_least_two(call(_cut(X, place))).cpu().numpy() for place in places]
    return np.concatenate(parts)


def at_once(widest: int) -> int:
    """Return how many rows are predicted at once."""
    return max(1, min(CHUNK, VALUES // max(widest, 1)))


def _chosen(places: Tensor, values: Tensor) -> Tensor:
    return values.index_select(0, places)


def _split(X: Any, sizes: list[int]) -> Any:
    """Return rows as batches."""
    if isinstance(X, Tensor):
        return X.split(sizes)
    edges = np.append(0, np.cumsum(sizes)).tolist()
    return [_cut(X, slice(*edge)) for edge in pairwise(edges)]


def _cut(X: Any, place: slice) -> Any:
    """Return some rows; sequences of unequal length without the steps that none of them has."""
    if isinstance(X, Tensor):
        return X[place]
    cut = {name: values[place] for name, values in X.items()}
    for name in filter(is_lengths, X):
        longest = int(cut[name].max()) if len(cut[name]) else 0
        source = name.removesuffix(LENGTHS)
        cut[source] = cut[source][:, :longest]
    return cut


def to_tensor(values: np.ndarray, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Move an array to a device; floats are cast, whole numbers stay."""
    # torch shares memory with arrays and warns of those that must not be written to.
    values = values if values.flags.writeable else values.copy()
    tensor = torch.from_numpy(np.ascontiguousarray(values))
    return tensor.to(device, dtype if tensor.is_floating_point() else tensor.dtype)


def to_tensors(X: Any, device: torch.device, dtype: torch.dtype) -> Any:
    """Move the rows to a device: one array, or arrays by name."""
    return mapped(lambda values: to_tensor(values, device, dtype), X)


def _at_least_two(outputs: object) -> Tensor:
    if not isinstance(outputs, Tensor):
        raise DataError(
            "the outputs of the module", found=type(outputs).__name__, rule="one tensor is needed"
        )
    return outputs.reshape(len(outputs), 1) if outputs.ndim == 1 else outputs

"""One epoch over rows that stay on the device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unifml.core.inputs import count, is_lengths, mapped
from unifml.core.signature import LENGTHS
from unifml.core.table import BatchOrder, FloatArray, Table
from unifml.errors import DataError

Batch = tuple[Any, Tensor, Tensor | None]
CHUNK = 8192  # rows that are predicted at once, at most
VALUES = 2**24  # values of the widest layer that a prediction holds at once


class Rows:
    """The rows of a table on a device."""

    def __init__(self, table: Table, device: torch.device, dtype: torch.dtype) -> None:
        self.X = to_tensors(table.X, device, dtype)
        self.y = to_tensor(table.y, device, dtype)
        self.weight = None if table.weight is None else to_tensor(table.weight, device, dtype)

    def __len__(self) -> int:
        return len(self.y)

    def whole(self) -> Batch:
        """Return all rows as one batch."""
        return self.X, self.y, self.weight

    def permuted(self, order: BatchOrder) -> Batch:
        """Return the rows in the order of an epoch: batches are slices of it."""
        rows = torch.from_numpy(order.rows).to(self.y.device)
        weight = None if self.weight is None else self.weight[rows]
        return mapped(lambda part: part[rows], self.X), self.y[rows], weight


def walk(
    rows: Rows, order: BatchOrder, rates: FloatArray, step: Callable[[Batch, float], Tensor]
) -> FloatArray:
    """Take a step for each batch, and read all losses at the end: reading one makes one wait."""
    X, y, weight = rows.permuted(order)
    losses = torch.empty(order.steps, dtype=torch.float64, device=y.device)
    edges = order.edges.tolist()
    for i, rate in enumerate(rates.tolist()):
        place = slice(edges[i], edges[i + 1])
        batch = _cut(X, place), y[place], None if weight is None else weight[place]
        losses[i] = step(batch, rate)
    return losses.cpu().numpy()  # type: ignore[no-any-return]


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
    rows, size = count(X), max(1, min(CHUNK, VALUES // max(widest, 1)))
    places = [slice(at, at + size) for at in range(0, max(rows, 1), size)]
    with torch.inference_mode():
        parts = [_at_least_two(call(_cut(X, place))).cpu().numpy() for place in places]
    return np.concatenate(parts)


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

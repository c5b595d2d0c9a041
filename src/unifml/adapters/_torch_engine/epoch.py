"""One epoch over rows that stay on the device."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from unifml.core.table import BatchOrder, FloatArray, Table
from unifml.errors import DataError

Batch = tuple[Tensor, Tensor, Tensor | None]
CHUNK = 8192  # rows that are predicted at once


class Rows:
    """The rows of a table on a device."""

    def __init__(self, table: Table, device: torch.device, dtype: torch.dtype) -> None:
        self.X = to_tensor(table.X, device, dtype)
        self.y = to_tensor(table.y, device, dtype)
        self.weight = None if table.weight is None else to_tensor(table.weight, device, dtype)

    def __len__(self) -> int:
        return len(self.X)

    def whole(self) -> Batch:
        """Return all rows as one batch."""
        return self.X, self.y, self.weight

    def permuted(self, order: BatchOrder) -> Batch:
        """Return the rows in the order of an epoch: batches are slices of it."""
        rows = torch.from_numpy(order.rows).to(self.X.device)
        weight = None if self.weight is None else self.weight[rows]
        return self.X[rows], self.y[rows], weight


def walk(
    rows: Rows, order: BatchOrder, rates: FloatArray, step: Callable[[Batch, float], Tensor]
) -> FloatArray:
    """Take a step for each batch, and read all losses at the end: reading one makes one wait."""
    X, y, weight = rows.permuted(order)
    losses = torch.empty(order.steps, dtype=torch.float64, device=X.device)
    edges = order.edges.tolist()
    for i, rate in enumerate(rates.tolist()):
        place = slice(edges[i], edges[i + 1])
        batch = X[place], y[place], None if weight is None else weight[place]
        losses[i] = step(batch, rate)
    return losses.cpu().numpy()  # type: ignore[no-any-return]


def predict(module: torch.nn.Module, X: Tensor) -> FloatArray:
    """Return outputs (n, width) in inference mode, a bounded number of rows at once."""
    module.eval()
    with torch.inference_mode():
        parts = [_two_dimensional(module(part)) for part in X.split(CHUNK)]
    return np.concatenate([part.cpu().numpy() for part in parts])


def to_tensor(values: np.ndarray, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Move an array to a device; floats are cast, whole numbers stay."""
    # torch shares memory with arrays and warns of those that must not be written to.
    values = values if values.flags.writeable else values.copy()
    tensor = torch.from_numpy(np.ascontiguousarray(values))
    return tensor.to(device, dtype if tensor.is_floating_point() else tensor.dtype)


def _two_dimensional(outputs: object) -> Tensor:
    if not isinstance(outputs, Tensor):
        raise DataError(
            "the outputs of the module", found=type(outputs).__name__, rule="one tensor is needed"
        )
    return outputs.reshape(len(outputs), 1) if outputs.ndim == 1 else outputs

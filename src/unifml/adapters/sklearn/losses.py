"""Targets as scikit-learn's backpropagation takes them, and the losses of an epoch's batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.plan import Plan
from unifml.core.table import BatchOrder, FloatArray, Table
from unifml.errors import CapabilityError
from unifml.training import loss_values

TRAINED = ("cross_entropy", "mse")


def check_loss(plan: Plan) -> None:
    """Raise for a loss whose gradient scikit-learn does not have."""
    loss = plan.settings.loss
    if loss.kind not in TRAINED:
        raise CapabilityError(
            f"backend 'sklearn' cannot train with loss={loss!r}",
            rule=f"scikit-learn's MLP has {' and '.join(TRAINED)}",
            fix='use backend="torch" or backend="keras"',
        )


def targets(plan: Plan, y: Any) -> npt.NDArray[Any]:
    """Return targets of shape (n, width): values, or the share of each class or label."""
    task, values, dtype = plan.task, np.asarray(y), plan.signature.dtype
    smoothing = float(getattr(plan.settings.loss, "label_smoothing", 0.0))
    if task.kind == "regression":
        return values.reshape(len(values), task.width).astype(dtype, copy=False)
    if values.dtype.kind == "f" or task.multilabel or task.width == 1:  # shares, or on and off
        shares = values.reshape(len(values), task.width).astype(dtype)
    else:
        shares = np.asarray(values[:, None] == np.arange(task.width)).astype(dtype)
    even = 0.5 if task.multilabel or task.width == 1 else 1.0 / task.width
    return shares if not smoothing else shares * (1.0 - smoothing) + smoothing * even


def gradient_scale(plan: Plan) -> float:
    """Return the factor from scikit-learn's gradient to ours: it sums over outputs, ours is a mean.

    The classes of a softmax are one output.
    """
    several = plan.task.multilabel or plan.task.kind == "regression"
    return 1.0 / plan.task.width if several else 1.0


def batch_losses(logits: FloatArray, plan: Plan, data: Table, order: BatchOrder) -> FloatArray:
    """Return ``sum(w * loss) / sum(w)`` of each batch, from the outputs of its rows in order."""
    y = np.asarray(data.y)[order.rows]
    values = loss_values(plan.settings.loss, logits, y, plan.task, plan.output)
    weight = np.ones(len(values)) if data.weight is None else data.weight[order.rows]
    starts = order.edges[:-1]
    totals = np.add.reduceat(weight * values, starts)
    return np.asarray(totals / np.add.reduceat(weight, starts, dtype=np.float64))

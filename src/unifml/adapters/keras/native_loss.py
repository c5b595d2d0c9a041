"""The loss of a user's Keras model, row by row: its own, or ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from unifml.adapters.keras.losses import of_keras, row_losses
from unifml.adapters.keras.optimizers import check_loss
from unifml.adapters.keras.traits import _OURS, compiled_with, loss_name
from unifml.core.plan import Plan
from unifml.errors import CapabilityError

RowLoss = Callable[[Any, Any], Any]


def native_loss(model: Any, plan: Plan, width: int) -> RowLoss:
    """Return ``loss(y, outputs) -> (n,)``.

    The loss that the model was compiled with, without its reduction, else the plan's.
    """
    loss = compiled_with(model)
    if loss is None:
        settings, task = plan.settings, plan.task
        return lambda y, outputs: row_losses(settings.loss, columns(outputs), y, task, plan.output)
    name = loss_name(model) or ""
    check_loss(_OURS.get(name), name, plan.settings)
    if isinstance(loss, str):  # Keras's "crossentropy": which one follows from the outputs
        sparse, binary = "sparse_categorical_crossentropy", "binary_crossentropy"
        loss = keras.losses.get(binary if width == 1 or plan.task.multilabel else sparse)
    call = loss.call if isinstance(loss, keras.losses.Loss) else loss
    return lambda y, outputs: _per_row(call(_ranked(y, outputs), outputs))


def native_targets(model: Any, plan: Plan, y: Any, width: int) -> npt.NDArray[Any]:
    """Return targets in the form that the loss takes: codes, one column each class, or values."""
    dtype: str = plan.signature.dtype
    codes: npt.NDArray[Any] = np.asarray(y)
    flat = codes.reshape(len(codes), -1)
    if plan.task.kind == "regression":
        return np.ascontiguousarray(flat, dtype=dtype)
    loss, name = compiled_with(model), loss_name(model) or ""
    if plan.settings.soft:
        return _shares(flat.astype(dtype), width, loss, name)
    if plan.task.multilabel or (width == 1 and loss is not None):
        return flat.astype(dtype)
    if loss is None or loss in ("crossentropy", "ce") or "sparse" in name:
        return codes.astype(np.int64)
    if of_keras(loss):
        return np.asarray(np.eye(width, dtype=dtype)[codes])
    return flat.astype(dtype)  # a function of the user gets what Keras would give


def _shares(y: npt.NDArray[Any], width: int, loss: Any, name: str) -> npt.NDArray[Any]:
    """Return shares of classes, as many columns as outputs."""
    if width > 1 and (loss in ("crossentropy", "ce") or "sparse" in name):
        raise CapabilityError(
            f"mixup or cutmix with a Keras model compiled with {name}",
            rule="mixed rows have shares of several classes, and it takes one",
            fix='compile the model with "categorical_crossentropy", or not at all',
        )
    if width == 1 and y.shape[1] == 2:
        return np.ascontiguousarray(y[:, 1:])
    return np.concatenate([1 - y, y], axis=1) if width == 2 and y.shape[1] == 1 else y


def columns(outputs: Any) -> Any:
    """Return outputs of shape (n,) as one column."""
    if isinstance(outputs, dict | list | tuple):
        raise CapabilityError(
            f"a Keras model with {len(outputs)} outputs",
            rule="models of one output are trained here",
        )
    return ops.reshape(outputs, (-1, 1)) if len(outputs.shape) == 1 else outputs


def _ranked(y: Any, outputs: Any) -> Any:
    whole = keras.backend.standardize_dtype(y.dtype).startswith("int")
    y = y if whole else ops.cast(y, outputs.dtype)
    return ops.reshape(y, ops.shape(outputs)) if len(outputs.shape) == 1 and not whole else y


def _per_row(losses: Any) -> Any:
    rank = len(losses.shape)
    return ops.mean(losses, axis=tuple(range(1, rank))) if rank > 1 else losses

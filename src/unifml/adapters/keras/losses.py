"""Losses on Keras's tensors: ours, row by row, and the ones to compile a model with."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from unifml.core.plan import Output
from unifml.core.task import Task
from unifml.training.losses import HUBER_DELTA


def row_losses(loss: str, outputs: Any, y: Any, task: Task, output: Output) -> Any:
    """Return the loss of each row, as `unifml.training.losses.loss_values` defines it."""
    if loss == "cross_entropy":
        return _cross_entropy(outputs, y, task, output)
    error = outputs - _as(y, outputs)
    size, axes = ops.abs(error), tuple(range(1, len(error.shape)))
    if loss == "mae":
        return ops.mean(size, axis=axes)
    half = 0.5 * error * error
    if loss == "huber":
        half = ops.where(size <= HUBER_DELTA, half, HUBER_DELTA * (size - HUBER_DELTA / 2))
    return ops.mean(half, axis=axes)


def _cross_entropy(outputs: Any, y: Any, task: Task, output: Output) -> Any:
    on_off = task.multilabel or outputs.shape[1] == 1
    if output == "logits" and not on_off:
        return ops.sparse_categorical_crossentropy(y, outputs, from_logits=True)
    if output == "logits":
        signs = 2.0 * _as(y, outputs) - 1.0
        return ops.mean(ops.softplus(-signs * outputs), axis=1)
    logs = outputs if output == "log_probabilities" else _safe_log(outputs)
    if not on_off:
        return -ops.sum(logs * ops.one_hot(y, outputs.shape[1], dtype=outputs.dtype), axis=1)
    off = _safe_log(1.0 - outputs if output == "probabilities" else -ops.expm1(logs))
    return -ops.mean(ops.where(_as(y, outputs) == 1.0, logs, off), axis=1)


def _as(y: Any, outputs: Any) -> Any:
    return ops.reshape(ops.cast(y, outputs.dtype), ops.shape(outputs))


def _safe_log(probabilities: Any) -> Any:
    return ops.log(ops.maximum(probabilities, keras.config.epsilon()))


def compiled_loss(loss: str, task: Task, dtype: str, *, from_logits: bool = True) -> Any:
    """Return the loss of Keras that corresponds to ours (its squared error has no half)."""
    if loss == "cross_entropy":
        kind = "Binary" if task.multilabel or task.binary else "SparseCategorical"
        return getattr(keras.losses, f"{kind}Crossentropy")(from_logits=from_logits, dtype=dtype)
    kinds = {"mse": "MeanSquaredError", "mae": "MeanAbsoluteError", "huber": "Huber"}
    return getattr(keras.losses, kinds[loss])(dtype=dtype)


def compiled_metrics(task: Task) -> list[Any]:
    """Return the metrics to compile a network of ours with."""
    if task.kind == "regression":
        return [keras.metrics.RootMeanSquaredError(name="rmse")]
    if task.multilabel or task.binary:
        return [keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy")]
    return [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]

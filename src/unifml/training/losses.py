"""Losses, one meaning each, in NumPy: the oracle of every adapter, and the validation loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from unifml.core.plan import Output
from unifml.core.table import FloatArray
from unifml.core.task import Task

LOSSES: dict[str, tuple[str, ...]] = {
    "classification": ("cross_entropy",),
    "regression": ("mse", "mae", "huber"),
}
HUBER_DELTA = 1.0


def loss_values(loss: str, outputs: FloatArray, y: Any, task: Task, output: Output) -> FloatArray:
    """Return the loss of each row.

    Parameters
    ----------
    loss : {"cross_entropy", "mse", "mae", "huber"}
        ``mse`` is half the squared error, as an objective is stated; several outputs or labels
        are averaged.
    outputs : array of shape (n, width)
        What the network returned.
    y : array of shape (n,) or (n, targets)
        Class codes or values.
    task : Task
        What is learned.
    output : {"logits", "probabilities", "log_probabilities", "values"}
        What the outputs are.

    Returns
    -------
    array of shape (n,)
    """
    outputs = np.asarray(outputs, dtype=np.float64)
    if loss == "cross_entropy":
        return _cross_entropy(outputs, np.asarray(y), task, output)
    error = outputs - np.asarray(y, dtype=np.float64).reshape(outputs.shape)
    return _row_means(_ERRORS[loss](error))


def mean_loss(values: FloatArray, weight: FloatArray | None) -> float:
    """Return ``sum(w * loss) / sum(w)``."""
    return float(np.average(values, weights=weight))


def _row_means(values: FloatArray) -> FloatArray:
    means: FloatArray = np.mean(values, axis=1)
    return means


def _squared(error: FloatArray) -> FloatArray:
    return 0.5 * error * error


def _huber(error: FloatArray) -> FloatArray:
    size = np.abs(error)
    return np.where(size <= HUBER_DELTA, _squared(error), HUBER_DELTA * (size - HUBER_DELTA / 2))


_ERRORS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "mse": _squared,
    "mae": np.abs,
    "huber": _huber,
}


def _cross_entropy(outputs: FloatArray, y: Any, task: Task, output: Output) -> FloatArray:
    rows = np.arange(len(outputs))
    if output == "logits" and (task.multilabel or outputs.shape[1] == 1):
        signs = 2.0 * y.reshape(outputs.shape) - 1.0
        return _row_means(np.logaddexp(0.0, -signs * outputs))
    if output == "logits":
        top = outputs.max(axis=1)
        spread = np.log(np.exp(outputs - top[:, None]).sum(axis=1))
        return np.asarray(top + spread - outputs[rows, y])
    logs = outputs if output == "log_probabilities" else np.log(np.clip(outputs, 1e-300, None))
    if task.multilabel or outputs.shape[1] == 1:
        codes = y.reshape(outputs.shape)
        off = np.log(np.clip(-np.expm1(logs), 1e-300, None))
        return -_row_means(np.where(codes == 1, logs, off))
    return -np.asarray(logs[rows, y])

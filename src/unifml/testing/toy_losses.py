"""The losses of the toy backend: their slopes by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from unifml.core.task import Task
from unifml.training import Loss

Array = Any  # a NumPy array of floats


def output_gradient(loss: Loss, outputs: Array, y: Array, task: Task) -> Array:
    """Return the gradient of each row's loss at the outputs of a network of ours."""
    rule: Any = loss
    if task.kind == "regression":
        return _slope(rule, outputs, y.reshape(outputs.shape)) / task.width
    smoothing = getattr(loss, "label_smoothing", 0.0)
    if not task.multilabel and task.width > 1:
        share = y if y.dtype.kind == "f" else np.eye(task.width)[y]
        if loss.output == "scores":
            return _of_shares(rule, outputs, share) / task.width
        return _softmax_slope(rule, outputs, (1 - smoothing) * share + smoothing / task.width)
    share = y[:, 1:] if y.ndim == 2 and task.width == 1 and y.shape[1] == 2 else y
    share = (1 - smoothing) * share.reshape(outputs.shape) + smoothing / 2
    return _of_shares(rule, outputs, share) / task.width


def _slope(loss: Any, z: Array, y: Array) -> Array:
    """Return the slope of a loss of numbers."""
    error = z - y
    slopes = {
        "mse": lambda: error,
        "mae": lambda: np.sign(error),
        "huber": lambda: np.clip(error, -loss.delta, loss.delta),
        "log_cosh": lambda: np.tanh(error),
        "quantile": lambda: np.where(error < 0, -loss.q, 1 - loss.q),
        "poisson": lambda: np.exp(z) - y,
    }
    return slopes[loss.kind]()


def _of_shares(loss: Any, z: Array, share: Array) -> Array:
    """Return the slope of a loss of yes and no, mixed by the share of yes."""
    alpha = getattr(loss, "alpha", None)
    of_no, of_yes = (1.0, 1.0) if alpha is None else (1.0 - alpha, alpha)
    return share * of_yes * _yes(loss, z) - (1 - share) * of_no * _yes(loss, -z)


def _yes(loss: Any, z: Array) -> Array:
    """Return the slope of the loss of a yes; that of a no is its mirror image."""
    if loss.kind == "hinge":
        return -(z < 1).astype(z.dtype)
    if loss.kind == "squared_hinge":
        return -2 * np.maximum(1 - z, 0)
    p, log_p = _sigmoid(z), -np.logaddexp(0, -z)
    gamma = getattr(loss, "gamma", 0.0)
    return (1 - p) ** gamma * (gamma * p * log_p - (1 - p))


def _softmax_slope(loss: Any, z: Array, share: Array) -> Array:
    logs = z - z.max(axis=1, keepdims=True)
    logs = logs - np.log(np.exp(logs).sum(axis=1, keepdims=True))
    p, gamma = np.exp(logs), getattr(loss, "gamma", 0.0)
    rest = np.maximum(1 - p, np.finfo(p.dtype).tiny)
    at_logs = share * (gamma * rest ** (gamma - 1) * p * logs - rest**gamma)
    return at_logs - p * at_logs.sum(axis=1, keepdims=True)


def _sigmoid(x: Array) -> Array:
    return 0.5 * (1.0 + np.tanh(0.5 * x))

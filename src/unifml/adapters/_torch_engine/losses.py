"""Losses of `unifml.training.losses`, in torch's tensors."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from unifml.core.plan import Output
from unifml.core.task import Task
from unifml.training.losses import HUBER_DELTA

RowLoss = Callable[[Tensor, Tensor], Tensor]


def row_loss(loss: str, task: Task, output: Output) -> RowLoss:
    """Return the function from outputs (n, width) and targets to the loss of each row."""
    if loss == "cross_entropy":
        return _cross_entropy(task, output)
    return _ERRORS[loss]


def weighted_mean(values: Tensor, weight: Tensor | None) -> Tensor:
    """Return ``sum(w * loss) / sum(w)``."""
    return values.mean() if weight is None else (values * weight).sum() / weight.sum()


def _cross_entropy(task: Task, output: Output) -> RowLoss:
    if output == "logits":
        return _binary_logits if task.multilabel else _class_logits
    return _log_likelihood(task, output)


def _binary_logits(outputs: Tensor, y: Tensor) -> Tensor:
    target = y.reshape(outputs.shape).to(outputs.dtype)
    return functional.binary_cross_entropy_with_logits(outputs, target, reduction="none").mean(1)


def _class_logits(outputs: Tensor, y: Tensor) -> Tensor:
    if outputs.shape[1] == 1:
        return _binary_logits(outputs, y)
    return functional.cross_entropy(outputs, y, reduction="none")


def _log_likelihood(task: Task, output: Output) -> RowLoss:
    def values(outputs: Tensor, y: Tensor) -> Tensor:
        tiny = torch.finfo(outputs.dtype).tiny
        logs = outputs if output == "log_probabilities" else outputs.clamp_min(tiny).log()
        if not task.multilabel and outputs.shape[1] > 1:
            return functional.nll_loss(logs, y, reduction="none")
        off = (-torch.expm1(logs)).clamp_min(tiny).log()
        return -torch.where(y.reshape(logs.shape) == 1, logs, off).mean(1)

    return values


def _squared(outputs: Tensor, y: Tensor) -> Tensor:
    return 0.5 * (outputs - y.reshape(outputs.shape)).square().mean(1)


def _absolute(outputs: Tensor, y: Tensor) -> Tensor:
    return (outputs - y.reshape(outputs.shape)).abs().mean(1)


def _huber(outputs: Tensor, y: Tensor) -> Tensor:
    target = y.reshape(outputs.shape)
    return functional.huber_loss(outputs, target, reduction="none", delta=HUBER_DELTA).mean(1)


_ERRORS: dict[str, RowLoss] = {"mse": _squared, "mae": _absolute, "huber": _huber}

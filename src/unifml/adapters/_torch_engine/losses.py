"""Losses of `unifml.training.losses`, in torch's tensors: fused where torch has the same."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from unifml.adapters._torch_engine.ops import OPS
from unifml.core.plan import Output
from unifml.core.task import Task
from unifml.errors import CapabilityError
from unifml.training import MSE, CrossEntropy, CustomLoss, Huber, Loss

RowLoss = Callable[[Tensor, Tensor], Tensor]


def row_loss(loss: Loss, task: Task, output: Output) -> RowLoss:
    """Return the function from outputs (n, width) and targets to the loss of each row.

    A loss of the user's own may return one number for all: see `weighted_mean`. Outputs of 16 bits
    are taken as float32.
    """
    values = _values(loss, task, output)

    def of(outputs: Tensor, y: Tensor) -> Tensor:
        return values(outputs.float() if outputs.dtype in _HALVES else outputs, y)

    return of


def weighted_mean(values: Tensor, weight: Tensor | None) -> Tensor:
    """Return ``sum(w * loss) / sum(w)``.

    Raises
    ------
    CapabilityError
        For weights of rows, where the loss is one number for all rows.
    """
    if weight is None:
        return values.mean()
    if values.ndim == 0:
        raise CapabilityError(
            "weights of rows with a loss of your own",
            found="it returns one number for the batch",
            rule="a loss returns one number for each row, so that rows can have weights",
            fix='return (n,); of a module of torch, set reduction="none"',
        )
    return (values * weight).sum() / weight.sum()


def _values(loss: Loss, task: Task, output: Output) -> RowLoss:
    if isinstance(loss, CustomLoss):
        return _Custom(loss.function, task)
    if isinstance(loss, CrossEntropy) and output == "logits":
        return _cross_entropy(loss, task)
    if isinstance(loss, MSE):
        return _squared
    if isinstance(loss, Huber):
        return _huber(loss)
    return lambda outputs, y: loss.values(OPS, outputs, y, task, output)


def _cross_entropy(loss: CrossEntropy, task: Task) -> RowLoss:
    smoothing = loss.label_smoothing

    def on_off(outputs: Tensor, y: Tensor) -> Tensor:
        y = y[:, 1:] if y.ndim == 2 and y.shape[1] == 2 and outputs.shape[1] == 1 else y
        share = y.reshape(outputs.shape).to(outputs.dtype)
        share = share * (1.0 - smoothing) + smoothing / 2 if smoothing else share
        losses = functional.binary_cross_entropy_with_logits(outputs, share, reduction="none")
        return losses.mean(1)

    def classes(outputs: Tensor, y: Tensor) -> Tensor:
        if outputs.shape[1] == 1:
            return on_off(outputs, y)
        if y.is_floating_point():
            y = (torch.cat([1.0 - y, y], 1) if y.shape[1] == 1 else y).to(outputs.dtype)
        return functional.cross_entropy(outputs, y, reduction="none", label_smoothing=smoothing)

    return on_off if task.multilabel else classes


def _squared(outputs: Tensor, y: Tensor) -> Tensor:
    return 0.5 * (outputs - y.reshape(outputs.shape)).square().mean(1)


def _huber(loss: Huber) -> RowLoss:
    def values(outputs: Tensor, y: Tensor) -> Tensor:
        target = y.reshape(outputs.shape).to(outputs.dtype)
        return functional.huber_loss(outputs, target, reduction="none", delta=loss.delta).mean(1)

    return values


class _Custom:
    """A loss of the user's: a module, of which a copy is used, or a function."""

    def __init__(self, function: Any, task: Task) -> None:
        self.function, self.task = _unreduced(function), task
        self.place: Any = None

    def __call__(self, outputs: Tensor, y: Tensor) -> Tensor:
        place = outputs.device, outputs.dtype
        if isinstance(self.function, nn.Module) and place != self.place:
            self.function, self.place = self.function.to(*place), place
        found = self.function(outputs, self._targets(outputs, y))
        if not isinstance(found, Tensor) or (found.ndim and len(found) != len(y)):
            shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise CapabilityError(
                f"the loss {self.function!r}",
                found=f"it returned {shape} for {len(y)} rows",
                rule="a loss returns a tensor with one number for each row",
            )
        return found.reshape(len(y), -1).mean(1) if found.ndim > 1 else found

    def _targets(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return codes of classes; of one logit, labels and values, floats of the outputs' shape.

        So it is with torch's own losses.
        """
        if self.task.kind == "regression":
            return y.reshape(len(y), -1)
        if self.task.multilabel or outputs.shape[1:] == (1,):
            return y.reshape(outputs.shape).to(outputs.dtype)
        return y


def _unreduced(function: Any) -> Any:
    if not isinstance(function, nn.Module):
        return function
    module = deepcopy(function).requires_grad_(False)  # what it has is not trained
    if hasattr(module, "reduction"):
        module.reduction = "none"
    return module


_HALVES = (torch.float16, torch.bfloat16)

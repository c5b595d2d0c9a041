"""The gradient of the loss with respect to outputs: in closed form, or by autograd."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from unifml.core.plan import Plan

Rows = Callable[[Tensor, Tensor], Tensor]
FEW = 32  # classes up to which a softmax down columns is faster than along rows


class Slope:
    """Turns outputs (*lead, n, width) into the gradient of ``sum(coefficient * loss)``.

    Parameters
    ----------
    plan : Plan
        Loss, task and what the outputs are.
    width : int
        Number of outputs.
    """

    def __init__(self, plan: Plan, width: int) -> None:
        self.loss: Any = plan.settings.loss
        self.width = width

    def targets(self, y: Tensor, dtype: torch.dtype) -> Tensor:
        """Return the targets of rows as (*y.shape[:lead], n, width) in the dtype of outputs."""
        return y.reshape(*y.shape[:2], self.width).to(dtype)

    def ready(self, y: Tensor, coefficient: Tensor) -> Tensor:
        """Return what `write` needs of the targets of a stretch of rows.

        Parameters
        ----------
        y : Tensor
            Targets (k, rows, ...).
        coefficient : Tensor
            Factors of the losses, (k, rows, 1).
        """
        return self.targets(y, coefficient.dtype) * (coefficient / -self.width)

    def write(self, z: Tensor, ready: Tensor, coefficient: Tensor, out: Tensor) -> None:
        """Write the gradient for the outputs z of a batch; all are (*lead, n, ...)."""
        raise NotImplementedError


class Squares(Slope):
    """Half the squared error."""

    def write(self, z: Tensor, ready: Tensor, coefficient: Tensor, out: Tensor) -> None:
        torch.addcmul(ready, z, coefficient, value=1.0 / self.width, out=out)


class Sizes(Slope):
    """The absolute error."""

    def ready(self, y: Tensor, coefficient: Tensor) -> Tensor:
        return self.targets(y, coefficient.dtype)

    def write(self, z: Tensor, ready: Tensor, coefficient: Tensor, out: Tensor) -> None:
        self.bend(torch.sub(z, ready, out=out)).mul_(coefficient).div_(self.width)

    def bend(self, error: Tensor) -> Tensor:
        """Turn errors into slopes, in place."""
        return error.sign_()


class Bounded(Sizes):
    """Huber's loss."""

    def bend(self, error: Tensor) -> Tensor:
        return error.clamp_(-self.loss.delta, self.loss.delta)


class OnOff(Slope):
    """Cross-entropy of logits that are a yes or no each: two classes, or labels."""

    def targets(self, y: Tensor, dtype: torch.dtype) -> Tensor:
        if y.ndim == 3 and y.shape[-1] == 2 and self.width == 1:  # shares of both classes
            y = y[..., 1:]
        share, smoothing = super().targets(y, dtype), self.loss.label_smoothing
        return share * (1.0 - smoothing) + smoothing / 2 if smoothing else share

    def write(self, z: Tensor, ready: Tensor, coefficient: Tensor, out: Tensor) -> None:
        torch.sigmoid(z, out=out)
        torch.addcmul(ready, out, coefficient, value=1.0 / self.width, out=out)


class Classes(Slope):
    """Cross-entropy of logits of which one class holds."""

    def __init__(self, plan: Plan, width: int) -> None:
        super().__init__(plan, width)
        self._turned: dict[torch.Size, Tensor] = {}

    def targets(self, y: Tensor, dtype: torch.dtype) -> Tensor:
        smoothing = self.loss.label_smoothing
        if y.is_floating_point():
            shares = y.to(dtype) * (1.0 - smoothing)
        else:
            shares = torch.zeros((*y.shape, self.width), dtype=dtype, device=y.device)
            shares.scatter_(-1, y.unsqueeze(-1), 1.0 - smoothing)
        return shares.add_(smoothing / self.width) if smoothing else shares

    def ready(self, y: Tensor, coefficient: Tensor) -> Tensor:
        return self.targets(y, coefficient.dtype).mul_(-coefficient)

    def write(self, z: Tensor, ready: Tensor, coefficient: Tensor, out: Tensor) -> None:
        torch.addcmul(ready, self._shares(z, out), coefficient, out=out)

    def _shares(self, z: Tensor, out: Tensor) -> Tensor:
        if self.width > FEW:
            return torch.softmax(z, -1, out=out)
        if z.shape not in self._turned:
            self._turned[z.shape] = z.new_empty((*z.shape[:-2], self.width, z.shape[-2]))
        return torch.softmax(z.mT, -2, out=self._turned[z.shape]).mT


class ByAutograd(Slope):
    """Any other loss, from its rule for rows."""

    def __init__(self, plan: Plan, width: int, rows: Rows) -> None:
        super().__init__(plan, width)
        self.rows = rows

    def ready(self, y: Tensor, coefficient: Tensor) -> Tensor:
        return y

    def write(self, z: Tensor, ready: Tensor, coefficient: Tensor, out: Tensor) -> None:
        with torch.enable_grad():
            outputs = z.detach().reshape(-1, self.width).requires_grad_()
            losses = self.rows(outputs, ready.reshape(len(outputs), *ready.shape[z.ndim - 1 :]))
            total = (losses * coefficient.reshape(-1)).sum()
            out.copy_(torch.autograd.grad(total, outputs)[0].view_as(out))


def slope(plan: Plan, width: int, rows: Rows) -> Slope:
    """Return how the gradient of the plan's loss is computed.

    Parameters
    ----------
    plan : Plan
        Loss, task and what the outputs are.
    width : int
        Number of outputs.
    rows : callable
        From outputs (n, width) and targets to the loss of each row.
    """
    kind, several = plan.settings.loss.kind, width > 1
    if kind == "cross_entropy" and plan.output == "logits":
        one_holds = several and not plan.task.multilabel
        return Classes(plan, width) if one_holds else OnOff(plan, width)
    if kind in _OF_ERRORS:
        return _OF_ERRORS[kind](plan, width)
    return ByAutograd(plan, width, rows)


_OF_ERRORS: dict[str, type[Slope]] = {"mse": Squares, "mae": Sizes, "huber": Bounded}

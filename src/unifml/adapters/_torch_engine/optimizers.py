"""torch's own optimizers, set to the meaning of `unifml.training.optimizers`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor

from unifml.core.plan import Plan
from unifml.errors import CapabilityError
from unifml.training import SGD, Adam, Optimizer, RMSprop


class Stepper:
    """Steps a set of kernels (penalised, decayed) and a set of other parameters."""

    def __init__(self, kernels: Sequence[Tensor], others: Sequence[Tensor], plan: Plan) -> None:
        settings = plan.settings
        self.kernels, self.others = list(kernels), list(others)
        self.l1, self.l2 = settings.l1, settings.l2
        groups = [
            {"params": self.kernels, "weight_decay": settings.weight_decay},
            {"params": self.others, "weight_decay": 0.0},
        ]
        groups = [group for group in groups if group["params"]]
        self.optimizer = build(settings.optimizer, groups)

    def step(self, rate: float) -> None:
        """Add the penalties to the gradients and take one step."""
        for kernel in self.kernels:
            if kernel.grad is not None:
                _penalise(kernel, self.l1, self.l2)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()

    def zero(self) -> None:
        """Forget the gradients of the step before, in place."""
        self.optimizer.zero_grad(set_to_none=False)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return the optimizer's memory as arrays."""
        return {
            f"slots/{i}/{name}": value.detach().cpu().numpy().copy()
            for i, parameter in enumerate(self._parameters())
            for name, value in self.optimizer.state.get(parameter, {}).items()
            if isinstance(value, Tensor)
        }

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take the memory over from `state`."""
        for i, parameter in enumerate(self._parameters()):
            prefix = f"slots/{i}/"
            found = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            # A step count stays on the host unless the step is fused on a device.
            self.optimizer.state[parameter] = {
                name: torch.tensor(value).to(parameter.device) for name, value in found.items()
            }

    def _parameters(self) -> list[Tensor]:
        return [p for group in self.optimizer.param_groups for p in group["params"]]


def build(optimizer: Optimizer, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """Return torch's optimizer for one of ours."""
    if isinstance(optimizer, Adam):
        kind = torch.optim.AdamW if optimizer.decays else torch.optim.Adam
        betas = (optimizer.beta_1, optimizer.beta_2)
        return kind(groups, lr=1.0, betas=betas, eps=optimizer.epsilon, fused=True)
    if isinstance(optimizer, SGD):
        return torch.optim.SGD(
            groups, lr=1.0, momentum=optimizer.momentum, nesterov=optimizer.nesterov
        )
    if isinstance(optimizer, RMSprop):
        return torch.optim.RMSprop(groups, lr=1.0, alpha=optimizer.rho, eps=optimizer.epsilon)
    raise CapabilityError(f"backend 'torch' has no optimizer {optimizer.kind!r}")


def _penalise(kernel: Tensor, l1: float, l2: float) -> None:
    assert kernel.grad is not None
    with torch.no_grad():
        if l2:
            kernel.grad.add_(kernel, alpha=l2)
        if l1:
            kernel.grad.add_(kernel.sign(), alpha=l1)

"""What every program on torch does alike: a module, its device, its dtype, its predictions."""

from __future__ import annotations

from contextlib import AbstractContextManager
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from unifml.adapters._torch_engine.epoch import Rows, predict, to_tensors
from unifml.adapters._torch_engine.losses import row_loss
from unifml.adapters._torch_engine.optimizers import Stepper
from unifml.adapters._torch_engine.rng import exact_floats
from unifml.adapters._torch_engine.threads import threads_for
from unifml.core.inputs import count
from unifml.core.plan import Plan
from unifml.core.table import FloatArray, Table
from unifml.errors import CapabilityError


class ModuleProgram:
    """A module on its device. See `unifml.core.adapter.Program`.

    Parameters
    ----------
    module : nn.Module
        It is moved to the plan's device, and trained in place.
    plan : Plan
        What is being done.
    dtype : torch.dtype
        The dtype of its floats.
    """

    stepper: Stepper
    rows: Rows

    def __init__(self, module: nn.Module, plan: Plan, dtype: torch.dtype) -> None:
        self.plan, self.dtype, self.device = plan, dtype, torch.device(plan.device)
        self.module = module.to(self.device)
        self.trains = False
        self.widest = abs(prod(plan.signature.input_shape))

    def learn_from(self, data: Table, stepper: Stepper) -> None:
        """Take rows and an optimizer: from here on it can train."""
        self.stepper, self.trains = stepper, True
        self.loss = row_loss(self.plan.settings.loss, self.plan.task, self.plan.output)
        self.rows = Rows(data, self.device, self.dtype)

    def require_rows(self) -> None:
        """Raise for a program that was made to predict only."""
        if not self.trains:
            raise CapabilityError("training", found="a program without rows to learn from")

    def descend(self, loss: Tensor, rate: float) -> Tensor:
        """Take one step down a loss, and return it."""
        self.stepper.zero()
        loss.backward()
        self.stepper.step(rate)
        return loss.detach()

    def forward(self, X: Any) -> FloatArray:
        self.module.eval()
        with exact_floats(self.device), self.threads(count(X)):
            return predict(self.call, to_tensors(X, self.device, self.dtype), self.widest)

    def call(self, X: Any) -> Any:
        """Return what the module makes of rows: inputs by name go in by name; the first output."""
        outputs = self.module(**X) if isinstance(X, dict) else self.module(X)
        return next(iter(outputs.values())) if isinstance(outputs, dict) else outputs

    def fit(self) -> None:
        raise CapabilityError("a torch module has no fit of its own", fix="train it by epochs")

    def threads(self, rows: int) -> AbstractContextManager[None]:
        """Return a context with the threads that a step over `rows` deserves."""
        return threads_for(rows * sum(p.numel() for p in self.module.parameters()))

"""What every program on torch does alike: a module, its device, its dtype, its predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from unifml.adapters._torch_engine.descent import Descent
from unifml.adapters._torch_engine.epoch import (
    Batch,
    Rows,
    at_once,
    predict,
    to_tensor,
    to_tensors,
    walk,
)
from unifml.adapters._torch_engine.flat import Trained
from unifml.adapters._torch_engine.losses import RowLoss, row_loss, weighted_mean
from unifml.adapters._torch_engine.modes import DETERMINISTIC, TF32
from unifml.adapters._torch_engine.precision import check_precision, lowered
from unifml.adapters._torch_engine.rng import Stream, exact_floats
from unifml.adapters._torch_engine.threads import threads_for
from unifml.adapters._torch_engine.trouble import explained, memory_for
from unifml.core.inputs import count
from unifml.core.plan import Plan
from unifml.core.table import BatchOrder, FloatArray, Table
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

    descent: Descent
    rows: Rows
    learn: Callable[[Any], Any]
    stream: Stream | None = None

    def __init__(self, module: nn.Module, plan: Plan, dtype: torch.dtype) -> None:
        self.plan, self.dtype, self.device = plan, dtype, torch.device(plan.device)
        self.module = module.to(self.device)
        self.trains = False
        self.widest = abs(prod(plan.signature.input_shape))
        self.work: int | None = sum(p.numel() for p in self.module.parameters())

    @cached_property
    def loss(self) -> RowLoss:
        """From outputs and targets to the loss of each row."""
        return row_loss(self.plan.settings.loss, self.plan.task, self.plan.output)

    def learn_from(self, data: Table, trained: Trained) -> None:
        """Take rows, and what is to be trained on them: from here on it can train."""
        settings = self.plan.settings
        check_precision(settings.precision, self.device)
        self.descent, self.trains = Descent(trained, settings), True
        module = self.prepared(self.module)
        self.learn = lambda X: _first(module(**X) if isinstance(X, dict) else module(X))
        self.take(data)

    def prepared(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function as `Training` wants steps to be: compiled, in fewer bits."""
        compiled = torch.compile(call) if self.plan.settings.compile is True else call
        return lowered(compiled, self.plan.settings.precision, self.device)

    def take(self, data: Table) -> None:
        self.require_rows()
        self.rows = Rows(data, self.device, self.dtype)

    def require_rows(self) -> None:
        """Raise for a program that was made to predict only."""
        if not self.trains:
            raise CapabilityError("training", found="a program without rows to learn from")

    def run_epoch(self, order: BatchOrder, rates: FloatArray, seed: int | None) -> FloatArray:
        self.require_rows()
        self.train_mode()
        with self.conditions(order.largest, seed):
            self.descent.begin(rates)
            return walk(self.rows, order, self.descent, self.descend)

    def train_mode(self) -> None:
        """Put the module into training mode."""
        if not self.module.training:
            self.module.train()

    @contextmanager
    def conditions(self, rows: int, seed: int | None) -> Iterator[None]:
        """Have steps over batches of at most `rows` taken as they should be, inside a block."""
        settings = self.plan.settings
        with ExitStack() as stack:
            stack.enter_context(memory_for(rows, training=True))
            stack.enter_context(explained(settings))
            if self.device.type == "cuda":
                stack.enter_context(TF32.at(settings.precision == "tf32"))
            stack.enter_context(DETERMINISTIC.at(settings.deterministic))
            if self.stream is not None:
                stack.enter_context(self.stream.flowing(seed))
            stack.enter_context(self.threads(rows))
            yield

    def descend(self, batch: Batch, share: float | None) -> Tensor:
        """Add the gradient of a batch to the gradients, and return its loss."""
        X, y, weight = batch
        loss = weighted_mean(self.loss(self.learn(X), y), weight)
        self.descent.back(loss, share)
        return loss.detach()

    def forward(self, X: Any) -> FloatArray:
        if self.module.training:
            self.module.eval()
        rows = count(X)
        memory = memory_for(min(rows, at_once(self.widest)), training=False)
        with memory, self.shown(), exact_floats(self.device), self.threads(rows):
            return predict(self.call, to_tensors(X, self.device, self.dtype), self.widest)

    def shown(self) -> AbstractContextManager[None]:
        """Return a context in which the weights are those that predict."""
        return self.descent.averaged() if self.trains else nullcontext()

    def row_losses(self, outputs: FloatArray, y: Any) -> FloatArray:
        made, targets = (to_tensor(np.asarray(v), self.device, self.dtype) for v in (outputs, y))
        with torch.no_grad():
            values = self.loss(made, targets).cpu().numpy()
        return np.broadcast_to(values, (len(y),))  # one number for the batch is that of each row

    def call(self, X: Any) -> Any:
        """Return what the module makes of rows: inputs by name go in by name; the first output."""
        return _first(self.module(**X) if isinstance(X, dict) else self.module(X))

    def fit(self) -> None:
        raise CapabilityError("a torch module has no fit of its own", fix="train it by epochs")

    def threads(self, rows: int) -> AbstractContextManager[None]:
        """Return a context with the threads that a step over `rows` deserves."""
        return nullcontext() if self.work is None else threads_for(rows * self.work)


def under(prefix: str, state: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Return what a state keeps under a prefix."""
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def _first(outputs: Any) -> Any:
    return next(iter(outputs.values())) if isinstance(outputs, dict) else outputs

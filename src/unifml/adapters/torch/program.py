"""A network of ours at work in torch."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from unifml.adapters._torch_engine.epoch import (
    Batch,
    Rows,
    predict,
    require_rows,
    to_tensor,
    walk,
)
from unifml.adapters._torch_engine.flat import FlatGroup
from unifml.adapters._torch_engine.losses import row_loss, weighted_mean
from unifml.adapters._torch_engine.optimizers import Stepper
from unifml.adapters._torch_engine.rng import exact_floats, seeded
from unifml.adapters._torch_engine.threads import threads_for
from unifml.adapters.torch import layers
from unifml.adapters.torch import weights as room
from unifml.core.adapter import Weights
from unifml.core.plan import Plan
from unifml.core.table import BatchOrder, FloatArray, Table
from unifml.errors import CapabilityError


class NetworkProgram:
    """Trains the module itself: flat parameters, fused steps, rows on the device.

    See `unifml.core.adapter.Program`.
    """

    def __init__(self, weights: Weights, plan: Plan, data: Table | None) -> None:
        assert plan.network is not None
        self.plan, self.network = plan, plan.network
        self.device = torch.device(plan.device)
        self.dtype = getattr(torch, plan.signature.dtype)
        shape = plan.signature.input_shape
        self.module = layers.body(plan.network, shape, weights, plan.signature.dtype)
        self.module.to(self.device)
        self.random = any(isinstance(m, nn.Dropout) for m in self.module.modules())
        self.trains = data is not None
        if data is not None:
            self._prepare_training(data)

    def _prepare_training(self, data: Table) -> None:
        specs = self.network.weight_specs(self.plan.signature.input_shape)
        kernels: list[nn.Parameter] = []
        others: list[nn.Parameter] = []
        for name, tensor, _ in room.places(self.module, self.network):
            if isinstance(tensor, nn.Parameter):
                (kernels if specs[name].role == "kernel" else others).append(tensor)
        self.groups = FlatGroup(kernels), FlatGroup(others)
        flat = [[group.values] if group.values.numel() else [] for group in self.groups]
        self.stepper = Stepper(flat[0], flat[1], self.plan)
        self.loss = row_loss(self.plan.settings.loss, self.plan.task, self.plan.output)
        self.rows = Rows(data, self.device, self.dtype)
        for norm in self.module.modules():
            if isinstance(norm, nn.BatchNorm1d):
                _keep_biased_variance(norm)

    def run_epoch(self, order: BatchOrder, rates: FloatArray, seed: int) -> FloatArray:
        require_rows(self.trains)
        self.module.train()
        randomness = seeded(seed) if self.random else nullcontext()
        with randomness, exact_floats(self.device), self._threads(int(np.diff(order.edges).max())):
            return walk(self.rows, order, rates, self._step)

    def _threads(self, rows: int) -> AbstractContextManager[None]:
        return threads_for(rows * sum(p.numel() for p in self.module.parameters()))

    def _step(self, batch: Batch, rate: float) -> Tensor:
        X, y, weight = batch
        self.stepper.zero()
        loss = weighted_mean(self.loss(self.module(X), y), weight)
        loss.backward()
        self.stepper.step(rate)
        return loss.detach()

    def forward(self, X: Any) -> FloatArray:
        with exact_floats(self.device), self._threads(len(X)):
            return predict(self.module, to_tensor(X, self.device, self.dtype))

    def loss_and_gradient(self, weights: Weights) -> tuple[float, dict[str, FloatArray]]:
        require_rows(self.trains)
        room.write(self.module, self.network, weights)
        self.module.train()
        self.stepper.zero()
        X, y, weight = self.rows.whole()
        with self._threads(len(X)):
            loss = weighted_mean(self.loss(self.module(X), y), weight)
            loss.backward()
        places = room.places(self.module, self.network)
        return float(loss.detach()), {
            name: change[1](tensor.grad.cpu().numpy())
            for name, tensor, change in places
            if tensor.grad is not None
        }

    def fit(self) -> None:
        raise CapabilityError("a torch network has no fit of its own", fix="train it by epochs")

    def result(self) -> dict[str, npt.NDArray[Any]]:
        return room.read(self.module, self.network)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        weights = {f"weights/{name}": value for name, value in self.result().items()}
        return weights | self.stepper.state() if self.trains else weights

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        prefix = "weights/"
        weights = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        room.write(self.module, self.network, weights)
        if self.trains:
            self.stepper.restore(state)


def _keep_biased_variance(norm: nn.BatchNorm1d) -> None:
    """Let the running variance follow the batch's biased variance; torch takes the unbiased."""
    before: list[Tensor] = []

    def remember(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        before[:] = [norm.running_var.clone()] if module.training else []

    def correct(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if before:
            kept = before[0] * (1.0 - norm.momentum)
            rows = len(inputs[0])
            share = (rows - 1) / rows
            assert norm.running_var is not None
            # A new tensor: autograd keeps the old one for the way back.
            norm.running_var = kept + (norm.running_var - kept) * share

    norm.register_forward_pre_hook(remember)
    norm.register_forward_hook(correct)

"""A network of ours at work in torch."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from math import prod
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor, nn

from unifml.adapters._torch_engine.epoch import Batch, walk
from unifml.adapters._torch_engine.flat import FlatGroup
from unifml.adapters._torch_engine.losses import weighted_mean
from unifml.adapters._torch_engine.optimizers import Stepper
from unifml.adapters._torch_engine.program import ModuleProgram
from unifml.adapters._torch_engine.rng import exact_floats, seeded
from unifml.adapters.torch import layers
from unifml.adapters.torch import weights as room
from unifml.core.adapter import Weights
from unifml.core.plan import Plan
from unifml.core.table import BatchOrder, FloatArray, Table


class NetworkProgram(ModuleProgram):
    """Trains the module itself: flat parameters, fused steps, rows on the device.

    See `unifml.core.adapter.Program`.
    """

    def __init__(self, weights: Weights, plan: Plan, data: Table | None) -> None:
        self.graph, dtype = plan.graph.body(), plan.signature.dtype
        super().__init__(layers.native(self.graph, weights, dtype), plan, getattr(torch, dtype))
        self.widest = max((abs(prod(node.shape)) for node in self.graph.nodes), default=1)
        self.random = any(isinstance(m, _DROPOUTS) for m in self.module.modules())
        if data is not None:
            self.learn_from(data, self._flat_stepper())
            for norm in self.module.modules():
                if isinstance(norm, nn.modules.batchnorm._BatchNorm):
                    _keep_biased_variance(norm)

    def _flat_stepper(self) -> Stepper:
        specs = self.graph.weight_specs()
        kernels: list[nn.Parameter] = []
        others: list[nn.Parameter] = []
        for place in room.places(self.module, self.graph):
            if isinstance(place.tensor, nn.Parameter):
                kernel = specs[place.name].role == "kernel"
                (kernels if kernel else others).append(place.tensor)
        self.groups = FlatGroup(kernels), FlatGroup(others)
        flat = [[group.values] if group.values.numel() else [] for group in self.groups]
        return Stepper(flat[0], flat[1], self.plan)

    def run_epoch(self, order: BatchOrder, rates: FloatArray, seed: int) -> FloatArray:
        self.require_rows()
        self.module.train()
        randomness = seeded(seed) if self.random else nullcontext()
        with randomness, exact_floats(self.device), self.threads(order.largest):
            return walk(self.rows, order, rates, self._step)

    def _step(self, batch: Batch, rate: float) -> Tensor:
        X, y, weight = batch
        return self.descend(weighted_mean(self.loss(self.call(X), y), weight), rate)

    def loss_and_gradient(self, weights: Weights) -> tuple[float, dict[str, FloatArray]]:
        self.require_rows()
        room.write(self.module, self.graph, weights)
        self.module.eval()
        self.stepper.zero()
        X, y, weight = self.rows.whole()
        with self.threads(len(y)):
            loss = weighted_mean(self.loss(self.call(X), y), weight)
            loss.backward()
        return float(loss.detach()), {
            place.name: place.back(place.tensor.grad.cpu().numpy())
            for place in room.places(self.module, self.graph)
            if place.tensor.grad is not None
        }

    def result(self) -> dict[str, npt.NDArray[Any]]:
        return room.read(self.module, self.graph)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        weights = {f"weights/{name}": value for name, value in self.result().items()}
        return weights | self.stepper.state() if self.trains else weights

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        prefix = "weights/"
        weights = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        room.write(self.module, self.graph, weights)
        if self.trains:
            self.stepper.restore(state)


_DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)


def _keep_biased_variance(norm: nn.modules.batchnorm._BatchNorm) -> None:
    """Let the running variance follow the batch's biased variance; torch takes the unbiased."""
    before: list[Tensor] = []

    def remember(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        before[:] = [norm.running_var.clone()] if module.training else []

    def correct(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if before:
            kept = before[0] * (1.0 - norm.momentum)
            rows = inputs[0].numel() // norm.num_features
            share = (rows - 1) / rows
            assert norm.running_var is not None
            # A new tensor: autograd keeps the old one for the way back.
            norm.running_var = kept + (norm.running_var - kept) * share

    norm.register_forward_pre_hook(remember)
    norm.register_forward_hook(correct)

"""Modules of the user: built, copied, trained in the same loop."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor, nn

from unifml.adapters._torch_engine.epoch import Batch, walk
from unifml.adapters._torch_engine.losses import weighted_mean
from unifml.adapters._torch_engine.optimizers import Stepper
from unifml.adapters._torch_engine.program import ModuleProgram
from unifml.adapters._torch_engine.rng import exact_floats, seeded
from unifml.adapters.torch import weights as room
from unifml.core.adapter import Weights
from unifml.core.capabilities import NativeTraits
from unifml.core.plan import Plan
from unifml.core.table import BatchOrder, FloatArray, Table
from unifml.errors import CapabilityError, DataTypeError
from unifml.models.native import call_factory, is_factory, refuse_params

_NORMS = (nn.modules.batchnorm._BatchNorm,)


def build(plan: Plan) -> nn.Module:
    """Copy an instance, or call a class or function under the plan's seed."""
    native = plan.model
    if not is_factory(native.factory):
        refuse_params(native)
        return copied(native.factory)
    with seeded(plan.seeds.integer("init")):
        module = call_factory(native.factory, native.params, plan.signature)
    if not isinstance(module, nn.Module):
        raise DataTypeError(
            f"{native!r} on backend 'torch'",
            found=f"it built a {type(module).__name__}",
            rule="a torch.nn.Module is needed",
        )
    return module


def traits(native: Any) -> NativeTraits:
    """Describe a module; a class or function says nothing before it is called."""
    if not isinstance(native, nn.Module):
        return NativeTraits()
    return NativeTraits(dtype=str(float_dtype(native)).removeprefix("torch."))


def float_dtype(module: nn.Module) -> torch.dtype:
    """Return the dtype of a module's first floating weights, which its rows get as well."""
    floats = (p.dtype for p in module.parameters() if p.is_floating_point())
    return next(floats, torch.float32)


def copied(module: nn.Module) -> nn.Module:
    """Return a copy that shares nothing with the user's module."""
    try:
        return copy.deepcopy(module)
    except Exception as error:
        raise CapabilityError(
            f"copying {type(module).__name__}",
            found=str(error),
            fix="pass its class or a function that builds it",
        ) from error


class NativeProgram(ModuleProgram):
    """Trains a module of the user. See `unifml.core.adapter.Program`.

    Weights of two dimensions and more are its kernels: penalties and decay act on them. Frozen
    parameters stay; a batch norm whose parameters are frozen keeps its statistics. A method
    ``training_step(batch)`` of the module, if there is one, returns the loss of a batch
    ``(X, y)`` or ``(X, y, sample_weight)``.
    """

    def __init__(self, module: nn.Module, plan: Plan, data: Table | None) -> None:
        super().__init__(module, plan, float_dtype(module))
        if data is not None:
            if hasattr(module, "training_step") and (plan.settings.l1 or plan.settings.l2):
                raise CapabilityError(
                    f"l1 or l2 for {type(module).__name__}, which has a training_step",
                    rule="a training_step computes its whole objective",
                    fix="add the penalty to the loss that training_step returns",
                )
            free = [p for p in module.parameters() if p.requires_grad]
            if not free:
                raise CapabilityError(
                    f"training {type(module).__name__}",
                    found="it has no parameters that require a gradient",
                    fix="set requires_grad=True on those to learn",
                )
            kernels, others = [p for p in free if p.ndim > 1], [p for p in free if p.ndim <= 1]
            self.learn_from(data, Stepper(kernels, others, plan))

    def run_epoch(self, order: BatchOrder, rates: FloatArray, seed: int) -> FloatArray:
        self.require_rows()
        self.module.train()
        for norm in self.module.modules():
            if isinstance(norm, _NORMS) and _frozen(norm):
                norm.eval()
        step = self._own_step if hasattr(self.module, "training_step") else self._step
        with seeded(seed), exact_floats(self.device), self.threads(order.largest):
            return walk(self.rows, order, rates, step)

    def _step(self, batch: Batch, rate: float) -> Tensor:
        X, y, weight = batch
        outputs = self.call(X)
        outputs = outputs.reshape(len(y), -1) if outputs.ndim == 1 else outputs
        return self.descend(weighted_mean(self.loss(outputs, y), weight), rate)

    def _own_step(self, batch: Batch, rate: float) -> Tensor:
        parts = batch if batch[2] is not None else batch[:2]
        loss = self.module.training_step(parts)
        if not isinstance(loss, Tensor) or loss.numel() != 1:
            raise DataTypeError(
                f"training_step of {type(self.module).__name__}",
                found=f"it returned a {type(loss).__name__}",
                rule="it returns the loss of the batch, a tensor of one number",
            )
        return self.descend(loss, rate)

    def loss_and_gradient(self, weights: Weights) -> tuple[float, dict[str, FloatArray]]:
        raise CapabilityError("an exact solution of a native module", fix="train it by epochs")

    def result(self) -> nn.Module:
        return self.module.eval()

    def state(self) -> dict[str, npt.NDArray[Any]]:
        tensors = {f"weights/{k}": v for k, v in room.read_state(self.module).items()}
        return tensors | self.stepper.state() if self.trains else tensors

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        prefix = "weights/"
        tensors = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        room.write_state(self.module, tensors)
        if self.trains:
            self.stepper.restore(state)


def _frozen(norm: nn.Module) -> bool:
    own = list(norm.parameters(recurse=False))
    return bool(own) and not any(parameter.requires_grad for parameter in own)

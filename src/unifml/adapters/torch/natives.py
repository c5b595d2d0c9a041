"""Modules of the user: built, copied, trained in the same loop."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor, nn

from unifml.adapters._torch_engine.epoch import Batch
from unifml.adapters._torch_engine.flat import Loose
from unifml.adapters._torch_engine.losses import weighted_mean
from unifml.adapters._torch_engine.program import ModuleProgram, under
from unifml.adapters._torch_engine.rng import Stream, seeded
from unifml.adapters.torch import weights as room
from unifml.core.adapter import Weights
from unifml.core.capabilities import NativeTraits
from unifml.core.plan import Plan
from unifml.core.table import FloatArray, Table
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
    ``(X, y)`` or ``(X, y, sample_weight)``; a batch weighs in an accumulated step by its rows, or
    by their weights.
    """

    def __init__(self, module: nn.Module, plan: Plan, data: Table | None) -> None:
        super().__init__(module, plan, float_dtype(module))
        if not _only_dense(module):
            self.work = None  # nobody knows: torch's own threads are as good as by hand
        if data is None:
            return
        free = _free(module)
        self.own_step = hasattr(module, "training_step")
        if self.own_step:
            _refuse_with_own_step(module, plan)
        self.stream = Stream(self.device, others=True)
        kernels, others = [p for p in free if p.ndim > 1], [p for p in free if p.ndim <= 1]
        self.learn_from(data, Loose(kernels, others))
        if self.own_step:
            self.training_step = self.prepared(module.training_step)

    def train_mode(self) -> None:
        self.module.train()
        for norm in self.module.modules():
            if isinstance(norm, _NORMS) and _frozen(norm):
                norm.eval()

    def descend(self, batch: Batch, share: float | None) -> Tensor:
        loss = self._own_loss(batch) if self.own_step else self._loss(batch)
        self.descent.back(loss, share)
        return loss.detach()

    def _loss(self, batch: Batch) -> Tensor:
        X, y, weight = batch
        outputs = self.learn(X)
        outputs = outputs.reshape(len(y), -1) if outputs.ndim == 1 else outputs
        return weighted_mean(self.loss(outputs, y), weight)

    def _own_loss(self, batch: Batch) -> Tensor:
        loss = self.training_step(batch if batch[2] is not None else batch[:2])
        if not isinstance(loss, Tensor) or loss.numel() != 1:
            raise DataTypeError(
                f"training_step of {type(self.module).__name__}",
                found=f"it returned a {type(loss).__name__}",
                rule="it returns the loss of the batch, a tensor of one number",
            )
        return loss.reshape(())

    def loss_and_gradient(self, weights: Weights) -> tuple[float, dict[str, FloatArray]]:
        raise CapabilityError("an exact solution of a native module", fix="train it by epochs")

    def result(self) -> nn.Module:
        """Return the module itself; with an average of weights, a copy that has those."""
        if not self.trains or self.descent.average is None:
            return self.module.eval()
        with self.shown():
            return copied(self.module).eval()

    def state(self) -> dict[str, npt.NDArray[Any]]:
        tensors = {f"weights/{k}": v for k, v in room.read_state(self.module).items()}
        if not self.trains:
            return tensors
        if self.descent.average is not None:
            with self.shown():
                shown = room.read_state(self.module)
            tensors |= {f"average/{name}": value for name, value in shown.items()}
        return tensors | self.descent.state()

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        tensors = under("weights/", state)
        if self.trains:
            room.write_state(self.module, tensors | under("average/", state))
            self.descent.average_here()
            self.descent.restore(state)
        room.write_state(self.module, tensors)


def _free(module: nn.Module) -> list[nn.Parameter]:
    """Return the parameters to train."""
    free = [p for p in module.parameters() if p.requires_grad]
    if not free:
        raise CapabilityError(
            f"training {type(module).__name__}",
            found="it has no parameters that require a gradient",
            fix="set requires_grad=True on those to learn",
        )
    if any(p.is_complex() for p in free):
        raise CapabilityError(
            f"training {type(module).__name__}",
            found="it has complex parameters",
            fix="keep their real and imaginary parts as two parameters",
        )
    return free


def _refuse_with_own_step(module: nn.Module, plan: Plan) -> None:
    """Raise for what a module's own step would pass over."""
    settings = plan.settings
    asked = [name for name in ("l1", "l2") if getattr(settings, name)]
    asked += [n for n in ("loss", "label_smoothing") if n in settings.explicit]
    if asked:
        raise CapabilityError(
            f"{' and '.join(asked)} for {type(module).__name__}, which has a training_step",
            rule="a training_step computes its whole objective",
            fix="let the loss that training_step returns hold it",
        )


def _only_dense(module: nn.Module) -> bool:
    """Say whether a row takes about as many multiplications as there are parameters."""
    own = (m for m in module.modules() if any(True for _ in m.parameters(recurse=False)))
    return all(isinstance(m, _DENSE) for m in own)


def _frozen(norm: nn.Module) -> bool:
    own = list(norm.parameters(recurse=False))
    return bool(own) and not any(parameter.requires_grad for parameter in own)


_DENSE = (nn.Linear, nn.BatchNorm1d, nn.LayerNorm)

"""The light face of the torch backend: what it can do, and who does it."""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy.typing as npt

from unifml.core.adapter import Program, Stack, Weights
from unifml.core.capabilities import TECHNIQUES, Capabilities, NativeTraits
from unifml.core.plan import Plan
from unifml.core.table import Table
from unifml.layers import ACTIVATIONS, PRIMITIVES
from unifml.training import LOSSES, OPTIMIZERS


class TorchAdapter:
    """PyTorch: networks of ours, and any ``torch.nn.Module``."""

    name = "torch"
    capabilities = Capabilities(
        packages=("torch",),
        extra="torch",
        natives="torch.nn.Module: instance, class or factory",
        layers=PRIMITIVES,
        activations=frozenset(ACTIVATIONS),
        losses=frozenset(name for names in LOSSES.values() for name in names),
        optimizers=frozenset(OPTIMIZERS),
        penalties=frozenset({"l1", "l2", "weight_decay"}),
        epochs=True,
        exact=True,
        partial_fit=True,
        multilabel=True,
        techniques=TECHNIQUES - {"native_callbacks"},  # torch has none
        stacks=True,
        precisions=frozenset({"float32", "float64", "bf16", "fp16", "tf32"}),
        devices=frozenset({"cpu", "cuda", "mps"}),
        callables=True,
        onnx=True,
    )

    def owns(self, obj: object) -> bool:
        torch = sys.modules.get("torch")
        if torch is None or not hasattr(torch, "nn"):
            return False
        if isinstance(obj, type):
            return issubclass(obj, torch.nn.Module)
        return isinstance(obj, torch.nn.Module)

    def devices(self) -> tuple[str, ...]:
        import torch

        cards = tuple(f"cuda:{i}" for i in range(torch.cuda.device_count()))
        metal = ("mps",) if torch.backends.mps.is_available() else ()
        return (*cards, *metal, "cpu")

    def traits(self, native: Any) -> NativeTraits:
        from unifml.adapters.torch import natives

        return natives.traits(native)

    def seeded(self, seed: int) -> AbstractContextManager[None]:
        from unifml.adapters._torch_engine.rng import seeded

        return seeded(seed)

    def build(self, plan: Plan, weights: Weights | None = None) -> Any:
        from unifml.adapters.torch import layers, natives

        if plan.network is None or weights is None:
            return natives.build(plan)
        return layers.native(plan.graph, weights, plan.signature.dtype)

    def program(self, model: Any, plan: Plan, data: Table | None = None) -> Program:
        from unifml.adapters._torch_engine.dense.program import DenseProgram, can_run
        from unifml.adapters.torch.natives import NativeProgram
        from unifml.adapters.torch.program import NetworkProgram

        if plan.network is None:
            return NativeProgram(model, plan, data)
        kind = DenseProgram if can_run(plan) else NetworkProgram
        return kind(model, plan, data)

    def stack(
        self, weights: Sequence[Weights], plans: Sequence[Plan], tables: Sequence[Table]
    ) -> Stack | None:
        from unifml.adapters._torch_engine.dense.stack import DenseStack, stacks

        made: Any = DenseStack(weights, plans, tables) if stacks(plans, tables) else None
        return made  # type: ignore[no-any-return]

    def release(self) -> None:
        """Hand memory of devices that is free, and kept for later, back to them."""
        gc.collect()
        torch: Any = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_initialized():
            torch.cuda.empty_cache()
        if torch is not None and torch.backends.mps.is_available():
            torch.mps.empty_cache()

    def one_thread(self, fresh: bool) -> AbstractContextManager[None]:
        """Compute on one thread inside a block."""
        from unifml.adapters._torch_engine.threads import threads_for

        return threads_for(0)

    def callback(self, native: object) -> None:
        """Return None: torch has no callbacks of its own."""

    def get_weights(self, model: Any, plan: Plan) -> dict[str, npt.NDArray[Any]]:
        from unifml.adapters.torch import weights

        if plan.network is None:
            return weights.read_state(model)
        return weights.read(model, plan.graph)

    def set_weights(self, model: Any, plan: Plan, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        from unifml.adapters.torch import weights as room

        if plan.network is None:
            room.write_state(model, weights)
        else:
            room.write(model, plan.graph, weights)

    def dump(self, model: Any, plan: Plan) -> Any:
        from unifml.adapters.torch import natives

        return natives.copied(model).to("cpu")

    def load(self, dumped: Any, plan: Plan) -> Any:
        return dumped

    def to_onnx(self, model: Any, plan: Plan, opset: int) -> Any:
        from unifml.adapters.torch import onnx

        return onnx.export(model, plan, opset)

    def translate(self, plan: Plan) -> str:
        from unifml.adapters.torch.translate import translate

        return translate(plan)

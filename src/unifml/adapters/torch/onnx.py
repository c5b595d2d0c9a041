"""Native modules of the user to ONNX, by torch's own exporters."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from torch import nn

from unifml.adapters._torch_engine.onnx import (
    FIX,
    Called,
    checker,
    first_of,
    in_float32,
    roads,
)
from unifml.adapters._torch_engine.onnx_check import Draw
from unifml.adapters.torch.natives import copied, float_dtype
from unifml.core.exported import Port, Road, first_right, ports_of, takes_names
from unifml.core.inputs import is_lengths
from unifml.core.plan import Plan


def export(module: nn.Module, plan: Plan, opset: int) -> Any:
    """Return an ``onnx.ModelProto`` from the module's inputs to ``outputs`` (batch, width).

    It computes in the module's own dtype, or in float32 where onnxruntime has no kernels for that.

    Raises
    ------
    ExportError
        No exporter takes the module.
    """
    own = str(float_dtype(module)).removeprefix("torch.")
    ports = ports_of(plan.signature, lambda name: "int64" if is_lengths(name) else own)
    try:
        module.to("cpu").eval()
        return _exported(module, ports, plan, opset, own)
    finally:
        module.to(plan.device)


def _exported(module: nn.Module, ports: Sequence[Port], plan: Plan, opset: int, own: str) -> Any:
    whole = own in ("float32", "float64")
    twin = module if own == "float32" else copied(module).float()
    single = _called(twin, in_float32(ports), plan)
    trusted = _called(module, ports, plan) if whole else single
    draw = Draw(module, trusted.ports, trusted.predict)
    found = roads(trusted, draw, opset) if whole else []
    if own != "float32":
        found = _by_turns(found, roads(single, draw, opset, f" in float32, not {own}"))
    what = f"exporting the module {type(module).__name__} to ONNX (opset {opset})"
    return first_right(found, checker(trusted, draw), asked=what, fix=FIX)


def _by_turns(exact: list[Road], single: list[Road]) -> list[Road]:
    """Return each road in the module's own dtype, then in float32."""
    both = zip_longest(exact, single)
    return [road for pair in both for road in pair if road is not None]


def _called(module: nn.Module, ports: Sequence[Port], plan: Plan) -> Called:
    def call(X: Any) -> Any:
        return first_of(module(**X) if isinstance(X, dict) else module(X))

    return Called(module, call, ports, takes_names(plan.signature))

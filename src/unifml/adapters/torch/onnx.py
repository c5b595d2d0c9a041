"""Native modules of the user to ONNX, by torch's own exporter."""

from __future__ import annotations

from typing import Any

import torch

from unifml.adapters._torch_engine import onnx
from unifml.adapters.torch.natives import float_dtype
from unifml.core.plan import Plan


def export(module: torch.nn.Module, plan: Plan, opset: int) -> Any:
    """Return an ``onnx.ModelProto`` from ``X`` (batch, ...) to ``outputs`` (batch, width)."""
    rows = torch.zeros((2, *plan.signature.input_shape), dtype=float_dtype(module))
    try:
        return onnx.export(module.to("cpu"), rows, opset)
    finally:
        module.to(plan.device)

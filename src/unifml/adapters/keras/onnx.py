"""Keras models of the user to ONNX, by the road that the engine has."""

from __future__ import annotations

from typing import Any

from unifml.adapters.keras import engine
from unifml.adapters.keras.natives import input_dtype
from unifml.core.exported import ports_of, takes_names
from unifml.core.plan import Plan


def export(model: Any, plan: Plan, opset: int) -> Any:
    """Return an ``onnx.ModelProto`` from the model's inputs to ``outputs`` (batch, width).

    Raises
    ------
    MissingDependencyError
        What converts such models is not installed.
    ExportError
        No road leads to a graph that runs; with the words of those that were tried.
    """
    signature = plan.signature
    ports = ports_of(signature, lambda name: input_dtype(model, signature.dtype, name))
    return engine.load().to_onnx(model, ports, takes_names(signature), opset)

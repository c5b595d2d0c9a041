"""Keras models of the user to ONNX, by the converter that the engine has."""

from __future__ import annotations

from typing import Any

from unifml.adapters.keras import engine
from unifml.adapters.keras.natives import input_dtype
from unifml.core.plan import Plan
from unifml.errors import ExportError, UnifmlError


def export(model: Any, plan: Plan, opset: int) -> Any:
    """Return an ``onnx.ModelProto`` from ``X`` (batch, ...) to ``outputs`` (batch, width).

    Raises
    ------
    CapabilityError
        The engine has none.
    ExportError
        With the converter's own words.
    """
    signature = (plan.signature.input_shape, input_dtype(model, plan.signature.dtype))
    try:
        proto = engine.load().to_onnx(model, *signature, opset)
    except UnifmlError:
        raise
    except Exception as error:
        raise ExportError(
            f"exporting the Keras model {model.name!r} to ONNX (opset {opset})",
            found=str(error).strip().partition("\n")[0],
        ) from error
    for dimensions in (value.type.tensor_type.shape.dim for value in _borders(proto)):
        dimensions[0].Clear()
        dimensions[0].dim_param = "batch"
    return proto


def _borders(proto: Any) -> list[Any]:
    return [*proto.graph.input, *proto.graph.output]

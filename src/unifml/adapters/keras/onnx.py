"""Keras models of the user to ONNX, through tf2onnx."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from unifml.adapters.keras import engine
from unifml.adapters.keras.natives import input_dtype
from unifml.core.plan import Plan
from unifml.errors import ExportError, UnifmlError


def export(model: Any, plan: Plan, opset: int) -> Any:
    """Return an ``onnx.ModelProto`` from ``X`` (batch, ...) to ``outputs`` (batch, width).

    Raises
    ------
    ExportError
        With the converter's own words.
    """
    signature = (plan.signature.input_shape, input_dtype(model, plan.signature.dtype))
    try:
        with _quiet():
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


@contextmanager
def _quiet() -> Iterator[None]:
    importlib.import_module("tf2onnx")  # it sets its logger's level when it is imported
    logger = logging.getLogger("tf2onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)

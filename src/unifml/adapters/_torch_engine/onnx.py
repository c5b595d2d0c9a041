"""Modules to ONNX, by torch's own exporter."""

from __future__ import annotations

import io
import logging
import warnings
from typing import Any

import torch


def export(module: torch.nn.Module, example: torch.Tensor, opset: int) -> Any:
    """Return an ``onnx.ModelProto`` from ``X`` (batch, ...) to ``outputs`` (batch, width).

    The tracing exporter is used: it takes plain modules fast, and what it cannot take is an error.

    Parameters
    ----------
    module : torch.nn.Module
        It is put into inference mode.
    example : Tensor
        Some rows, on the module's device.
    opset : int
        The version of the operators.
    """
    import onnx

    buffer = io.BytesIO()
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # Of the exporter's age, and of what it takes for a constant; the file is proven anyway.
            for category in (DeprecationWarning, FutureWarning, torch.jit.TracerWarning):
                warnings.simplefilter("ignore", category=category)
            torch.onnx.export(
                module.eval(),
                (example,),
                buffer,
                dynamo=False,
                opset_version=opset,
                input_names=["X"],
                output_names=["outputs"],
                dynamic_axes={"X": {0: "batch"}, "outputs": {0: "batch"}},
                verbose=False,
            )
    finally:
        logger.setLevel(level)
    return onnx.load_model_from_string(buffer.getvalue())

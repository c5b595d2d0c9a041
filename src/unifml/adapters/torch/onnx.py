"""Native modules of the user to ONNX, by torch's own exporter."""

from __future__ import annotations

import io
import logging
import warnings
from typing import Any

import numpy as np
import torch

from unifml.adapters.torch.natives import float_dtype
from unifml.core.plan import Plan


def export(module: torch.nn.Module, plan: Plan, opset: int) -> Any:
    """Return an ``onnx.ModelProto`` from ``X`` (batch, ...) to ``outputs`` (batch, width).

    The tracing exporter is used: it takes plain modules fast, and what it cannot take is an error.
    """
    import onnx

    rows = np.zeros((2, *plan.signature.input_shape))
    example = torch.tensor(rows, dtype=float_dtype(module))
    buffer = io.BytesIO()
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", category=DeprecationWarning)
            warnings.simplefilter("ignore", category=FutureWarning)
            torch.onnx.export(
                module.eval().to("cpu"),
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
        module.to(plan.device)
    return onnx.load_model_from_string(buffer.getvalue())

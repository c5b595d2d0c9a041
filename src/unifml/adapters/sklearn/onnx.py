"""Estimators of the user as ONNX models."""

from __future__ import annotations

from typing import Any

from sklearn.base import is_classifier

from unifml.core.exported import note_road
from unifml.core.plan import Plan


def to_onnx(model: Any, plan: Plan, opset: int) -> Any:
    """Convert a fitted estimator with skl2onnx; its errors are the user's to see.

    Returns
    -------
    onnx.ModelProto
        From ``X`` to the estimator's own outputs; probabilities are one array, not a map.
    """
    from skl2onnx import to_onnx as convert
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    kind = DoubleTensorType if plan.signature.dtype == "float64" else FloatTensorType
    options = {id(model): {"zipmap": False}} if is_classifier(model) else None
    rows = kind([None, *plan.signature.input_shape])
    opsets = {"": opset, "ai.onnx.ml": 3}  # what every converter of skl2onnx accepts
    proto = convert(model, initial_types=[("X", rows)], target_opset=opsets, options=options)
    return note_road(proto, "skl2onnx")

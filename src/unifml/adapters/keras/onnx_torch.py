"""Keras models that run on torch to ONNX: on TensorFlow if it is installed, else as modules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from unifml.adapters._torch_engine import onnx as exporters
from unifml.adapters._torch_engine.onnx_check import Draw
from unifml.adapters.keras import onnx_elsewhere
from unifml.adapters.keras.onnx_float32 import both
from unifml.core.exported import Port, first_right

_FIX = (
    "install tensorflow, define classes and functions of the model in a module that can be "
    "imported, and register them with keras.saving.register_keras_serializable"
)


def convert(model: Any, ports: Sequence[Port], named: bool, opset: int) -> Any:
    """Return an ``onnx.ModelProto`` of a model's inference, held against the model.

    Parameters
    ----------
    model : keras.Model
        It is called as it is in predictions.
    ports : sequence of Port
        The inputs.
    named : bool
        Whether the model gets them by name.
    opset : int
        The version of the operators.
    """

    def elsewhere() -> Any:
        return onnx_elsewhere.convert(model, ports, named, opset)

    with _on_cpu(model, ports):
        called = _called(model, ports, named)
        draw = Draw(called, ports, called.predict)
        roads = exporters.roads(called, draw, opset)
        if onnx_elsewhere.is_here():
            roads = [*both(onnx_elsewhere.ROAD, elsewhere, ports), *roads]
        what = f"exporting the Keras model {model.name!r} to ONNX (opset {opset})"
        return first_right(roads, exporters.checker(called, draw), asked=what, fix=_FIX)


@contextmanager
def _on_cpu(model: Any, ports: Sequence[Port]) -> Iterator[None]:
    """Have a model on the CPU in a block, where it computes as precisely as in predictions."""
    from unifml.adapters.keras.engine_torch import place

    before = next((weight.device for weight in model.parameters()), "cpu")
    dtype = "float64" if any(port.dtype == "float64" for port in ports) else "float32"
    try:
        with place("cpu", dtype):
            model.to("cpu")
            yield
    finally:
        model.to(before)


def _called(model: Any, ports: Sequence[Port], named: bool) -> exporters.Called:
    def call(X: Any) -> Any:
        return model(X, training=False)

    return exporters.Called(model, call, ports, named)

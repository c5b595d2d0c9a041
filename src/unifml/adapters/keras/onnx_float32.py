"""Graphs of float64 as graphs of float32: onnxruntime has no convolution or LSTM in float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from unifml.core.exported import Port, Road

_FLOAT, _DOUBLE = 1, 11  # onnx.TensorProto
_TYPES = ("to", "dtype", "output_dtype")
_QUIET = 4


def both(name: str, write: Callable[[], Any], ports: Sequence[Port]) -> list[Road]:
    """Return a road, and for a model of float64 the same road in float32 after it.

    Parameters
    ----------
    name : str
        What the road is called.
    write : callable
        Returns the ``onnx.ModelProto``; it is called once.
    ports : sequence of Port
        The inputs.
    """
    once = cache(write)
    found = [Road(name, once)]
    if any(port.dtype == "float64" for port in ports):
        found.append(Road(f"{name}, in float32, not float64", lambda: in_float32(once())))
    return found


def runs(ports: Sequence[Port]) -> Callable[[Any], str]:
    """Return a check that raises for a graph that onnxruntime cannot run."""

    def check(proto: Any) -> str:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = _QUIET
        session = onnxruntime.InferenceSession(
            proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        rows = {port.name: _zeros(port) for port in ports}
        session.run(None, {name: v.astype(kinds(proto)[name]) for name, v in rows.items()})
        return ""

    return check


def _zeros(port: Port) -> Any:
    whole = np.ones if not port.shape else np.zeros  # lengths are 1 at least
    return whole((2, *(2 if side < 0 else side for side in port.shape)))


def kinds(proto: Any) -> dict[str, Any]:
    """Return NumPy's types of a graph's inputs by name."""
    from onnx import helper

    return {
        value.name: helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        for value in proto.graph.input
    }


def in_float32(proto: Any) -> Any:
    """Return a copy of a graph that computes in float32 what it did in float64."""
    copy = type(proto).FromString(proto.SerializeToString())
    _graph(copy.graph)
    return copy


def _graph(graph: Any) -> None:
    for tensor in graph.initializer:
        _tensor(tensor)
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.type.tensor_type.elem_type == _DOUBLE:
            value.type.tensor_type.elem_type = _FLOAT
    for node in graph.node:
        for attribute in node.attribute:
            _attribute(attribute)


def _attribute(attribute: Any) -> None:
    if attribute.name in _TYPES and attribute.i == _DOUBLE:
        attribute.i = _FLOAT
    for tensor in (attribute.t, *attribute.tensors):
        _tensor(tensor)
    for inner in (attribute.g, *attribute.graphs):
        _graph(inner)


def _tensor(tensor: Any) -> None:
    from onnx import numpy_helper

    if tensor.data_type == _DOUBLE:
        values = numpy_helper.to_array(tensor).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))

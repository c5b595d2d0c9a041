"""Keras models that run on TensorFlow to ONNX, by tf2onnx."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from unifml.core.exported import OUTPUTS, Port, dressed

ROAD = "tf2onnx"
_LAST = 18  # opset of tf2onnx


def convert(model: Any, ports: Sequence[Port], named: bool, opset: int) -> Any:
    """Return an ``onnx.ModelProto`` of a model's inference.

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
    import tf2onnx
    from keras.src.export.tf2onnx_lib import patch_tf2onnx

    rows = tuple(_spec(i, port) for i, port in enumerate(ports))

    def outputs(*tensors: Any) -> Any:
        by_name = {port.name: each for port, each in zip(ports, tensors, strict=True)}
        found = model(by_name if named else tensors[0], training=False)
        return tf.identity(_one_column(found), name=OUTPUTS)

    function = tf.function(outputs, input_signature=rows)
    with _quiet():
        patch_tf2onnx()  # Keras's own mend of tf2onnx for NumPy 2
        proto, _ = tf2onnx.convert.from_function(
            function, rows, opset=min(opset, _LAST), custom_op_handlers={"Erfc": (_erfc, [])}
        )
    _hold_captured(proto, function.get_concrete_function())
    return _finished(_renamed(proto, ports), ports, opset)


def _hold_captured(proto: Any, traced: Any) -> None:
    """Keep tensors that layers hold, as an adapted Normalization does; they have become inputs."""
    from onnx import numpy_helper

    held = {inner.name: outer for outer, inner in traced.graph.captures}
    inputs = [type(value).FromString(value.SerializeToString()) for value in proto.graph.input]
    del proto.graph.input[:]
    proto.graph.input.extend(value for value in inputs if value.name not in held)
    read = _read(proto.graph)
    for name in (value.name for value in inputs if value.name in held):
        if name in read:
            proto.graph.initializer.append(numpy_helper.from_array(held[name].numpy(), name))


def _read(graph: Any) -> set[str]:
    """Return all names that nodes of a graph read."""
    found: set[str] = {value.name for value in graph.output}
    for node in graph.node:
        found.update(node.input)
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                found |= _read(inner)
    return found


def _spec(place: int, port: Port) -> Any:
    sides = (None if side < 0 else side for side in port.shape)
    return tf.TensorSpec((None, *sides), port.dtype, name=_inner(place))


def _inner(place: int) -> str:
    return f"unifml_input_{place}"


def _finished(proto: Any, ports: Sequence[Port], opset: int) -> Any:
    from onnx import version_converter

    if opset > _LAST:
        proto = version_converter.convert_version(proto, opset)
    return dressed(proto, ports)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the converter, which also writes by the root logger, and sets that up to print."""
    root, loggers = logging.getLogger(), [logging.getLogger(), logging.getLogger("tf2onnx")]
    levels, handlers = [logger.level for logger in loggers], root.handlers[:]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.handlers[:] = handlers
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _one_column(outputs: Any) -> Any:
    return tf.reshape(outputs, (-1, 1)) if outputs.shape.rank == 1 else outputs


def _erfc(context: Any, node: Any, name: str, args: Any) -> None:
    """Write Erfc, which ONNX has not, as 1 - Erf."""
    import numpy as np

    dtype = context.get_dtype(node.output[0])
    one = context.make_const(f"{name}_one", np.array(1, dtype=np.float32))
    erf = context.make_node("Erf", node.input, name=f"{name}_erf")
    cast = context.make_node("Cast", one.output, attr={"to": dtype}, name=f"{name}_cast")
    inputs, outputs = [cast.output[0], erf.output[0]], node.output
    context.remove_node(node.name)
    context.make_node("Sub", inputs, outputs=outputs, name=name)


def _renamed(proto: Any, ports: Sequence[Port]) -> Any:
    """Give inputs and output the names that are asked for, in sub-graphs too."""
    names = {proto.graph.output[0].name: OUTPUTS}
    names |= {f"{_inner(i)}{end}": p.name for i, p in enumerate(ports) for end in ("", ":0")}
    for value in (*proto.graph.input, *proto.graph.output):
        value.name = names[value.name]
    _rename_nodes(proto.graph, names)
    return proto


def _rename_nodes(graph: Any, names: dict[str, str]) -> None:
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                _rename_nodes(inner, names)

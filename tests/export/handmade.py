"""Files made by hand with onnx alone: the runtime's oracle is what is written here."""

from __future__ import annotations

from typing import Any

import numpy as np

from unifml.runtime.schema import SCHEMA, Input, Schema

TYPES = {"float": 1, "double": 11, "int64": 7, "bool": 9, "string": 8, "lengths": 7}


def node(op: str, ins: list[str], outs: list[str], domain: str = "", **attributes: Any) -> Any:
    from onnx import helper

    return helper.make_node(op, ins, outs, domain=domain, **attributes)


def constant(name: str, values: Any) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(np.asarray(values), name)


def model(nodes: list[Any], schema: Schema, ends: dict[str, tuple[int, list[Any]]], held=()) -> Any:
    """Return an ``onnx.ModelProto`` with the inputs of a schema and outputs {name: (type, row)}."""
    from onnx import helper

    info = helper.make_tensor_value_info
    ins = [info(i.name, TYPES[i.kind], ["n", *i.row]) for i in schema.inputs]
    outs = [info(name, kind, ["n", *row]) for name, (kind, row) in ends.items()]
    graph = helper.make_graph(nodes, "g", ins, outs, list(held))
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    proto = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    describe(proto, schema.to_json())
    return proto


def describe(proto: Any, text: str) -> None:
    """Set the description of inputs and classes."""
    del proto.metadata_props[:]
    entry = proto.metadata_props.add()
    entry.key, entry.value = SCHEMA, text


def linear(classes: list[Any], dtype: str, k: int = 4, **fields: Any) -> tuple[Any, Any]:
    """Return a linear classifier as a file, and its weights (k, classes)."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(k, len(classes))).astype(np.float32)
    text = all(isinstance(label, str) for label in classes)
    values = np.array(classes, dtype=object if text else np.int64)
    nodes = [
        node("MatMul", ["X", "W"], ["z"]),
        node("Softmax", ["z"], ["probabilities"], axis=1),
        node("ArgMax", ["z"], ["code"], axis=1, keepdims=0),
        node("Gather", ["classes", "code"], ["label"], axis=0),
    ]
    schema = Schema(
        "classification",
        (Input("X", "float", (k,)),),
        ("label", "probabilities"),
        classes=classes,
        classes_dtype=dtype,
        **fields,
    )
    ends = {"label": (8 if text else 7, []), "probabilities": (1, [len(classes)])}
    held = [constant("W", weights), constant("classes", values)]
    return model(nodes, schema, ends, held), weights


def softmax(z: Any) -> Any:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)

"""Graphs broken on purpose: what a wrong converter might have written."""

from __future__ import annotations

import numpy as np
from onnx import helper, numpy_helper, shape_inference

from unifml.export import made


def tamper(monkeypatch, change):
    """Let a function change the graph between the conversion and the proof."""
    honest = made.write_model

    def dishonest(*args, **params):
        proto, writer, ends = honest(*args, **params)
        change(proto, writer)
        return proto, writer, ends

    monkeypatch.setattr(made, "write_model", dishonest)


def constant(part, change):
    """Return what changes the constant whose name ends so."""

    def apply(proto, writer):
        (tensor,) = [t for t in proto.graph.initializer if t.name.endswith(part)]
        values = change(numpy_helper.to_array(tensor).copy())
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))

    return apply


def node(part, change):
    """Return what changes the node whose name ends so."""

    def apply(proto, writer):
        (found,) = [n for n in proto.graph.node if n.name.endswith(part)]
        change(found)

    return apply


def behind(step, *nodes):
    """Return what puts nodes behind the columns that a step gives, or a model's probabilities.

    Each is (operator, inputs, attributes); an input is None for what flows through, a list for
    whole numbers, or what becomes an array of the same type as what flows through.
    """

    def apply(proto, writer):
        graph, name = proto.graph, _given(writer, step)
        number = _number(proto, name)
        at, found = next((i, n) for i, n in enumerate(graph.node) if name in n.output)
        flow = f"{name}.honest"
        found.output[:] = [flow if output == name else output for output in found.output]
        for count, (kind, inputs, attributes) in enumerate(nodes):
            names = [flow if value is None else f"b{count}_{i}" for i, value in enumerate(inputs)]
            for own, value in zip(names, inputs, strict=True):
                if value is not None:
                    typed = np.asarray(value, None if isinstance(value, list) else number)
                    graph.initializer.append(numpy_helper.from_array(typed, own))
            flow = name if count == len(nodes) - 1 else f"b{count}"
            made = helper.make_node(kind, names, [flow], name=f"broken_{count}", **attributes)
            graph.node.insert(at + 1 + count, made)

    return apply


def _number(proto, name):
    """Return the type of a tensor of numbers."""
    inferred = shape_inference.infer_shapes(proto).graph
    (element,) = {v.type.tensor_type.elem_type for v in inferred.value_info if v.name == name}
    return helper.tensor_dtype_to_np_dtype(element)


def _given(writer, step):
    stage = next(s for s in writer.stages if (s.path or ("",))[-1] == step)
    answers = stage.answers
    if answers.transformed is not None:
        return answers.transformed.blocks[0].name
    return answers.probabilities or answers.prediction.name


def added(index, by):
    """Return a function that adds to one value of an array."""

    def change(values):
        values[index] += by
        return values

    return change


def swapped(values):
    """Exchange the first two values, or rows."""
    values[[0, 1]] = values[[1, 0]]
    return values

"""Graphs without what does nothing: the same numbers, fewer nodes, no constant twice."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from unifml.export.graph import needed_nodes, reads, renamed

_ELEMENT_KEPT = frozenset(
    {
        *("Abs", "Add", "Clip", "Concat", "Div", "Flatten", "Gather", "Gemm", "Identity", "MatMul"),
        *("Mul", "Neg", "Relu", "Reshape", "Sigmoid", "Slice", "Softmax", "Sqrt", "Squeeze"),
        *("Sub", "Tanh", "Transpose", "Unsqueeze"),
    }
)
"""Operators whose result is of the type of their first input."""


def tidy(proto: Any, keep: Collection[str] = ()) -> Any:
    """Leave out, in place, what computes nothing: inputs, outputs and all numbers stay.

    These go: ``Identity``, a ``Cast`` to the type that is there already, ``Concat`` of one, a
    constant that another one equals, and what no output is computed from. Subgraphs stay as they
    are, apart from names.

    Parameters
    ----------
    proto : onnx.ModelProto
        The model.
    keep : collection of str
        Tensors that stay, whatever makes them.

    Returns
    -------
    onnx.ModelProto
        The same model.
    """
    _share(proto.graph)
    _drop_idle(proto.graph, keep)
    _prune(proto.graph)
    return proto


def _share(graph: Any) -> None:
    """Let equal constants be one."""
    from onnx import numpy_helper

    first: dict[tuple[Any, ...], str] = {}
    names: dict[str, str] = {}
    outputs = {output.name for output in graph.output}
    for tensor in graph.initializer:
        if tensor.name in outputs or tensor.data_location:
            continue
        if tensor.raw_data:
            content: Any = tensor.raw_data
        else:
            content = tuple(numpy_helper.to_array(tensor).ravel().tolist())
        key = (tensor.data_type, tuple(tensor.dims), content)
        names[tensor.name] = first.setdefault(key, tensor.name)
    _rename(graph, {name: kept for name, kept in names.items() if name != kept})


def _drop_idle(graph: Any, keep: Collection[str]) -> None:
    """Take out nodes that hand their input through; where one makes an output, its input does."""
    outputs = {output.name for output in graph.output}
    fixed = outputs | _read_within(graph) | {*keep}
    kinds = _kinds(graph)
    makers = {name: node for node in graph.node for name in node.output}
    uses = _uses(graph)
    names: dict[str, str] = {}
    kept = []
    for node in graph.node:
        renamed(node, names)
        kinds.setdefault(node.output[0], _kind(node, kinds))
        if not _idle(node, kinds) or node.output[0] in keep:
            kept.append(node)
            continue
        source, out = node.input[0], node.output[0]
        maker = makers.get(source)
        if out not in outputs:
            names[out] = source
        elif maker is not None and uses[source] == 1 and source not in fixed:
            maker.output[:] = [out if name == source else name for name in maker.output]
            makers[out] = maker
        else:
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)


def _idle(node: Any, kinds: dict[str, int]) -> bool:
    if node.domain not in ("", "ai.onnx"):
        return False
    if node.op_type == "Cast":
        to = next(a.i for a in node.attribute if a.name == "to")
        return bool(kinds.get(node.input[0]) == to)
    return node.op_type == "Identity" or (node.op_type == "Concat" and len(node.input) == 1)


def _kinds(graph: Any) -> dict[str, int]:
    """Return the element types that are known from the start."""
    kinds = {i.name: i.type.tensor_type.elem_type for i in graph.input}
    return kinds | {tensor.name: tensor.data_type for tensor in graph.initializer}


def _kind(node: Any, kinds: dict[str, int]) -> int:
    """Return the element type of what a node makes; 0 if that is not known."""
    if node.op_type == "Cast":
        return int(next(a.i for a in node.attribute if a.name == "to"))
    if node.domain in ("", "ai.onnx") and node.op_type in _ELEMENT_KEPT and node.input:
        return kinds.get(node.input[0], 0)
    return 0


def _uses(graph: Any) -> dict[str, int]:
    uses: dict[str, int] = {}
    for node in graph.node:
        for name in reads(node):
            uses[name] = uses.get(name, 0) + 1
    return uses


def _read_within(graph: Any) -> set[str]:
    """Return names that subgraphs read: they are not renamed by what makes them."""
    return {name for node in graph.node for name in {*reads(node)} - {*node.input}}


def _prune(graph: Any) -> None:
    outputs = {output.name for output in graph.output}
    nodes = needed_nodes(graph.node, outputs)
    wanted = outputs.union(name for node in nodes for name in reads(node))
    tensors = [tensor for tensor in graph.initializer if tensor.name in wanted]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(tensors)


def _rename(graph: Any, names: dict[str, str]) -> None:
    for node in graph.node:
        renamed(node, names)

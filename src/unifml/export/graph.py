"""Small pieces of ONNX graphs, written node by node."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

DOMAIN = "unifml.piece"
_FLOAT = 1  # onnx.TensorProto.FLOAT


class Graph:
    """A piece of a graph under construction.

    Parameters
    ----------
    prefix : str
        Begins the name of everything in it, so that pieces can stand side by side.
    inputs : tuple of str
        Names of its inputs.
    """

    def __init__(self, prefix: str = "", inputs: tuple[str, ...] = ("X",)) -> None:
        self.prefix, self.inputs = prefix, inputs
        self.outputs: list[str] = []
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self._names: set[str] = set(inputs)

    def unique(self, name: str) -> str:
        """Return a name that stands nowhere else in the piece."""
        full, count = f"{self.prefix}{name}", 0
        while full in self._names:
            count += 1
            full = f"{self.prefix}{name}_{count}"
        self._names.add(full)
        return full

    def constant(self, name: str, value: npt.ArrayLike, dtype: Any = np.float32) -> str:
        """Add an initialiser, and return its name."""
        from onnx import numpy_helper

        full = self.unique(name)
        array = np.ascontiguousarray(np.asarray(value).astype(dtype))
        self.initializers.append(numpy_helper.from_array(array, full))
        return full

    def op(
        self, kind: str, *inputs: str, name: str = "", output: str = "", **attributes: Any
    ) -> str:
        """Add a node of one output, and return the output's name."""
        from onnx import helper

        out = output or self.unique(name or kind.lower())
        self.nodes.append(helper.make_node(kind, list(inputs), [out], name=out, **attributes))
        return out

    def second_op(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """Add a node whose second output is wanted, and return that output's name."""
        from onnx import helper

        out = self.unique(name or kind.lower())
        node = helper.make_node(kind, list(inputs), ["", out], name=out, **attributes)
        self.nodes.append(node)
        return out

    def as_float(self, x: str) -> str:
        """Add a cast to float32."""
        return self.op("Cast", x, to=_FLOAT)

    def inline(self, model: Any, x: str, opset: int) -> str:
        """Add the graph of another model of one input and one output, and return its output."""
        from onnx import compose, helper, inliner, version_converter

        flat = inliner.inline_local_functions(model) if model.functions else model
        if any(entry.domain == "" and entry.version != opset for entry in flat.opset_import):
            flat = version_converter.convert_version(flat, opset)
        inner = compose.add_prefix(flat, self.unique("native") + "/")
        (source,) = (i for i in inner.graph.input if not _initialised(inner.graph, i.name))
        (result,) = inner.graph.output
        typed = self.op("Cast", x, to=source.type.tensor_type.elem_type)
        self.nodes.append(helper.make_node("Identity", [typed], [source.name], name=source.name))
        self.nodes.extend(inner.graph.node)
        self.initializers.extend(inner.graph.initializer)
        return self.as_float(result.name)

    def as_node(self, inputs: list[str], outputs: list[str], name: str) -> Any:
        """Return one node that carries the piece, for `expand` to replace."""
        from onnx import TensorProto, helper

        ends = [helper.make_tensor_value_info(n, TensorProto.UNDEFINED, None) for n in self.outputs]
        starts = [
            helper.make_tensor_value_info(n, TensorProto.UNDEFINED, None) for n in self.inputs
        ]
        body = helper.make_graph(self.nodes, name, starts, ends, self.initializers)
        content = body.SerializeToString()  # as bytes, so that nobody touches it on the way
        return helper.make_node("Piece", inputs, outputs, name=name, domain=DOMAIN, piece=content)


def expand(graph: Any) -> None:
    """Replace every node that carries a piece by the nodes of the piece, in place."""
    from onnx import GraphProto

    nodes: list[Any] = []
    for node in graph.node:
        if node.domain != DOMAIN:
            nodes.append(node)
            continue
        body = GraphProto.FromString(node.attribute[0].s)
        names = dict(zip((i.name for i in body.input), node.input, strict=True))
        names |= dict(zip((o.name for o in body.output), node.output, strict=True))
        nodes.extend(renamed(inner, names) for inner in body.node)
        graph.initializer.extend(body.initializer)
    del graph.node[:]
    graph.node.extend(nodes)


def renamed(node: Any, names: dict[str, str]) -> Any:
    """Change names of inputs and outputs of a node, and inside its sub-graphs; return the node."""
    node.input[:] = [names.get(name, name) for name in node.input]
    node.output[:] = [names.get(name, name) for name in node.output]
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                renamed(inner, names)
            for end in graph.output:
                end.name = names.get(end.name, end.name)
    return node


def _initialised(graph: Any, name: str) -> bool:
    return any(name == tensor.name for tensor in graph.initializer)

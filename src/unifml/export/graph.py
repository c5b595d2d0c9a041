"""Small pieces of ONNX graphs, written node by node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

_FLOAT, _STRING = 1, 8  # onnx.TensorProto


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

    def reserve(self, names: Iterable[str]) -> None:
        """Keep names for later: nothing is called so by itself."""
        self._names.update(names)

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

    def inline(
        self, model: Any, inputs: Mapping[str, str], opset: int | None, name: str = "part"
    ) -> list[str]:
        """Add the graph of another model.

        Parameters
        ----------
        model : onnx.ModelProto
            What to add.
        inputs : dict of str to str
            For each of its inputs, what it is called here; values are cast where types differ.
        opset : int or None
            Convert its operators to this version; None where they are of it already.
        name : str
            Begins the names of its nodes.

        Returns
        -------
        list of str
            What its outputs are called here.
        """
        from onnx import compose, helper, inliner, version_converter

        flat = inliner.inline_local_functions(model) if model.functions else model
        if opset is not None and any(
            entry.domain == "" and entry.version != opset for entry in flat.opset_import
        ):
            flat = version_converter.convert_version(flat, opset)
        prefix = f"{self.unique(name)}/"
        inner = compose.add_prefix(flat, prefix)
        for source in inner.graph.input:
            if _initialised(inner.graph, source.name):
                continue
            here = inputs[source.name.removeprefix(prefix)]
            element = source.type.tensor_type.elem_type
            typed = self.op("Cast", here, to=element) if element != _STRING else here
            self.nodes.append(
                helper.make_node("Identity", [typed], [source.name], name=source.name)
            )
        self.nodes.extend(inner.graph.node)
        self.initializers.extend(inner.graph.initializer)
        return [output.name for output in inner.graph.output]


def renamed(node: Any, names: Mapping[str, str]) -> Any:
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


def reads(node: Any) -> Iterator[str]:
    """Return the names that a node reads, in its sub-graphs too."""
    yield from node.input
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            yield from (output.name for output in graph.output)
            for inner in graph.node:
                yield from reads(inner)


def needed_nodes(nodes: Sequence[Any], outputs: Iterable[str]) -> list[Any]:
    """Return, in their order, the nodes that outputs are computed from."""
    wanted, kept = set(outputs), []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            kept.append(node)
            wanted.update(reads(node))
    return kept[::-1]


def pruned(graph: Graph, outputs: Iterable[str]) -> None:
    """Leave out, in place, what no output is computed from."""
    wanted = set(outputs)
    graph.nodes = needed_nodes(graph.nodes, wanted)
    wanted.update(name for node in graph.nodes for name in reads(node))
    graph.initializers = [tensor for tensor in graph.initializers if tensor.name in wanted]


def _initialised(graph: Any, name: str) -> bool:
    return any(name == tensor.name for tensor in graph.initializer)

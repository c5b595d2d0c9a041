"""The rows that reach a part of a graph, computed by the part before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from unifml.export.graph import Graph, pruned
from unifml.export.leaf import ML_OPSET
from unifml.export.shrink.simplify import opened
from unifml.export.values import ELEMENTS
from unifml.runtime.schema import Input

if TYPE_CHECKING:
    from unifml.export.writer import Writer

Arrays = dict[str, npt.NDArray[Any]]


def rows_reaching(
    writer: Writer, inputs: Iterable[Input], feed: Mapping[str, Any], names: Iterable[str]
) -> Arrays:
    """Run the graph as far as it is written, and return what tensors of it hold.

    Parameters
    ----------
    writer : Writer
        Holds the graph.
    inputs : iterable of Input
        Inputs of the file.
    feed : dict of str to array
        Rows, as the file takes them.
    names : iterable of str
        Tensors of the graph, or inputs of the file.

    Returns
    -------
    dict of str to array
        By name.
    """
    wanted = list(dict.fromkeys(names))
    computed = [name for name in wanted if name not in feed]
    found = {name: np.asarray(feed[name]) for name in wanted if name in feed}
    if computed:
        proto, read = _so_far(writer, inputs, computed)
        rows = {name: values for name, values in feed.items() if name in read}
        found |= zip(computed, opened(proto).run(computed, rows), strict=True)
    return found


def _so_far(writer: Writer, inputs: Iterable[Input], names: list[str]) -> tuple[Any, set[str]]:
    """Return the graph as far as it is written, and the inputs that it reads."""
    from onnx import helper

    part = Graph()
    part.nodes, part.initializers = list(writer.g.nodes), list(writer.g.initializers)
    pruned(part, names)
    read = {name for node in part.nodes for name in node.input}
    starts = [
        helper.make_tensor_value_info(i.name, ELEMENTS[i.kind], None)
        for i in inputs
        if i.name in read
    ]
    ends = [helper.make_empty_tensor_value_info(name) for name in names]
    body = helper.make_graph(part.nodes, "so_far", starts, ends, part.initializers)
    domains = {node.domain for node in part.nodes} | {""}
    versions = {"": writer.opset, "ai.onnx.ml": ML_OPSET}
    opsets = [helper.make_opsetid(domain, versions.get(domain, 1)) for domain in sorted(domains)]
    plain = [entry for entry in opsets if entry.domain in versions]
    version = helper.find_min_ir_version_for(plain)
    return helper.make_model(body, opset_imports=opsets, ir_version=version), read

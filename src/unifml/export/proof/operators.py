"""Operators that onnxruntime does not have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

_OWN = ("com.microsoft", "com.microsoft.nchwc", "com.ms.internal.nhwc", "ai.onnx.training")


def unknown_operator(content: bytes | Path) -> str:
    """Return what is said of the first operator that is none of ONNX; "" if there is none."""
    import onnx

    sealed = content.read_bytes() if isinstance(content, Path) else content
    proto = onnx.load_from_string(sealed)
    versions = {entry.domain: entry.version for entry in proto.opset_import}
    functions = {(f.domain, f.name) for f in proto.functions}
    for node in _nodes(proto.graph):
        known = onnx.defs.has(node.op_type, versions.get(node.domain, 1), node.domain)
        if not known and node.domain not in _OWN and (node.domain, node.op_type) not in functions:
            domain = node.domain or "ai.onnx"
            return (
                f"operator {node.op_type!r} of domain {domain!r} (node {node.name!r}), which "
                "onnxruntime does not know"
            )
    return ""


def _nodes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)

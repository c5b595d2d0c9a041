"""The nodes of a graph: in order, by name, in two halves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from unifml.export.graph import reads

FLOAT = 1  # onnx.TensorProto
LEARNED = frozenset({"MatMul", "Gemm", "Conv", "ConvTranspose", "LSTM", "GRU", "RNN"})
"""Operators with most of a network's weights; embeddings are a Gather of a table."""


def floats(proto: Any) -> dict[str, Any]:
    """Return the float32 initialisers by name."""
    return {t.name: t for t in proto.graph.initializer if t.data_type == FLOAT}


def named(proto: Any) -> Any:
    """Give every node a name of its own, in place; return the model."""
    seen: set[str] = set()
    for i, node in enumerate(proto.graph.node):
        if not node.name or node.name in seen:
            node.name = f"{node.op_type}_{i}"
        seen.add(node.name)
    return proto


def put_nodes(proto: Any, nodes: Iterable[Any]) -> None:
    """Let these be the nodes of a model, in place, each behind those that it reads."""
    kept = _sorted(list(nodes))
    del proto.graph.node[:]
    proto.graph.node.extend(kept)


def _sorted(nodes: list[Any]) -> list[Any]:
    maker = {name: i for i, node in enumerate(nodes) for name in node.output if name}
    state = [0] * len(nodes)  # 0: not seen, 1: what it reads comes first, 2: placed
    placed: list[Any] = []
    for start in range(len(nodes)):
        todo = [start]
        while todo:
            i = todo[-1]
            before = {maker[name] for name in reads(nodes[i]) if name in maker} - {i}
            waiting = [k for k in sorted(before, reverse=True) if not state[k]]
            if state[i] == 0 and waiting:
                state[i] = 1
                todo.extend(waiting)
                continue
            todo.pop()
            if state[i] != 2:
                state[i] = 2
                placed.append(nodes[i])
    return placed


def halves(proto: Any) -> tuple[list[Any], list[Any]]:
    """Cut a network before its first weights.

    What stands before them only prepares inputs: it standardises raw values, makes ids and masks.

    Returns
    -------
    preparing, learned : list of onnx.NodeProto
        The nodes, in order.
    """
    tables, behind = floats(proto), set[str]()
    preparing, learned = [], []
    for node in proto.graph.node:
        own = node.op_type in LEARNED or (node.op_type == "Gather" and node.input[0] in tables)
        if own or behind.intersection(reads(node)):
            behind.update(node.output)
            learned.append(node)
        else:
            preparing.append(node)
    return preparing, learned

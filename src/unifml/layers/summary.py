"""A network as a table to read."""

from __future__ import annotations

from unifml.layers.graph import Graph, Node


def table(graph: Graph) -> str:
    """Return a line a layer: name, layer, what it takes if not the line above, shape, weights."""
    rows, last = [], graph.feeds[0].name
    for node in graph.nodes:
        taken = [value.name for value in node.inputs]
        source = "" if taken == [last] else " <- " + ", ".join(taken)
        rows.append((node.name, node.layer.describe() + source, str(node.shape), _count(node)))
        last = node.name
    wide = [max((len(row[i]) for row in rows), default=0) for i in range(4)]
    lines = [
        f"{a:<{wide[0]}}  {b:<{wide[1]}}  {c:>{wide[2]}}  {d:>{wide[3] + 2}}" for a, b, c, d in rows
    ]
    specs = graph.weight_specs().values()
    total, trained = sum(s.size for s in specs), sum(s.size for s in specs if s.trainable)
    return "\n".join([*lines, f"{total} weights, {trained} of them trained"])


def _count(node: Node) -> str:
    return str(sum(spec.size for spec in node.weights))

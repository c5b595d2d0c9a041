"""Ask a written graph for all it says, scores too, without the layers around it."""

from __future__ import annotations

from typing import Any

import numpy as np

from unifml.export.graph import Graph, pruned
from unifml.export.leaf import ML_OPSET
from unifml.export.values import ELEMENTS, Answers, Block, Rows
from unifml.export.writer import Writer

OPSET = 18


def answered(model: Any, X: Any, *, kind: str | None = None) -> dict[str, Any]:
    """Write a model, run the graph on rows, and return what it says by name.

    Rows are an array of numbers, a list of texts, or a data frame of columns.
    """
    blocks, feed = _fed(X, kind)
    g = Graph("", tuple(block.name for block in blocks))
    writer = Writer(g, OPSET)
    names = _named(writer.write(model, Rows(blocks)))
    pruned(g, names.values())
    said = run(g, blocks, list(names.values()), feed)
    return {"roads": writer.roads, **dict(zip(names, said, strict=True))}


def run(g: Graph, blocks: tuple[Block, ...], names: list[str], feed: Any) -> list[Any]:
    """Run a graph with onnxruntime."""
    import onnxruntime
    from onnx import helper

    def tensor(block: Block) -> Any:
        return helper.make_tensor_value_info(block.name, ELEMENTS[block.kind], ["n", *block.row])

    ends = [helper.make_empty_tensor_value_info(name) for name in names]
    body = helper.make_graph(g.nodes, "g", [tensor(b) for b in blocks], ends, g.initializers)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    proto = helper.make_model(body, opset_imports=opsets, ir_version=9)
    quiet = onnxruntime.SessionOptions()
    quiet.log_severity_level = 3
    quiet.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), quiet, providers=["CPUExecutionProvider"]
    )
    return list(session.run(names, feed))


def _fed(X: Any, kind: str | None) -> tuple[tuple[Block, ...], dict[str, Any]]:
    if hasattr(X, "columns"):
        blocks = tuple(_column(X[name], str(name)) for name in X.columns)
        return blocks, {
            str(name): np.asarray(X[name]).astype(b.dtype if b.kind != "string" else object)[
                :, None
            ]
            for name, b in zip(X.columns, blocks, strict=True)
        }
    if isinstance(X, list):
        return (Block("X", "string", ()),), {"X": np.array(X, dtype=object)}
    block = Block("X", kind or "double", X.shape[1:])
    return (block,), {"X": np.asarray(X).astype(block.dtype)}


def _column(values: Any, name: str) -> Block:
    kinds = {"f": "double", "i": "int64", "b": "bool"}
    return Block(name, kinds.get(np.asarray(values).dtype.kind, "string"), (1,))


def _named(answers: Answers) -> dict[str, str]:
    found = {
        "label": answers.label,
        "probabilities": answers.probabilities,
        "scores": answers.scores,
        "prediction": answers.prediction.name if answers.prediction else None,
    }
    if answers.transformed is not None:
        for i, block in enumerate(answers.transformed.blocks):
            found[f"transformed_{i}" if i else "transformed"] = block.name
    for i, output in enumerate(answers.outputs):
        found[f"probabilities_{i}"] = output.probabilities
        found[f"label_{i}"] = output.label
        found[f"scores_{i}"] = output.scores
    return {name: tensor for name, tensor in found.items() if tensor is not None}

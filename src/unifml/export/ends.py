"""A fitted model -> one ONNX file's content: inputs and outputs with the names that users see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from unifml.errors import ExportError
from unifml.export.graph import Graph, pruned
from unifml.export.leaf import ML_OPSET
from unifml.export.proof.parts import tensors_of
from unifml.export.tidy import tidy
from unifml.export.values import ELEMENTS, Answers, Block, Rows
from unifml.export.writer import Shrink, Writer
from unifml.runtime.schema import (
    LABEL,
    OUTPUTS,
    PREDICTION,
    PROBABILITIES,
    SCORES,
    TRANSFORMED,
    Input,
    Kind,
    Task,
)


@dataclass(frozen=True)
class End:
    """One output of the file.

    Attributes
    ----------
    name : str
        What users see.
    kind : Kind
        What it holds.
    width : int or None
        Columns; None for a tensor (n,).
    """

    name: str
    kind: Kind
    width: int | None


def write_model(
    model: Any,
    task: Task,
    inputs: tuple[Input, ...],
    opset: int,
    *,
    columns: int,
    shrink: Shrink | None = None,
) -> tuple[Any, Writer, tuple[End, ...]]:
    """Write a model as a graph.

    Parameters
    ----------
    model : estimator
        Fitted; what really predicts.
    task : str
        What it answers.
    inputs : tuple of Input
        Inputs of the file.
    opset : int
        Version of ONNX's operators.
    columns : int
        Columns of the native prediction; 0 if it has one dimension.
    shrink : callable or None
        Makes networks smaller.

    Returns
    -------
    onnx.ModelProto
        The graph, without metadata.
    Writer
        Knows who wrote what, and where each stage's values are.
    tuple of End
        The outputs.

    Raises
    ------
    ExportError
        For what has no converter.
    """
    g = Graph("", tuple(spec.name for spec in inputs))
    g.reserve({*OUTPUTS, *_shares(model)})
    writer = Writer(g, opset, shrink)
    answers = writer.write(model, _rows(inputs))
    ends = _ENDS[task](g, answers, columns)
    pruned(g, [end.name for end in ends])
    parts = {name for stage in writer.stages for name in tensors_of(stage)}
    return tidy(_model(g, inputs, ends, opset), parts), writer, ends


def _rows(inputs: tuple[Input, ...]) -> Rows:
    """Return the inputs as what goes into a model; a table's columns have no keys."""
    table = all(len(spec.row) == 1 and not spec.ragged and not spec.key for spec in inputs)
    return Rows(tuple(Block(i.name, i.kind, i.row, "" if table else i.source) for i in inputs))


def _classification(g: Graph, answers: Answers, columns: int) -> tuple[End, ...]:
    if answers.label is None:
        raise ExportError("a classifier's labels", found="none were written")
    if answers.outputs:
        return _several(g, answers)
    ends = [_end(g, answers.label, LABEL, _label_kind(answers), columns or None)]
    if answers.probabilities is not None:
        width = columns or len(answers.classes if answers.classes is not None else ())
        ends.append(_end(g, answers.probabilities, PROBABILITIES, "float", width))
    return tuple(ends)


def _shares(model: Any) -> list[str]:
    """Return the names of probabilities, where a model has several outputs."""
    classes = getattr(model, "classes_", None)
    count = len(classes) if isinstance(classes, list) else 0
    return [f"{PROBABILITIES}_{i}" for i in range(count)]


def _several(g: Graph, answers: Answers) -> tuple[End, ...]:
    assert answers.label is not None
    each = answers.outputs
    ends = [_end(g, answers.label, LABEL, _label_kind(each[0]), len(each))]
    for i, output in enumerate(each):
        if output.probabilities is not None and output.classes is not None:
            name, width = f"{PROBABILITIES}_{i}", len(output.classes)
            ends.append(_end(g, output.probabilities, name, "float", width))
    return tuple(ends)


def _regression(g: Graph, answers: Answers, columns: int) -> tuple[End, ...]:
    if answers.prediction is None:
        raise ExportError("a regressor's prediction", found="none was written")
    shape = g.constant("row", [-1, columns] if columns else [-1], np.int64)
    values = answers.prediction.cast(g, "float").name
    g.op("Reshape", values, shape, output=PREDICTION)
    return (End(PREDICTION, "float", columns or None),)


def _transformation(g: Graph, answers: Answers, columns: int) -> tuple[End, ...]:
    if answers.transformed is None:
        raise ExportError("a transformer's columns", found="none were written")
    blocks = answers.transformed.blocks
    if any(block.kind == "string" for block in blocks):
        block = _text(g, answers.transformed)
    else:
        block = answers.transformed.joined(g, _common(blocks))
    g.op("Identity", block.name, output=TRANSFORMED)
    return (End(TRANSFORMED, block.kind, block.width),)


def _clustering(g: Graph, answers: Answers, columns: int) -> tuple[End, ...]:
    if answers.label is None:
        raise ExportError("a clusterer's labels", found="none were written")
    ends = [_end(g, answers.label, LABEL, "int64", None)]
    if answers.probabilities is not None:
        ends.append(_end(g, answers.probabilities, PROBABILITIES, "float", columns or None))
    if answers.transformed is not None:
        ends.extend(_transformation(g, answers, columns))
    return tuple(ends)


def _outliers(g: Graph, answers: Answers, columns: int) -> tuple[End, ...]:
    if answers.label is None or answers.scores is None:
        raise ExportError("an outlier detector's labels and scores", found="not both were written")
    return (
        _end(g, answers.label, LABEL, "int64", None),
        _end(g, answers.scores, SCORES, "float", None),
    )


_ENDS: dict[Task, Any] = {
    "classification": _classification,
    "regression": _regression,
    "transformation": _transformation,
    "clustering": _clustering,
    "outliers": _outliers,
}


def _end(g: Graph, inner: str, name: str, kind: Kind, width: int | None) -> End:
    """Give a tensor the name of an output; numbers are cast, whatever computed them."""
    if kind == "string":
        g.op("Identity", inner, output=name)
    else:
        g.op("Cast", inner, output=name, to=ELEMENTS[kind])
    return End(name, kind, width)


def _label_kind(answers: Answers) -> Kind:
    text = answers.classes is not None and all(isinstance(v, str) for v in answers.classes.tolist())
    return "string" if text else "int64"


def _common(blocks: tuple[Block, ...]) -> Kind:
    """Return the kind that holds all values: that of all blocks, else float64."""
    kinds = {block.kind for block in blocks}
    return kinds.pop() if len(kinds) == 1 else "double"


def _text(g: Graph, rows: Rows) -> Block:
    if any(block.kind != "string" for block in rows.blocks):
        raise ExportError(
            "a transformer that gives columns of text beside columns of numbers",
            rule="one tensor holds text or numbers",
            fix="encode the text: OneHotEncoder, OrdinalEncoder, TargetEncoder",
        )
    names = [block.name for block in rows.blocks]
    name = names[0] if len(names) == 1 else g.op("Concat", *names, axis=1, name="columns")
    return Block(name, "string", (rows.width,))


def _model(g: Graph, inputs: tuple[Input, ...], ends: tuple[End, ...], opset: int) -> Any:
    from onnx import helper

    starts = [
        helper.make_tensor_value_info(i.name, ELEMENTS[i.kind], ["n", *_free(i)]) for i in inputs
    ]
    stops = [
        helper.make_tensor_value_info(
            end.name, ELEMENTS[end.kind], ["n"] if end.width is None else ["n", end.width]
        )
        for end in ends
    ]
    body = helper.make_graph(g.nodes, "unifml", starts, stops, g.initializers)
    used = {node.domain for node in g.nodes}
    versions = dict.fromkeys(used, 1) | {"": opset}
    versions |= {"ai.onnx.ml": ML_OPSET} if "ai.onnx.ml" in used else {}
    opsets = [helper.make_opsetid(domain, number) for domain, number in sorted(versions.items())]
    plain = [entry for entry in opsets if entry.domain in ("", "ai.onnx.ml")]
    proto = helper.make_model(
        body, opset_imports=opsets, ir_version=helper.find_min_ir_version_for(plain)
    )
    proto.producer_name, proto.doc_string = "unifml", ""
    return proto


def _free(spec: Input) -> list[Any]:
    """Return a row's sides: that of steps is free, like the number of rows."""
    return [f"{spec.name}_steps" if side < 0 else side for side in spec.row]

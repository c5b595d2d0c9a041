"""A fitted estimator or pipeline -> one ONNX graph with the names that users see."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sklearn.compose import ColumnTransformer

from unifml.errors import ExportError, UnifmlError
from unifml.estimators import Classifier, Regressor
from unifml.export import mends
from unifml.export.converters import register
from unifml.export.graph import DOMAIN, Graph, expand, renamed
from unifml.export.pieces import roads
from unifml.runtime.schema import PREDICTION, Schema

ML_OPSET = 3
_DOUBLE = 11  # onnx.TensorProto.DOUBLE
Road = tuple[str, str]


def to_model(model: Any, schema: Schema, opset: int, *, columns: int) -> tuple[Any, list[Road]]:
    """Convert a model.

    Parameters
    ----------
    model : estimator
        Fitted; what really predicts.
    schema : Schema
        Inputs and outputs.
    opset : int
        Version of ONNX's operators.
    columns : int
        Columns of the native prediction; 0 if it has one dimension.

    Returns
    -------
    onnx.ModelProto
        With the inputs and outputs of the schema.
    list of (part, exporter)
        Who wrote what.

    Raises
    ------
    ExportError
        For what has no converter.
    """
    register()
    joined = schema.by_column and not _needs_columns(model, schema)
    token = roads.set([])
    try:
        with _quiet():
            proto = _convert(model, schema, opset, joined)
        taken = _taken_roads(model, proto)
    finally:
        roads.reset(token)
    expand(proto.graph)
    _name_ends(proto.graph, schema, joined)
    if schema.outputs == (PREDICTION,):
        _shape_prediction(proto.graph, columns)
    describe_ends(proto.graph, schema, flat=columns == 0)
    stamp(proto, opset)
    return proto, taken


def _convert(model: Any, schema: Schema, opset: int, joined: bool) -> Any:
    from skl2onnx import convert_sklearn

    try:
        return convert_sklearn(
            mends.narrowed(model) if _wide(schema) else model,
            name="unifml",
            initial_types=_types(schema, joined),
            target_opset={"": opset, "ai.onnx.ml": ML_OPSET},
            options=mends.options(model),
            custom_parsers=mends.parsers(),
            custom_conversion_functions=mends.converters(),
        )
    except UnifmlError:
        raise
    except Exception as error:
        raise ExportError(
            f"exporting {type(model).__name__} to ONNX",
            found=f"{type(error).__name__}: {_first_line(error)}",
            rule="every part needs a converter of unifml or skl2onnx",
        ) from error


def _types(schema: Schema, joined: bool) -> list[tuple[str, Any]]:
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType

    kinds = {"float": FloatTensorType, "double": DoubleTensorType, "string": StringTensorType}
    if joined:
        kind = "double" if _wide(schema) else "float"
        return [("X", kinds[kind]([None, schema.n_features]))]
    return [(i.name, kinds[i.kind]([None, *i.row])) for i in schema.inputs]


def _needs_columns(model: Any, schema: Schema) -> bool:
    """Say whether columns must stay apart: text among them, or somebody who picks columns."""
    if any(i.kind == "string" for i in schema.inputs):
        return True
    inner = model.get_params(deep=True).values() if hasattr(model, "get_params") else ()
    return any(isinstance(part, ColumnTransformer) for part in (model, *inner))


def _taken_roads(model: Any, proto: Any) -> list[Road]:
    taken = list(dict.fromkeys(roads.get()))
    if not isinstance(model, Classifier | Regressor) or any(
        n.domain != DOMAIN for n in proto.graph.node
    ):
        taken.append((type(model).__name__, "skl2onnx"))
    return taken


def _name_ends(graph: Any, schema: Schema, joined: bool) -> None:
    """Give inputs and outputs the names of the schema, whatever else has them."""
    names = {o.name: new for o, new in zip(graph.output, schema.outputs, strict=False)}
    starts = Graph("columns/", tuple(i.name for i in schema.inputs))
    if joined:
        names[graph.input[0].name] = _joined(starts, schema)
    else:
        names |= {i.name: spec.name for i, spec in zip(graph.input, schema.inputs, strict=True)}
    ends = {*names.values(), *starts.inputs}
    for other in _all_names(graph):
        if other not in names and other in ends:
            names[other] = f"inner/{other}"
    for node in graph.node:
        renamed(node, names)
    for tensor in graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    _put_first(graph, starts.nodes)
    del graph.output[len(schema.outputs) :]


def _joined(starts: Graph, schema: Schema) -> str:
    double = _wide(schema)
    cast = [
        starts.op("Cast", i.name, to=_DOUBLE) if double and i.kind == "float" else i.name
        for i in schema.inputs
    ]
    return starts.op("Concat", *cast, axis=1, name="columns")


def _wide(schema: Schema) -> bool:
    return any(i.kind == "double" for i in schema.inputs)


def _all_names(graph: Any) -> Iterator[str]:
    yield from (tensor.name for tensor in graph.initializer)
    for node in graph.node:
        yield from node.output


def _put_first(graph: Any, nodes: list[Any]) -> None:
    after = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *after])


def _shape_prediction(graph: Any, columns: int) -> None:
    """Give the prediction the shape that the model itself gives; skl2onnx may give one column."""
    for node in graph.node:
        renamed(node, {PREDICTION: "inner/raw_prediction"})
    end = Graph("shape/", ("inner/raw_prediction",))
    values = end.as_float("inner/raw_prediction")
    shape = end.constant("row", [-1, columns] if columns else [-1], "int64")
    end.op("Reshape", values, shape, output=PREDICTION)
    graph.node.extend(end.nodes)
    graph.initializer.extend(end.initializers)


def describe_ends(graph: Any, schema: Schema, *, flat: bool) -> None:
    """State types and shapes: the number of rows is free everywhere, that of steps may be."""
    from onnx import TensorProto, helper

    del graph.input[:], graph.value_info[:]
    kinds = {
        "float": TensorProto.FLOAT,
        "double": TensorProto.DOUBLE,
        "string": TensorProto.STRING,
        "lengths": TensorProto.INT64,
    }
    for spec in schema.inputs:
        row = [f"{spec.name}_steps" if side < 0 else side for side in spec.row]
        graph.input.append(helper.make_tensor_value_info(spec.name, kinds[spec.kind], ["n", *row]))
    for output, name in zip(graph.output, schema.outputs, strict=True):
        element = output.type.tensor_type.elem_type
        if name == PREDICTION:
            element = TensorProto.FLOAT
        wide = [] if (flat and name == PREDICTION) else [None]
        wide = [] if name == "label" and not schema.multilabel else wide
        output.CopyFrom(helper.make_tensor_value_info(name, element, ["n", *wide]))


def stamp(proto: Any, opset: int) -> None:
    """State who wrote the file, and which versions it needs."""
    from onnx import helper

    used = {node.domain for node in proto.graph.node}
    versions = {o.domain: o.version for o in proto.opset_import if o.domain in used}
    versions |= {"ai.onnx.ml": ML_OPSET} if "ai.onnx.ml" in used else {}
    del proto.opset_import[:]
    for domain, number in sorted((versions | {"": opset}).items()):
        proto.opset_import.append(helper.make_opsetid(domain, number))
    plain = [entry for entry in proto.opset_import if entry.domain in ("", "ai.onnx.ml")]
    proto.ir_version = helper.find_min_ir_version_for(plain)
    proto.producer_name, proto.domain, proto.doc_string = "unifml", "", ""


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep exporters from talking: what goes wrong is told by errors and by the proof."""
    logger = logging.getLogger("skl2onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:300]

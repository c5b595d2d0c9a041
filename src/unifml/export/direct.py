"""A fitted model of images, sequences or several inputs -> one ONNX graph, without skl2onnx."""

from __future__ import annotations

from typing import Any

from sklearn.pipeline import Pipeline

from unifml.core.signature import Feeds
from unifml.estimators import Classifier, Regressor
from unifml.export.convert import Road, describe_ends, stamp
from unifml.export.graph import Graph
from unifml.export.pieces import roads, write_answers
from unifml.runtime.schema import LABEL, PREDICTION, PROBABILITIES, Schema


def alone(model: Any) -> Any:
    """Return the last step of a pipeline whose other steps do nothing; other models as they are."""
    if isinstance(model, Pipeline):
        idle = all(step in (None, "passthrough") for _, step in model.steps[:-1])
        return alone(model.steps[-1][1]) if idle else model
    return model


def tensor_feeds(model: Any) -> Feeds | None:
    """Return the inputs of a model of ours that takes anything but one table; None for others."""
    if not isinstance(model, Classifier | Regressor) or model._estimator() is not None:
        return None
    signature = model._fitted.plan.signature
    feeds: Feeds = signature.feeds
    table = not signature.named and len(feeds[0].shape) == 1 and not feeds[0].ragged
    return None if table else feeds


def direct_model(
    model: Any, feeds: Feeds, schema: Schema, opset: int, *, columns: int
) -> tuple[Any, list[Road]]:
    """Write a model of ours with the inputs and outputs of the schema.

    Parameters
    ----------
    model : Classifier or Regressor
        Fitted.
    feeds : tuple of Feed
        Its inputs.
    schema : Schema
        Inputs and outputs.
    opset : int
        Version of ONNX's operators.
    columns : int
        Columns of the native prediction; 0 if it has one dimension.

    Returns
    -------
    onnx.ModelProto
        The graph.
    list of (part, exporter)
        Who wrote what.
    """
    from onnx import helper

    graph = Graph("network/", tuple(spec.name for spec in schema.inputs))
    inputs = {spec.source: spec.name for spec in schema.inputs}
    token = roads.set([])
    try:
        write_answers(graph, inputs, model, opset)
        taken = roads.get()
    finally:
        roads.reset(token)
    ends = _named_ends(graph, schema, columns)
    body = helper.make_graph(graph.nodes, "unifml", [], ends, graph.initializers)
    proto = helper.make_model(body, opset_imports=[helper.make_opsetid("", opset)])
    describe_ends(proto.graph, schema, flat=columns == 0)
    stamp(proto, opset)
    return proto, taken


def _named_ends(g: Graph, schema: Schema, columns: int) -> list[Any]:
    """Give the outputs their names, and the prediction the shape that the model itself gives."""
    from onnx import TensorProto, helper

    if schema.outputs == (PREDICTION,):
        shape = g.constant("row", [-1, columns] if columns else [-1], "int64")
        g.op("Reshape", g.outputs[0], shape, output=PREDICTION)
    else:
        for inner, name in zip(g.outputs, (LABEL, PROBABILITIES), strict=True):
            g.op("Identity", inner, output=name)
    text = any(isinstance(label, str) for label in schema.classes or ())
    label = TensorProto.STRING if text else TensorProto.INT64
    kinds = {LABEL: label, PROBABILITIES: TensorProto.FLOAT, PREDICTION: TensorProto.FLOAT}
    return [helper.make_tensor_value_info(name, kinds[name], None) for name in schema.outputs]

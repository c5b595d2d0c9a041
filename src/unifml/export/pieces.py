"""A fitted estimator of unifml -> a piece of graph from its columns to its answers."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

import numpy as np

from unifml.core.fitted import Fitted
from unifml.errors import CapabilityError
from unifml.export.emit import emit
from unifml.export.graph import Graph
from unifml.export.head import (
    write_label,
    write_prediction,
    write_probabilities,
    write_scored_label,
)

EMITTER = "unifml"
roads: ContextVar[list[tuple[str, str]]] = ContextVar("unifml_export_roads")
"""Which exporter wrote which part, noted while a model is converted."""


def write_piece(estimator: Any, floats: list[bool], prefix: str, opset: int) -> Graph:
    """Write an estimator whose predictions unifml computes.

    Parameters
    ----------
    estimator : Classifier or Regressor
        Fitted.
    floats : list of bool
        For each input, whether it is float32 already.
    prefix : str
        Begins all names.
    opset : int
        For exporters of native models.

    Returns
    -------
    Graph
        Its outputs are label and probabilities, or the prediction (n, outputs).
    """
    graph = Graph(prefix, tuple(f"{prefix}X{i}" for i in range(len(floats))))
    x = join(graph, list(graph.inputs), floats)
    write_answers(graph, {"X": x}, estimator, opset)
    return graph


def write_answers(graph: Graph, inputs: Mapping[str, str], estimator: Any, opset: int) -> None:
    """Write an estimator's answers, and make them the outputs of the graph.

    Parameters
    ----------
    graph : Graph
        Receives the nodes.
    inputs : dict of str to str
        The model's inputs by name, as they are called in the graph: float32, lengths int64.
    estimator : Classifier or Regressor
        Fitted.
    opset : int
        For exporters of native models.
    """
    fitted: Fitted = estimator._fitted
    raw, width = _raw_outputs(graph, inputs, fitted, repr(estimator), opset)
    task = fitted.plan.task
    if task.kind == "regression":
        graph.outputs = [write_prediction(graph, raw, fitted)]
        return
    classes = np.asarray(estimator.classes_)
    if fitted.plan.output == "scores":
        # A file leaves the scores out; a graph of scikit-learn's pieces has room for two outputs.
        graph.outputs = [write_scored_label(graph, raw, task, width, classes), raw]
        return
    probabilities = write_probabilities(graph, raw, task, fitted.plan.output, width)
    label = write_label(graph, probabilities, task, classes)
    graph.outputs = [label, probabilities]


def join(graph: Graph, names: list[str], floats: list[bool]) -> str:
    """Put columns together to one float32 tensor."""
    cast = [n if is_float else graph.as_float(n) for n, is_float in zip(names, floats, strict=True)]
    return cast[0] if len(cast) == 1 else graph.op("Concat", *cast, axis=1, name="columns")


def _raw_outputs(
    g: Graph, inputs: Mapping[str, str], fitted: Fitted, part: str, opset: int
) -> tuple[str, int]:
    plan = fitted.plan
    if fitted.weights is not None and plan.network is not None:
        roads.get().append((part, EMITTER))
        return emit(g, inputs, plan.graph, fitted.weights), plan.task.width
    adapter = fitted.adapter
    if not adapter.capabilities.onnx:
        raise CapabilityError(
            f"exporting a native model of backend {adapter.name!r} to ONNX",
            rule="the adapter must have the capability 'onnx'",
        )
    if set(inputs) != {"X"}:
        raise CapabilityError(
            f"exporting a native model of inputs {', '.join(inputs)} to ONNX",
            rule="native models of one input, of rows of one shape, can be exported",
        )
    roads.get().append((part, adapter.name))
    native = adapter.to_onnx(fitted.model, plan, opset)
    row = np.zeros((1, *plan.signature.input_shape), dtype=plan.signature.dtype)
    return g.inline(native, inputs["X"], opset), int(np.shape(fitted.outputs(row))[1])

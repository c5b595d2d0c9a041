"""Raw outputs -> label, probabilities or prediction: the same head behind every model."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.fitted import Fitted
from unifml.core.plan import Output
from unifml.core.task import Task
from unifml.errors import ExportError
from unifml.export.graph import Graph

_INT64 = 7  # onnx.TensorProto.INT64


def write_probabilities(g: Graph, raw: str, task: Task, output: Output, width: int) -> str:
    """Write probabilities (n, classes), or (n, labels) for multilabel problems.

    Parameters
    ----------
    g : Graph
        Receives the nodes.
    raw : str
        Name of the raw outputs (n, width).
    task : Task
        What was learned.
    output : {"logits", "probabilities", "log_probabilities"}
        What the outputs are.
    width : int
        Columns of the raw outputs; two classes may come as one.
    """
    pair = width == 1 and not task.multilabel
    if output == "logits" and pair:
        # sigmoid(-z) keeps a small probability of the first class exact, 1 - sigmoid(z) does not
        no, yes = g.op("Sigmoid", g.op("Neg", raw)), g.op("Sigmoid", raw)
        return g.op("Concat", no, yes, axis=1)
    if output == "logits":
        return g.op("Sigmoid", raw) if task.multilabel else g.op("Softmax", raw, axis=-1)
    values = g.op("Exp", raw) if output == "log_probabilities" else raw
    if not pair:
        return values
    return g.op("Concat", g.op("Sub", g.constant("one", 1.0), values), values, axis=1)


def write_scored_label(g: Graph, scores: str, task: Task, width: int, classes: Any) -> str:
    """Write the label by scores that are no probabilities: the largest, or those above 0."""
    zero = g.constant("zero", 0.0)
    if task.multilabel:
        return g.op("Cast", g.op("Greater", scores, zero), to=_INT64)
    both = g.op("Concat", g.op("Neg", scores), scores, axis=1) if width == 1 else scores
    return write_label(g, both, task, classes)


def write_label(g: Graph, probabilities: str, task: Task, classes: npt.NDArray[Any]) -> str:
    """Write the label: of the class with the largest probability, or of each label by itself."""
    if task.multilabel:
        on = g.op("Greater", probabilities, g.constant("half", 0.5))
        return g.op("Cast", on, to=_INT64)
    codes = g.op("ArgMax", probabilities, axis=1, keepdims=0)
    return g.op("Gather", g.constant("classes", *label_values(classes)), codes, axis=0)


def label_values(classes: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], Any]:
    """Return class labels as the graph holds them, and their dtype: text, or whole numbers.

    Raises
    ------
    ExportError
        For labels that are neither.
    """
    if classes.dtype.kind in "UT" or all(isinstance(label, str) for label in classes):
        return classes.astype(object), object
    if classes.dtype.kind in "biuf" or all(isinstance(v, bool | int | float) for v in classes):
        whole = classes.astype(np.int64)
        if np.array_equal(whole, classes.astype(np.float64)):
            return whole, np.int64
    raise ExportError(
        f"class labels {classes[:5].tolist()} of type {classes.dtype}",
        rule="labels are text, whole numbers or bools",
        fix="train on labels as text: y.astype(str)",
    )


def write_prediction(g: Graph, raw: str, fitted: Fitted) -> str:
    """Write predicted values (n, outputs), in the units of the targets and within their bounds."""
    target, bounds = fitted.target, fitted.bounds
    values = g.op("Exp", raw) if fitted.plan.output == "log_values" else raw
    if target is not None:
        values = g.op("Mul", values, g.constant("target.scale", np.atleast_1d(target.scale)))
        values = g.op("Add", values, g.constant("target.mean", np.atleast_1d(target.mean)))
    if bounds is not None:
        values = g.op("Max", values, g.constant("target.least", np.atleast_1d(bounds[0])))
        values = g.op("Min", values, g.constant("target.greatest", np.atleast_1d(bounds[1])))
    return values

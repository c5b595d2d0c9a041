"""What meta-estimators ask of the models inside them, in float64: shares, scores, votes, means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import is_classifier

from unifml.export.scores import scores_of
from unifml.export.values import ELEMENTS, Answers, Block, Rows

if TYPE_CHECKING:
    from unifml.export.graph import Graph
    from unifml.export.writer import Writer


@dataclass(frozen=True)
class Response:
    """What a model inside another one says.

    Attributes
    ----------
    method : str
        By which method scikit-learn asks it.
    values : str
        Tensor (n, width), float64.
    width : int
        Columns; one for the scores of two classes.
    """

    method: str
    values: str
    width: int


def response(
    w: Writer, model: Any, rows: Rows, answers: Answers, methods: str | Sequence[str]
) -> Response:
    """Return what the first method that a model has says of rows.

    Parameters
    ----------
    w : Writer
        Receives the nodes.
    model : estimator
        Fitted, and written already.
    rows : Rows
        What goes into it.
    answers : Answers
        What came of writing it.
    methods : str or sequence of str
        ``"predict_proba"``, ``"decision_function"``, ``"predict"``, best first.
    """
    wanted = [methods] if isinstance(methods, str) else list(methods)
    method = next((name for name in wanted if hasattr(model, name)), "")
    if method == "predict_proba":
        return Response(method, shares(w, model, answers), len(model.classes_))
    if method == "decision_function":
        return Response(method, *scores_of(w, model, rows, answers))
    if method == "predict":
        return Response(method, *_predicted(w, model, answers))
    raise w.refusal(model, f"a model without {' and '.join(wanted)}")


def binary(w: Writer, model: Any, rows: Rows, answers: Answers, methods: Sequence[str]) -> Response:
    """Return one column for the second of two classes; of more classes, what `response` returns."""
    said = response(w, model, rows, answers, methods)
    if said.method == "predict_proba" and said.width == 2:
        return Response(said.method, column(w.g, said.values, 1), 1)
    return said


def confidence(w: Writer, model: Any, rows: Rows, answers: Answers) -> str:
    """Return how sure a binary model is of its second class (n, 1), as one-vs-rest asks for it."""
    if not is_classifier(model) and answers.prediction is not None:
        return as_column(w.g, answers.prediction.cast(w.g, "double").name)
    return binary(w, model, rows, answers, ("decision_function", "predict_proba")).values


def shares(w: Writer, model: Any, answers: Answers) -> str:
    """Return probabilities (n, classes), float64."""
    if answers.probabilities is None:
        raise w.refusal(model, "a model that gives no probabilities")
    return as_double(w.g, answers.probabilities)


def _predicted(w: Writer, model: Any, answers: Answers) -> tuple[str, int]:
    if answers.prediction is not None:
        block = answers.prediction.cast(w.g, "double")
        return block.name, block.width
    if answers.label is None or answers.classes is None or _is_text(answers.classes):
        raise w.refusal(model, "labels that are no numbers, taken as numbers")
    return as_column(w.g, as_double(w.g, answers.label)), 1


def _is_text(classes: Any) -> bool:
    return any(isinstance(label, str) for label in np.asarray(classes).tolist())


def mean(g: Graph, values: Sequence[str], weights: Any = None) -> str:
    """Return the weighted mean of float64 tensors of one shape."""
    total = float(len(values)) if weights is None else float(np.sum(weights))
    each = list(values)
    if weights is not None:
        factors = [g.constant("weight", weight, np.float64) for weight in weights]
        each = [g.op("Mul", value, f) for value, f in zip(values, factors, strict=True)]
    return g.op("Div", add(g, each), g.constant("total", total, np.float64), name="mean")


def add(g: Graph, values: Sequence[str]) -> str:
    """Return the sum of tensors, added in order."""
    return values[0] if len(values) == 1 else g.op("Sum", *values)


def hot(g: Graph, codes: str, count: int) -> str:
    """Return which class each row has: bool (n, count)."""
    numbers = g.constant("numbers", np.arange(count), np.int64)
    return g.op("Equal", as_column(g, codes), numbers, name="hot")


def votes(g: Graph, codes: str, count: int) -> str:
    """Return 1.0 where each row's class is, float64 (n, count)."""
    return as_double(g, hot(g, codes, count))


def spread(g: Graph, values: str, places: Sequence[int], count: int) -> str:
    """Put columns at their places among more columns, the rest being 0."""
    if list(places) == list(range(count)):
        return values
    table = np.zeros((len(places), count))
    table[np.arange(len(places)), list(places)] = 1
    return g.op("MatMul", values, g.constant("places", table, np.float64))


def column(g: Graph, values: str, index: int) -> str:
    """Return one column (n, 1)."""
    return g.op("Gather", values, g.constant("column", [index], np.int64), axis=1)


def beside(g: Graph, columns: Sequence[str]) -> str:
    """Put tensors side by side."""
    return columns[0] if len(columns) == 1 else g.op("Concat", *columns, axis=1)


def as_column(g: Graph, values: str) -> str:
    """Make (n,) a column (n, 1)."""
    return g.op("Reshape", values, g.constant("column", [-1, 1], np.int64))


def as_flat(g: Graph, values: str) -> str:
    """Make a column (n,)."""
    return g.op("Reshape", values, g.constant("flat", [-1], np.int64))


def as_double(g: Graph, values: str) -> str:
    """Cast to float64."""
    return g.op("Cast", values, to=ELEMENTS["double"])


def repeated(g: Graph, rows: Rows, row: Any) -> str:
    """Return the same float64 numbers (n, width) for each row."""
    count = g.op("Shape", rows.blocks[0].name, start=0, end=1)
    width = g.constant("width", [np.size(row)], np.int64)
    values = g.constant("row", np.reshape(row, (1, -1)), np.float64)
    return g.op("Expand", values, g.op("Concat", count, width, axis=0), name="repeated")


def block_of(values: str, width: int) -> Block:
    """Return float64 columns as a block."""
    return Block(values, "double", (width,))

"""Models that ask the nearest of the rows that they keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import neighbors as nb

from unifml.export.algebra import Algebra
from unifml.export.own import by_unifml, dense, doubles, several
from unifml.export.pairwise import distances, exact_squared
from unifml.export.values import Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer


def nearest(w: Writer, model: Any, x: str, k: int | None = None) -> tuple[str, str]:
    """Write distances and numbers (n, k) of the nearest rows, nearest first.

    Rows equally far come in the order in which the model keeps them.

    Parameters
    ----------
    w : Writer
        Receives the nodes.
    model : estimator
        Any of scikit-learn's that has ``kneighbors``.
    x : str
        Rows (n, width), float64.
    k : int or None
        How many; None takes the model's own number.
    """
    a = Algebra(w.g)
    pairs, squared = _pairs(w, model, x)
    far, order = a.lowest(pairs, model.n_neighbors if k is None else k)
    return a.op("Sqrt", far) if squared else far, order


def all_distances(w: Writer, model: Any, x: str) -> str:
    """Write distances (n, kept) to all rows that a model keeps."""
    pairs, squared = _pairs(w, model, x)
    return Algebra(w.g).op("Sqrt", pairs) if squared else pairs


def _pairs(w: Writer, model: Any, x: str) -> tuple[str, bool]:
    """Write distances, or their squares, and say which: as exact as the model's own search."""
    kept, metric = dense(model._fit_X), model.effective_metric_
    if metric == "euclidean" and model._fit_method in ("kd_tree", "ball_tree"):
        return exact_squared(Algebra(w.g), x, kept), True
    if metric == "euclidean":
        return distances(w, model, x, kept, "sqeuclidean"), True
    return distances(w, model, x, kept, metric, model.effective_metric_params_), False


def _weights(w: Writer, model: Any, far: str, there: str | None = None) -> str | None:
    """Write weights by distance, of those that are there; None where all count alike."""
    a = Algebra(w.g)
    if model.weights in (None, "uniform"):
        return None if there is None else a.number(there)
    if model.weights != "distance":
        raise w.refusal(model, "a function as weights", rule="weights is 'uniform' or 'distance'")
    if there is not None:
        far = a.where(there, far, np.inf)
    same = w.g.op("Equal", far, a.of(0.0))
    found = a.sum(a.number(same), keep=True, kind="ReduceMax")
    shares = a.div(1.0, a.where(same, 1.0, far))
    return a.where(w.g.op("Greater", found, a.of(0.0)), a.number(same), shares)


def _sums(w: Writer, model: Any, x: str, values: Any) -> str:
    """Write sums of the neighbours' values (n, outputs), weighed, and not yet divided."""
    a = Algebra(w.g)
    if isinstance(model, nb.RadiusNeighborsRegressor | nb.RadiusNeighborsClassifier):
        far = all_distances(w, model, x)
        there = w.g.op("LessOrEqual", far, a.of(float(model.radius)))
        return a.dot(_weights(w, model, far, there), values)
    far, order = nearest(w, model, x)
    weights, theirs = _weights(w, model, far), a.take(values, order)
    if weights is not None:
        theirs = a.mul(theirs, w.g.op("Unsqueeze", weights, a.ints(2)))
    return a.sum(theirs)


def _regressor(w: Writer, model: Any, rows: Rows) -> Answers:
    """Divide the sum of values by that of weights, which a column of ones gives."""
    a, x = doubles(w, rows)
    values = dense(model._y).reshape(len(model._y), -1)
    width = values.shape[1]
    sums = _sums(w, model, x, np.column_stack([values, np.ones(len(values))]))
    total = w.g.op("Gather", sums, a.ints(width), axis=1)
    above = w.g.op("Gather", sums, a.ints(*range(width)), axis=1)
    return w.predicted(a.div(above, total), "double", width)


def _classifier(w: Writer, model: Any, rows: Rows) -> Answers:
    a, x = doubles(w, rows)
    each = model.classes_ if model.outputs_2d_ else [model.classes_]
    codes = np.asarray(model._y).reshape(len(model._y), -1)
    hot = [codes[:, [k]] == np.arange(len(classes)) for k, classes in enumerate(each)]
    sums = _sums(w, model, x, np.hstack(hot).astype(np.float64))
    said, start = [], 0
    for k, classes in enumerate(each):
        columns = range(start, start + len(classes))
        votes = w.g.op("Gather", sums, a.ints(*columns), axis=1, name="votes")
        said.append(_decided(w, model, votes, classes, k))
        start += len(classes)
    return several(w, said) if model.outputs_2d_ else said[0]


def _decided(w: Writer, model: Any, votes: str, classes: Any, k: int) -> Answers:
    """Say the class with most votes, and the outliers' label where there are none."""
    a = Algebra(w.g)
    outlier = getattr(model, "outlier_label_", None)
    if outlier is None:
        return w.labelled(a.normal(votes), classes)
    known = np.asarray(classes) == outlier[k]
    nobody = w.g.op("Equal", a.sum(votes, keep=True), a.of(0.0))
    shares = a.where(nobody, known.astype(np.float64)[None], a.normal(votes))
    if known.any():
        return w.labelled(shares, classes)
    other = w.g.constant("outlier", len(classes), np.int64)
    code = w.g.op("Where", a.flat(nobody), other, w.argmax(shares))
    values = np.array([*classes, outlier[k]], dtype=np.asarray(classes).dtype)
    return Answers(w.labels(code, values), shares, classes=np.asarray(classes))


def _nearest_graph(w: Writer, model: Any, rows: Rows) -> Answers:
    """Write the graph of neighbours as a dense matrix: 0 where there is no edge."""
    a, x = doubles(w, rows)
    as_distance = model.mode == "distance"
    far, order = nearest(w, model, x, model.n_neighbors + as_distance)
    edges = far if as_distance else a.filled(x, np.ones(model.n_neighbors))
    empty = a.filled(x, np.zeros(len(model._fit_X)))
    table = w.g.op("ScatterElements", empty, order, edges, axis=1)
    return w.transformed(table, "double", len(model._fit_X))


def _radius_graph(w: Writer, model: Any, rows: Rows) -> Answers:
    a, x = doubles(w, rows)
    far = all_distances(w, model, x)
    there = w.g.op("LessOrEqual", far, a.of(float(model.radius)))
    edges = a.where(there, far, 0.0) if model.mode == "distance" else a.number(there)
    return w.transformed(edges, "double", len(model._fit_X))


RULES: dict[type, Rule] = by_unifml(
    {
        nb.KNeighborsClassifier: _classifier,
        nb.KNeighborsRegressor: _regressor,
        nb.RadiusNeighborsClassifier: _classifier,
        nb.RadiusNeighborsRegressor: _regressor,
        nb.KNeighborsTransformer: _nearest_graph,
        nb.RadiusNeighborsTransformer: _radius_graph,
    }
)

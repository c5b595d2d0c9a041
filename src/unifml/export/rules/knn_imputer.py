"""KNNImputer: distances to all training rows, the nearest of them, their mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.impute import KNNImputer

from unifml.export.formulas import Real
from unifml.export.own import by_unifml
from unifml.export.rules.imputers import indicated, missing
from unifml.export.values import Answers, Block, Rows
from unifml.runtime.schema import Kind

if TYPE_CHECKING:
    from unifml.export.graph import Graph
    from unifml.export.writer import Rule, Writer


def _knn(w: Writer, model: Any, rows: Rows) -> Answers:
    if model.metric != "nan_euclidean" or model.weights not in ("uniform", "distance"):
        raise w.refusal(
            model,
            f"metric={model.metric!r}, weights={model.weights!r}",
            rule="metric='nan_euclidean', weights 'uniform' or 'distance'",
        )
    block = rows.joined(w.g)
    x, mask = Real.of(w.g, block), missing(w, block, model.missing_values)
    distances = _distances(x, mask, model, block.kind)
    found = [
        _column(x, mask, distances, model, i)
        for i in range(block.width)
        if model._valid_mask[i] or model.keep_empty_features
    ]
    name = w.g.op("Concat", *(column.name for column in found), axis=1, name="filled")
    filled = Block(name, "double", (len(found),)).cast(w.g, block.kind)
    return indicated(w, model, Rows((filled,)), Rows((mask,)))


def _distances(x: Real, mask: Block, model: Any, kind: Kind) -> Real:
    """Write distances over columns that both rows have, scaled up; infinite where there is none.

    The order of sums is scikit-learn's, which loses the same digits.
    """
    g, lost = x.g, model._mask_fit_X
    known = np.where(lost, 0.0, np.asarray(model._fit_X, np.float64))
    gone, there = (Real(g, g.op("Cast", m, to=11)) for m in (mask.name, g.op("Not", mask.name)))
    zeroed = x.otherwise(mask.name, 0.0)
    squares = zeroed * zeroed
    apart: Real = zeroed.do("MatMul", known.T) * -2.0 + _sum(squares) + (known * known).sum(axis=1)
    apart = apart.otherwise(apart < 0.0, 0.0).rounded(kind)
    apart = (apart - squares.do("MatMul", lost.T.astype(np.float64)).rounded(kind)).rounded(kind)
    apart = (apart - gone.do("MatMul", (known * known).T).rounded(kind)).rounded(kind)
    apart = apart.otherwise(apart < 0.0, 0.0)
    common = there.do("MatMul", (~lost).T.astype(np.float64))
    none = common.equals(0.0)
    mean = (apart / common.otherwise(none, 1.0)).rounded(kind) * float(known.shape[1])
    return mean.rounded(kind).do("Sqrt").rounded(kind).otherwise(none, np.inf)


def _column(x: Real, mask: Block, distances: Real, model: Any, i: int) -> Real:
    """Return a column with its gaps filled, (n, 1)."""
    g, at = x.g, x.g.constant("column", [i], np.int64)
    values = Real(g, g.op("Gather", x.name, at, axis=1))
    if not model._valid_mask[i]:
        return values.otherwise(values.missing(), 0.0) * 0.0
    gaps = g.op("Gather", mask.name, at, axis=1)
    return values.otherwise(gaps, _mean(g, distances, model, i))


def _mean(g: Graph, distances: Real, model: Any, i: int) -> Real:
    """Return the mean of the nearest rows that have the column; of all where none is near."""
    donors = np.flatnonzero(~model._mask_fit_X[:, i])
    theirs = np.asarray(model._fit_X[donors, i], np.float64)
    which = g.constant("donors", donors, np.int64)
    apart = Real(g, g.op("Gather", distances.name, which, axis=1, name="apart"))
    k = g.constant("k", [min(model.n_neighbors, len(donors))], np.int64)
    near, nearest = _smallest(apart, k)
    values = Real(g, g.op("Gather", g.constant("values", theirs, np.float64), nearest, axis=0))
    weights = _weights(near, model.weights)
    total = _sum(weights)
    none = total.equals(0.0)
    mean = _sum(values * weights) / total.otherwise(none, 1.0)
    return mean.otherwise(none, theirs.mean())


def _smallest(x: Real, k: str) -> tuple[Real, str]:
    """Return the smallest values of each row, and their numbers."""
    from onnx import helper

    g = x.g
    values, which = g.unique("near"), g.unique("nearest")
    ends = [values, which]
    g.nodes.append(helper.make_node("TopK", [x.name, k], ends, name=which, axis=1, largest=0))
    return Real(g, values), which


def _weights(near: Real, how: str) -> Real:
    """Return 1 for rows with a distance; or 1 over it, unless there are rows at distance 0."""
    g = near.g
    if how == "uniform":
        return Real(g, g.op("Cast", near < np.inf, to=11))
    same = Real(g, g.op("Cast", near.equals(0.0), to=11))
    axis = g.constant("axis", [1], np.int64)
    exact = Real(g, g.op("ReduceMax", same.name, axis, keepdims=1)) > 0.0
    return (1.0 / near).otherwise(exact, same)


def _sum(x: Real) -> Real:
    axis = x.g.constant("axis", [1], np.int64)
    return Real(x.g, x.g.op("ReduceSum", x.name, axis, keepdims=1))


RULES: dict[type, Rule] = by_unifml({KNNImputer: _knn})

"""Lines between knots, and the regressor that is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.isotonic import IsotonicRegression

from unifml.export.graph import Graph
from unifml.export.own import by_unifml
from unifml.export.values import DTYPES, Answers, Rows
from unifml.runtime.schema import Kind

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer


def piecewise_linear(g: Graph, x: str, xs: Any, ys: Any, kind: Kind = "double") -> str:
    """Write linear interpolation between knots; beyond them the first and last value hold.

    Parameters
    ----------
    g : Graph
        Receives the nodes.
    x : str
        Where: a tensor of any shape.
    xs : array of shape (knots,)
        Increasing; where two are equal the line jumps, and there it has the value before.
    ys : array of shape (knots,)
        Values at the knots.
    kind : {"double", "float"}
        Kind of `x`, and of what comes out.

    Returns
    -------
    str
        Values, of the shape of `x`; NaN where it is NaN.
    """
    dtype = DTYPES[kind]
    knots, values = np.asarray(xs, np.float64), np.asarray(ys, np.float64)
    if len(knots) == 1:
        knots, values = np.repeat(knots, 2), np.repeat(values, 2)
    first, last = (g.constant(n, v, dtype) for n, v in (("low", knots[0]), ("high", knots[-1])))
    inside = g.op("Clip", x, first, last, name="inside")
    piece = _piece(g, inside, knots[1:-1], dtype)
    steps = np.diff(knots)
    slopes = np.divide(np.diff(values), steps, out=np.zeros_like(steps), where=steps > 0)
    ends = (("slope", slopes), ("start", knots[:-1]), ("level", values[:-1]))
    slope, start, level = (g.op("Gather", g.constant(n, v, dtype), piece) for n, v in ends)
    return g.op("Add", g.op("Mul", slope, g.op("Sub", inside, start)), level, name="interpolated")


def _piece(g: Graph, x: str, inner: Any, dtype: Any) -> str:
    """Return the number of the piece that each value lies in: how many inner knots are below."""
    deeper = g.op("Unsqueeze", x, g.constant("last", [-1], np.int64))
    above = g.op("Less", g.constant("knots", inner, dtype), deeper)
    counted = g.op("Cast", above, to=6)  # int32 is enough, and half of int64
    count = g.op("ReduceSum", counted, g.constant("last", [-1], np.int64), keepdims=0)
    return g.op("Cast", count, to=7, name="piece")


def _isotonic(w: Writer, model: Any, rows: Rows) -> Answers:
    """Interpolate between thresholds; outside of them NaN, unless the model clips."""
    x = rows.joined(w.g, "double").name
    values = piecewise_linear(w.g, x, model.X_thresholds_, model.y_thresholds_)
    if model.out_of_bounds != "clip" and len(model.X_thresholds_) > 1:
        low, high = (w.g.constant("bound", v, np.float64) for v in (model.X_min_, model.X_max_))
        out = w.g.op("Or", w.g.op("Less", x, low), w.g.op("Greater", x, high))
        values = w.g.op("Where", out, w.g.constant("nan", np.nan, np.float64), values)
    answers = w.predicted(values, "double", 1)
    return Answers(prediction=answers.prediction, transformed=Rows.of(values, "double", 1))


RULES: dict[type, Rule] = by_unifml({IsotonicRegression: _isotonic})

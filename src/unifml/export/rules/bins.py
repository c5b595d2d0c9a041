"""KBinsDiscretizer and SplineTransformer: what depends on where a value stands among edges."""

from __future__ import annotations

from math import factorial
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.preprocessing import KBinsDiscretizer, SplineTransformer

from unifml.export.formulas import Real, clipped, columns, modulo
from unifml.export.own import by_unifml
from unifml.export.rules.categories import indicators
from unifml.export.searching import count_below, entries, padded
from unifml.export.values import Answers, Rows
from unifml.runtime.schema import Kind

if TYPE_CHECKING:
    from unifml.export.graph import Graph
    from unifml.export.writer import Rule, Writer

_OUTSIDE = 2**40
"""Number of no entry of any table: onnxruntime refuses it, as scikit-learn refuses the value."""


def _bins(w: Writer, model: Any, rows: Rows) -> Answers:
    kinds: dict[Any, Kind] = {np.float32: "float", np.float64: "double"}
    block = rows.joined(w.g, kinds.get(model.dtype))
    edges = padded([edges[1:-1] for edges in model.bin_edges_])
    which = count_below(w.g, Real.of(w.g, block), edges, equal=True)
    if model.encode == "ordinal":
        found = Real(w.g, w.g.op("Cast", which, to=11))
        return columns(w, found, block.kind, block.width)
    sizes = [int(size) for size in model.n_bins_]
    return indicators(w, which, sizes, block.kind)


def _splines(w: Writer, model: Any, rows: Rows) -> Answers:
    """Write a polynomial for each spline between two knots, and choose by where a value stands."""
    block = rows.joined(w.g)
    x, g = Real.of(w.g, block), w.g
    t = np.stack([spline.t for spline in model.bsplines_])
    degree, n = model.degree, len(model.bsplines_[0].c)
    first, last = t[:, degree], t[:, n]
    within = _within(x, model, first, last)
    which = count_below(g, within, padded(t[:, degree + 1 : n]), equal=True)
    if model.extrapolation == "error":
        which = _refused(g, x, which, first, last)
    values = _polynomials(g, within, which, model)
    if model.extrapolation == "linear":
        values = _straight(values, _deep(x), model)
    if model.extrapolation == "constant" and not degree:  # no spline is held below the knots
        values = values.otherwise(_deep(x) < first[:, None], 0.0)
    if model.handle_missing == "zeros":
        values = values.otherwise(_deep(x).missing(), 0.0)
    width = int(model.n_features_out_)
    flat = g.op("Reshape", values.name, g.constant("shape", [-1, width], np.int64))
    return columns(w, Real(g, flat), block.kind, width)


def _within(x: Real, model: Any, first: Any, last: Any) -> Real:
    """Return where splines are evaluated: values moved between the first and last base knot."""
    if model.extrapolation == "periodic":
        return modulo(x - first, last - first).do("Add", first)
    if model.extrapolation in ("constant", "linear"):
        return clipped(x, first, last)
    return x


def _refused(g: Graph, x: Real, which: str, first: Any, last: Any) -> str:
    """Return pieces that do not exist for values outside of the knots."""
    outside = g.op("Or", x < first, x > last)
    return g.op("Where", outside, g.constant("outside", _OUTSIDE, np.int64), which, name="piece")


def _polynomials(g: Graph, x: Real, which: str, model: Any) -> Real:
    """Evaluate splines (n, columns, splines) by Horner's rule, from the left end of each piece."""
    degree, n = model.degree, len(model.bsplines_[0].c)
    starts = np.stack([spline.t[degree:n] for spline in model.bsplines_])
    table = np.stack([_coefficients(spline, degree, n, model) for spline in model.bsplines_])
    step = _deep(x - Real(g, entries(g, starts, which, "start")))
    value = Real(g, entries(g, table[:, :, degree], which, "coefficient"))
    for power in range(degree - 1, -1, -1):
        value = value * step + Real(g, entries(g, table[:, :, power], which, "coefficient"))
    return value


def _coefficients(spline: Any, degree: int, n: int, model: Any) -> Any:
    """Return Taylor's coefficients at the left end of each piece (pieces, degree + 1, splines)."""
    starts = spline.t[degree:n]
    powers = [spline(starts, nu=nu, extrapolate=True) / factorial(nu) for nu in range(degree + 1)]
    return _kept(np.stack(powers, axis=1), model)


def _kept(values: Any, model: Any) -> Any:
    """Leave out the last spline of each column where there is no bias."""
    return values if model.include_bias else values[..., :-1]


def _straight(values: Real, x: Real, model: Any) -> Real:
    """Go on straight outside of the knots, with the splines that scikit-learn lets go on.

    For degrees below 2 it counts the degree up from column to column, and the knots with it.
    """
    degree = model.degree
    low, high = [], []
    for spline in model.bsplines_:
        ends = spline.t[degree], spline.t[-degree - 1]
        degree += degree <= 1
        low.append(_line(spline, ends[0], slice(degree), model))
        high.append(_line(spline, ends[1], slice(len(spline.c[0]) - degree, None), model))
    start, level, slope = (np.stack(part) for part in zip(*low, strict=True))
    values = values.otherwise(x < start, (x - start) * slope + level)
    start, level, slope = (np.stack(part) for part in zip(*high, strict=True))
    return values.otherwise(x > start, (x - start) * slope + level)


def _line(spline: Any, end: float, moving: slice, model: Any) -> tuple[Any, Any, Any]:
    """Return where a line starts, its level and its slope; 0 for splines that do not go on."""
    level, slope = spline(end), spline(end, nu=1)
    still = np.ones(len(level), dtype=bool)
    still[moving] = False
    level[still], slope[still] = 0.0, 0.0
    return np.array([end]), _kept(level, model), _kept(slope, model)


def _deep(x: Real) -> Real:
    """Return (n, columns) as (n, columns, 1)."""
    return Real(x.g, x.g.op("Unsqueeze", x.name, x.g.constant("last", [-1], np.int64)))


RULES: dict[type, Rule] = by_unifml({KBinsDiscretizer: _bins, SplineTransformer: _splines})

"""QuantileTransformer: one formula for all columns, linear in the number of quantiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.preprocessing import QuantileTransformer

from unifml.export.formulas import Real, clipped, columns, normal_quantile
from unifml.export.own import by_unifml
from unifml.export.searching import count_below, entries
from unifml.export.values import Answers, Block, Rows

if TYPE_CHECKING:
    from unifml.export.graph import Graph
    from unifml.export.writer import Rule, Writer

_EDGE = 1e-7
"""scikit-learn's: closer to the first or last quantile than this is beyond it."""


def _quantiles(w: Writer, model: Any, rows: Rows) -> Answers:
    block = rows.joined(w.g)
    x = Real.of(w.g, block)
    ranks = _interpolated(w.g, x, model.quantiles_.T, model.references_).rounded(block.kind)
    normal = model.output_distribution == "normal"
    first, last = model.quantiles_[0], model.quantiles_[-1]
    above, below = _moved(w.g, block, _EDGE if normal else 0), _moved(w.g, block, -_EDGE * normal)
    ranks = ranks.otherwise((above > last) if normal else above.equals(last), 1.0)
    ranks = ranks.otherwise((below < first) if normal else below.equals(first), 0.0)
    if normal:
        least = _EDGE - np.spacing(1)
        ranks = normal_quantile(clipped(ranks, least, 1 - least))
    return columns(w, ranks, block.kind, block.width)


def _moved(g: Graph, block: Block, by: float) -> Real:
    """Return x + by, rounded as NumPy rounds it."""
    if not by:
        return Real.of(g, block)
    moved = g.op("Add", block.name, g.constant("edge", by, block.dtype))
    return Real.of(g, Block(moved, block.kind, block.row))


def _interpolated(g: Graph, x: Real, quantiles: Any, references: Any) -> Real:
    """Return the mean of interpolations from both sides, which differ where quantiles repeat."""
    m = quantiles.shape[1]
    points = np.asarray(quantiles, np.float64)
    same = np.stack([np.searchsorted(row, row, side="right") - 1 for row in points])
    below = count_below(g, x, points)
    right = g.op("Min", below, g.constant("last", m - 1, np.int64), name="right")
    x1 = Real(g, entries(g, points, right))
    before = g.op("Max", g.op("Sub", below, g.constant("one", 1, np.int64)), _zero(g))
    left = g.op("Where", x1.equals(x), entries(g, same, right), before, name="left")
    x0 = Real(g, entries(g, points, left))
    values = g.constant("references", references, np.float64)
    y0, y1 = (Real(g, g.op("Gather", values, end, axis=0)) for end in (left, right))
    gap = x1 - x0
    slope = (y1 - y0) / gap.otherwise(gap.equals(0.0), 1.0)
    return 0.5 * ((slope * (x - x0) + y0) + (y1 - slope * (x1 - x)))


def _zero(g: Graph) -> str:
    return g.constant("zero", 0, np.int64)


RULES: dict[type, Rule] = by_unifml({QuantileTransformer: _quantiles})

"""Embeddings: of whole numbers, of numbers, of positions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from unifml.core.signature import ANY
from unifml.export.emit.step import INT64, Rule, Step
from unifml.layers.positions import sinusoids


def _embedding(s: Step) -> str:
    """Cast ids, send those outside the range elsewhere, and look up."""
    ids = _inside(s, s.op("Cast", s.x, part="ids", to=INT64))
    if len(s.layer.tables) > 1:
        ids = s.op("Add", ids, s.whole("offsets", *s.layer.offsets), part="places")
    return s.op("Gather", s.weight("table"), ids, axis=0)


def _inside(s: Step, ids: str) -> str:
    """Give ids outside the range the last row of their table.

    Without a row for them they point behind the whole table, where looking up fails: left alone,
    -1 would be the last row, and too large a code that of another column.
    """
    unknown, tables = s.layer.unknown, np.array(s.layer.tables)
    size = s.constant("sizes", _each(s, tables - unknown), np.int64)
    other = size if unknown else s.constant("outside", tables.sum(), np.int64)
    early = s.op("Less", ids, s.constant("zero", 0, np.int64), part="early")
    late = s.op("GreaterOrEqual", ids, size, part="late")
    return s.op("Where", s.op("Or", early, late, part="strange"), other, ids, part="inside")


def _each(s: Step, numbers: Any) -> Any:
    """Return a number for each place on the last axis, or the only one."""
    return numbers if isinstance(s.layer.size, tuple) else numbers[0]


def _learned_positions(s: Step) -> str:
    return _add_table(s, s.own["table"])


def _sinusoidal_positions(s: Step) -> str:
    steps, features = s.node.inputs[0].shape
    return _add_table(s, sinusoids(s.layer.length((steps, features)), features))


def _add_table(s: Step, table: Any) -> str:
    """Add as many rows of a table as there are steps."""
    steps = s.node.inputs[0].shape[0]
    if steps != ANY:
        return s.op("Add", s.x, s.constant("table", table[:steps]))
    count = s.op("Shape", s.x, part="steps", start=1, end=2)
    ends = (s.whole("start", 0), count, s.whole("axis", 0))
    return s.op("Add", s.x, s.op("Slice", s.constant("table", table), *ends, part="rows"))


def _periodic(s: Step) -> str:
    wide = s.op("Unsqueeze", s.x, s.whole("axis", -1), part="column")
    frequency = s.constant("frequency", 2 * math.pi * s.own["frequency"].astype(np.float64))
    angle = s.op("Mul", wide, frequency, part="angle")
    both = (s.op("Sin", angle, part="sin"), s.op("Cos", angle, part="cos"))
    return s.op("Concat", *both, axis=-1)


def _piecewise(s: Step) -> str:
    """Clip at 0 from the second bin on, at 1 up to the last but one."""
    bins = np.arange(s.layer.bins)
    wide = s.op("Unsqueeze", s.x, s.whole("axis", -1), part="column")
    z = s.op("Mul", wide, s.weight("slope"), part="scaled")
    z = s.op("Add", z, s.weight("shift"), part="shifted")
    low = s.constant("low", np.where(bins == 0, -np.inf, 0.0))
    high = s.constant("high", np.where(bins == s.layer.bins - 1, np.inf, 1.0))
    return s.op("Min", s.op("Max", z, low, part="from_low"), high)


RULES: dict[str, Rule] = {
    "embedding": _embedding,
    "learned_positions": _learned_positions,
    "sinusoidal_positions": _sinusoidal_positions,
    "periodic": _periodic,
    "piecewise": _piecewise,
}

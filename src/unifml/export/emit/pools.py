"""Poolings over whole rows."""

from __future__ import annotations

from unifml.export.emit.step import FLOAT, LOWEST, Rule, Step


def _global_avg_pool(s: Step) -> str:
    mask = s.masked()
    if mask is None:
        return _over_places(s, "ReduceMean")
    valid = s.op("Cast", _column(s, mask.valid), part="weight", to=FLOAT)
    own = s.op("Mul", s.x, valid, part="own_steps")
    total = s.op("ReduceSum", own, s.whole("axis", 1), part="sum", keepdims=0)
    count = s.op("ReduceSum", valid, s.whole("axis", 1), part="count", keepdims=0)
    return s.op("Div", total, count)


def _global_max_pool(s: Step) -> str:
    mask = s.masked()
    if mask is None:
        return _over_places(s, "ReduceMax")
    lowest = s.constant("lowest", LOWEST)
    own = s.op("Where", _column(s, mask.valid), s.x, lowest, part="own_steps")
    return s.op("ReduceMax", own, s.whole("axis", 1), keepdims=0)


def _over_places(s: Step, kind: str) -> str:
    """Reduce all axes but rows and features, wherever these stand."""
    places = range(2, s.rank + 1) if s.held[0].first else range(1, s.rank)
    return s.op(kind, s.held[0].name, s.whole("axes", *places), keepdims=0)


def _column(s: Step, valid: str) -> str:
    return s.op("Unsqueeze", valid, s.whole("features", 2), part="valid")


RULES: dict[str, Rule] = {
    "global_avg_pool": _global_avg_pool,
    "global_max_pool": _global_max_pool,
}

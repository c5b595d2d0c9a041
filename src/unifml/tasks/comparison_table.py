"""A comparison as a table: a line a model, the best first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from unifml.tasks.table import number, seconds

if TYPE_CHECKING:
    from unifml.tasks.comparison import Comparison

_OTHERS = 3  # metrics beside the first one: what a terminal is wide enough for


def standings(comparison: Comparison, more: int = _OTHERS) -> tuple[list[str], list[list[str]]]:
    """Return header and rows; `more` is how many metrics stand beside the first one."""
    first, *others = comparison.metrics[: 1 + more]
    header = ["model", first, "95% interval", "to the best", "p", *others]
    costs = {cost["name"]: cost for cost in comparison.costs}
    rows = [
        [*_place(record), *_other_scores(comparison, record, others), *_price(costs, record)]
        for record in comparison.ranking
    ]
    return [*header, "fit", "one row", "size"], rows


def notes(comparison: Comparison) -> list[str]:
    """Return what is to be said below the table."""
    kinds = list(dict.fromkeys(test.name for test in comparison.tests.values()))
    pairs = len(comparison.tests)
    holm = f"; corrected for {pairs} pairs by Holm" if pairs > 1 else ""
    said = [f"p against the best: {', '.join(kinds)}{holm}"]
    failed = [f"{name} failed: {why}" for name, why in comparison.failed.items()]
    return [*(said if kinds else []), *failed]


def _place(record: Mapping[str, Any]) -> list[str]:
    apart = "-" if record["rank"] == 1 else f"{record['difference']:+.4f}"
    return [
        record["name"],
        number(record["score"]),
        _interval(record),
        apart,
        _p_value(record["p_value"]),
    ]


def _other_scores(comparison: Comparison, record: Mapping[str, Any], names: list[str]) -> list[str]:
    scores = comparison[record["name"]].scores
    return [number(scores[name]) for name in names]


def _price(costs: Mapping[str, Any], record: Mapping[str, Any]) -> list[str]:
    cost = costs[record["name"]]
    return [seconds(cost["fit_seconds"]), brief(cost["latency"]), size(cost["bytes"])]


def _interval(record: Mapping[str, Any]) -> str:
    if record["low"] is None:
        return "-"
    return f"{number(record['low'])} to {number(record['high'])}"


def _p_value(value: float | None) -> str:
    if value is None:
        return "-"
    return "<0.001" if value < 1e-3 else f"{value:.3f}"


def brief(value: float) -> str:
    """Return a time that may be a few microseconds."""
    return f"{value * 1e6:.0f} µs" if value < 1e-3 else seconds(value)


def size(count: int | None) -> str:
    """Return a number of bytes as people say it."""
    if count is None:
        return "-"
    return f"{count / 1e3:.1f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"

"""The tables of how often intervals cover and tests alarm: the figures that were committed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from models import row

FIGURES = Path(__file__).parents[1] / "significance.json"
WAYS = {"hold-out": "One set of rows", "folds": "Five folds"}


def page() -> str:
    figures = json.loads(FIGURES.read_text("utf-8"))
    parts = [table for way in WAYS for table in covered(way, figures["coverage"])]
    parts += alarms(figures["false_alarms"])
    return "\n".join([*parts, f"Counted over {figures['draws']} draws for each line.", ""])


def covered(way: str, found: list[dict[str, Any]]) -> list[str]:
    """Return the tables of one way to score, one for each kind of metrics."""
    lines = [f"**{WAYS[way]}: intervals that hold the truth, of 100**", ""]
    mine = [each for each in found if each["way"] == way]
    for names in dict.fromkeys(tuple(metrics(each)) for each in mine):
        same = [each for each in mine if tuple(metrics(each)) == names]
        lines += [row("data", "rows", *names), row("---", *["---:"] * (1 + len(names)))]
        lines += [
            row(each["world"], str(each["rows"]), *(f"{each[n]:.1f}" for n in names))
            for each in same
        ]
        lines.append("")
    return lines


def metrics(each: dict[str, Any]) -> list[str]:
    return [name for name in each if name not in ("way", "world", "rows")]


def alarms(found: list[dict[str, Any]]) -> list[str]:
    head = ("how they were scored", "rows", "metric", "test", "alarms", "naive t-test")
    lines = ["**Differences seen that are none, of 100, at p < 0.05**", "", row(*head)]
    lines.append(row("---", "---:", "---", "---", "---:", "---:"))
    for each in found:
        test = each.get("test", "corrected resampled t")
        seen = each.get("corrected", each.get("found"))
        naive = f"{each['naive']:.1f}" if "naive" in each else ""
        cells = (each["way"], str(each["rows"]), each["metric"], test, f"{seen:.1f}", naive)
        lines.append(row(*cells))
    return [*lines, ""]

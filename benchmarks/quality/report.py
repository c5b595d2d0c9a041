"""Scores of folds -> means, intervals, and paired differences over tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from quality.contenders import OURS
from quality.tables import TABLES

DRAWS = 10_000
Scores = Mapping[str, Mapping[str, Mapping[str, list[float]]]]
"""Table -> contender -> ``score`` and ``seconds``, a number a fold."""


def summary(found: Scores, ours: str = OURS) -> list[dict[str, Any]]:
    """Return a record a contender and task: the mean, the difference to ours, and the time.

    The interval is that of the mean difference over tables (bootstrap over tables, 95 %): the
    folds of one table are no independent evidence of what another table would say.
    """
    rows = []
    for task in ("classification", "regression", "both"):
        tables = [t.name for t in TABLES if t.name in found and task in (t.task, "both")]
        names = dict.fromkeys(name for table in tables for name in found[table])
        rows += [_record(task, name, tables, found, ours) for name in names]
    return [row for row in rows if row is not None]


def write(path: Path, seeds: list[int], found: Scores) -> None:
    """Write all folds, and what they come to, as JSON: a line a table and contender."""
    packages = {name: version(name) for name in ("scikit-learn", "torch")}
    lines = [
        f"  {json.dumps(table)}: {{\n   "
        + ",\n   ".join(f"{json.dumps(name)}: {_rounded(folds)}" for name, folds in row.items())
        + "\n  }"
        for table, row in found.items()
    ]
    facts = json.dumps({"seeds": seeds, "packages": packages, "summary": summary(found)}, indent=1)
    text = facts.removesuffix("\n}") + ',\n "folds": {\n' + ",\n".join(lines) + "\n }\n}\n"
    path.write_text(text, "utf-8")


def _rounded(folds: Mapping[str, list[float]]) -> str:
    return json.dumps({key: [round(v, 4) for v in values] for key, values in folds.items()})


def _record(
    task: str, name: str, tables: list[str], found: Scores, ours: str
) -> dict[str, Any] | None:
    both = [table for table in tables if {name, ours} <= found[table].keys()]
    if not both:
        return None
    mean = np.array([np.mean(found[table][name]["score"]) for table in both])
    mine = np.array([np.mean(found[table][ours]["score"]) for table in both])
    times = [_ratio(found[table], name, ours) for table in both]
    low, high = interval(mine - mean)
    return {
        "task": task,
        "contender": name,
        "tables": len(both),
        "mean": float(mean.mean()),
        "ours_minus": float((mine - mean).mean()),
        "low": low,
        "high": high,
        "ours_better": int((mine > mean).sum()),
        "ours_worse": int((mine < mean).sum()),
        "time": float(np.exp(np.mean(np.log(times)))),
    }


def interval(differences: Any, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % interval of a mean by drawing again."""
    rng = np.random.default_rng(seed)
    drawn = rng.choice(differences, size=(DRAWS, len(differences))).mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def _ratio(row: Mapping[str, Mapping[str, list[float]]], name: str, ours: str) -> float:
    return float(np.median(row[name]["seconds"]) / np.median(row[ours]["seconds"]))


def by_table(found: Scores) -> str:
    """Return a line a table: each contender's mean, and half its interval over the folds."""
    names = list(dict.fromkeys(name for row in found.values() for name in row))
    lines = [f"{'':<22}" + "".join(f"{name[:19]:>20}" for name in names)]
    for table in (t for t in TABLES if t.name in found):
        cells = "".join(f"{_cell(found[table.name].get(name)):>20}" for name in names)
        lines.append(f"{table.name:<22}{cells}")
    return "\n".join(lines)


def _cell(folds: Mapping[str, list[float]] | None) -> str:
    if folds is None:
        return "-"
    score = np.asarray(folds["score"])
    spread = 1.96 * score.std(ddof=1) / np.sqrt(len(score)) if len(score) > 1 else np.nan
    return f"{score.mean():.3f} +-{spread:.3f}"


def over_tables(found: Scores) -> str:
    """Return a line a contender: means over tables, and how ours differs."""
    head = f"{'':<15}{'':<22}{'mean':>8}{'ours - it':>11}{'95 %':>19}{'better':>8}{'time':>8}"
    lines = [head]
    for row in summary(found):
        spread = f"{row['low']:+.4f} {row['high']:+.4f}"
        better = f"{row['ours_better']}/{row['tables']}"
        lines.append(
            f"{row['task']:<15}{row['contender']:<22}{row['mean']:>8.4f}{row['ours_minus']:>+11.4f}"
            f"{spread:>19}{better:>8}{row['time']:>8.2f}"
        )
    return "\n".join(lines)

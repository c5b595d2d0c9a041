"""Scores with their intervals, of all rows and of slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unifml.errors import UnknownNameError
from unifml.tasks.drawing import ACCENT, INK, PALE, draw_scores, figure, short
from unifml.tasks.report.plots.base import Plot, bare, headline

_MOST_SLICES, _MOST_METRICS = 24, 4


def _scores(evaluation: Any, metrics: Any = None) -> Any:
    names = _asked(evaluation, metrics)
    values = {
        name: [fold[name] for fold in evaluation.folds if fold.get(name) is not None]
        for name in names
    }
    return draw_scores(evaluation.title, values, evaluation.scores, evaluation.intervals)


def _slices(evaluation: Any, metrics: Any = None) -> Any:
    rows = evaluation.slices
    names = [n for n in _asked(evaluation, metrics) if n in rows[0]][:_MOST_METRICS]
    shown = sorted(rows, key=lambda row: -row["n"])[:_MOST_SLICES]
    shown.sort(key=rows.index)
    columns = min(2, len(names))
    lines = -(-len(names) // columns)
    drawn, axes = figure(
        3.2 + 2.2 * columns, 0.9 + lines * (0.7 + 0.28 * len(shown)), lines, columns
    )
    more = f", the {len(shown)} largest of {len(rows)}" if len(rows) > len(shown) else ""
    what = f"Scores of slices{more}, with 95 % intervals; the line is the score of all rows"
    headline(drawn, what, evaluation)
    labels = [f"{short(row['slice'], 34)}  (n = {row['n']})" for row in shown]
    for i, ax in enumerate(axes.flat):
        if i >= len(names):
            ax.set_axis_off()
            continue
        _bars(ax, shown, names[i])
        ax.axvline(evaluation.scores[names[i]], color=ACCENT, lw=1.5)
        ax.set_yticks(range(len(shown)), labels if i % columns == 0 else [], fontsize=8)
    return drawn


def _bars(ax: Any, rows: Sequence[Mapping[str, Any]], name: str) -> None:
    """Draw a bar a slice with its interval; slices of few rows are paler."""
    for place, row in enumerate(rows):
        value, low, high = (row.get(key) for key in (name, f"{name} low", f"{name} high"))
        if value is None:
            ax.text(0, place, " not defined", va="center", fontsize=8, color=INK)
            continue
        ax.barh(place, value, color=PALE, height=0.7, alpha=0.5 if row["rare"] else 1.0)
        if low is not None:
            ax.plot([low, high], [place, place], color=INK, lw=1.0)
    ax.set(title=short(name), ylim=(len(rows) - 0.4, -0.6))
    ax.title.set_fontsize(9)
    ax.tick_params(axis="y", length=0)
    bare(ax, "top", "right", "left")


def _asked(evaluation: Any, metrics: Any) -> list[str]:
    if metrics is None:
        return list(evaluation.scores)
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    for name in names:
        if name not in evaluation.scores:
            raise UnknownNameError.among("metric", name, evaluation.scores)
    return names


def _no_slices(evaluation: Any) -> str:
    return "" if evaluation.slices else "slices: evaluate(..., by=a column)"


SCORES = Plot("scores", "each metric with its interval", _scores, lambda evaluation: "")
SLICES = Plot("slices", "scores of slices", _slices, _no_slices)

"""Pictures of what a model looks at; matplotlib is loaded when one is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from unifml.core.table import FloatArray
from unifml.tasks.drawing import ACCENT, INK, PALE, figure, plain, short


def draw_importances(title: str, metric: str, names: Sequence[str], draws: FloatArray) -> Any:
    """Draw each column's mean as a bar, and its single draws as dots."""
    drawn, axes = figure(7, 1.2 + 0.28 * len(names))
    ax = axes[0, 0]
    places = np.arange(len(names))
    flat = draws[: len(names)].reshape(len(names), -1)
    ax.barh(places, flat.mean(axis=1), color=PALE, height=0.7)
    ax.plot(flat, places, "o", color=ACCENT, ms=3, alpha=0.6, mew=0)
    ax.axvline(0, color=INK, lw=0.8)
    ax.set(
        xlabel=f"{plain(metric)} worse by, when the column is shuffled",
        ylim=(len(names) - 0.4, -0.6),
    )
    ax.set_yticks(places, [short(name, 32) for name in names])
    _open(ax, title, drawn)
    return drawn


def draw_threshold(thresholds: FloatArray, scores: FloatArray, best: float, label: str) -> Any:
    """Draw the score by threshold, and mark the best."""
    drawn, axes = figure(7, 3.4)
    ax = axes[0, 0]
    ax.plot(thresholds, scores, color=ACCENT, lw=2)
    ax.axvline(best, color=INK, lw=0.9, ls="--", label=f"best threshold: {best:.3g}")
    ax.set(xlabel="threshold", ylabel=plain(label))
    ax.legend(frameon=False, fontsize=8)
    ax.tick_params(axis="y", length=0)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    return drawn


def _open(ax: Any, title: str, drawn: Any) -> None:
    drawn.suptitle(plain(title), fontsize=9, x=0.01, ha="left", wrap=True)
    ax.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)

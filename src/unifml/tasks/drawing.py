"""Pictures of results; matplotlib is loaded when one is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from unifml.errors import MissingDependencyError
from unifml.tasks.intervals import Interval

INK, ACCENT, PALE = "#1f2933", "#2f6fb2", "#c4ccd4"


def figure(
    width: float,
    height: float,
    rows: int = 1,
    columns: int = 1,
    heights: Sequence[float] | None = None,
) -> Any:
    """Return a new matplotlib figure and its axes, which take `heights` shares of it."""
    if find_spec("matplotlib") is None:
        raise MissingDependencyError.of("plot()", ["matplotlib"], "plot")
    import matplotlib.pyplot as plt

    return plt.subplots(
        rows,
        columns,
        figsize=(width, height),
        layout="constrained",
        squeeze=False,
        height_ratios=heights,
    )


def plain(text: object) -> str:
    """Return text that matplotlib writes as it is: a dollar sign begins no formula."""
    return str(text).replace("$", r"\$")


def short(text: object, most: int = 24) -> str:
    """Return a label that fits beside an axis."""
    words = " ".join(str(text).split())
    return plain(words if len(words) <= most else f"{words[: most - 1]}…")


def draw_scores(
    title: str,
    values: Mapping[str, Sequence[float]],
    means: Mapping[str, float],
    intervals: Mapping[str, Interval],
) -> Any:
    """Draw one line per metric: the folds' values, the mean and its interval."""
    drawn, axes = figure(7, 0.9 + 0.62 * len(values), len(values))
    for ax, (name, points) in zip(axes[:, 0], values.items(), strict=True):
        if name in intervals:
            ax.plot(intervals[name], [0, 0], color=ACCENT, lw=5, alpha=0.35, solid_capstyle="round")
        ax.plot(points, [0] * len(points), "o", color=PALE, mec=INK, mew=0.6, ms=5)
        ax.plot([means[name]], [0], "D", color=ACCENT, ms=7)
        ax.set_yticks([0], [short(name)])
        _bare(ax)
    drawn.suptitle(plain(title), fontsize=9, x=0.01, ha="left", wrap=True)
    return drawn


def draw_search(numbers: Sequence[int], values: Sequence[float], best: Sequence[float]) -> Any:
    """Draw the value of each trial, and the best so far."""
    drawn, axes = figure(7, 3.4)
    ax = axes[0, 0]
    ax.plot(numbers, values, "o", color=PALE, mec=INK, mew=0.6, ms=5, label="trial")
    ax.step(numbers, best, where="post", color=ACCENT, lw=2, label="best so far")
    ax.set_xlabel("trial")
    ax.legend(frameon=False)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    return drawn


def _bare(ax: Any) -> None:
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.margins(x=0.08)

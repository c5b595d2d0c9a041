"""Pictures of a comparison; matplotlib is loaded when one is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unifml.tasks.drawing import ACCENT, INK, PALE, figure, plain, short

if TYPE_CHECKING:
    from unifml.tasks.backend_comparison import BackendComparison
    from unifml.tasks.comparison import Comparison


def draw_scores(comparison: Comparison, metric: str) -> Any:
    """Draw a line a model, the best on top: folds, mean and interval."""
    records = comparison.ranked(metric)
    drawn, ax = _lines(comparison.title, [record["name"] for record in records], metric)
    for place, record in enumerate(records):
        evaluation = comparison[record["name"]]
        if record["low"] is not None:
            _bar(ax, place, record["low"], record["high"])
        points = [fold[metric] for fold in evaluation.folds]
        if len(points) > 1:
            ax.plot(points, [place] * len(points), "o", color=PALE, mec=INK, mew=0.6, ms=5)
        ax.plot([record["score"]], [place], "D", color=ACCENT, ms=7)
    return drawn


def draw_differences(comparison: Comparison, metric: str) -> Any:
    """Draw each model minus the best, with the interval of the difference and its p-value."""
    records, tests = comparison.ranked(metric), comparison.tested(metric)
    best, others = records[0]["name"], records[1:]
    label = f"{metric} minus that of {best}"
    drawn, ax = _lines(comparison.title, [record["name"] for record in others], label)
    ax.axvline(0, color=INK, lw=0.8)
    for place, record in enumerate(others):
        test = comparison.against(best, record["name"], tests)
        if test is not None and test.interval is not None:
            _bar(ax, place, *test.interval)
        ax.plot([record["difference"]], [place], "D", color=ACCENT, ms=7)
        if test is not None:
            text = f"p = {test.adjusted:.2g}"
            ax.annotate(
                text, (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=8
            )
    return drawn


def draw_pareto(comparison: Comparison, metric: str) -> Any:
    """Draw quality against the time of one answer; a line joins those that none beats."""
    drawn, axes = figure(7, 4)
    ax, costs = axes[0, 0], {cost["name"]: cost["latency"] * 1e3 for cost in comparison.costs}
    kept = comparison.front(metric)
    edge = [(costs[name], comparison[name].scores[metric]) for name in kept]
    ax.plot(*zip(*edge, strict=True), color=ACCENT, lw=1, alpha=0.5)
    for name, evaluation in comparison.items():
        color = ACCENT if name in kept else PALE
        ax.plot([costs[name]], [evaluation.scores[metric]], "o", color=color, mec=INK, ms=8)
        ax.annotate(
            short(name),
            (costs[name], evaluation.scores[metric]),
            xytext=(7, 5),
            textcoords="offset points",
            fontsize=8,
        )
    ax.set(xscale="log", xlabel="one row, milliseconds", ylabel=plain(metric))
    ax.margins(x=0.2, y=0.15)
    _title(drawn, comparison.title)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    return drawn


def draw_losses(comparison: BackendComparison) -> Any:
    """Draw the loss by epoch of each backend; equal ones lie on each other."""
    drawn, axes = figure(7, 3.6)
    ax = axes[0, 0]
    styles = ("-", "--", ":", "-.")
    for i, run in enumerate(comparison.runs):
        losses = run.losses
        style = {"ls": styles[i % 4], "lw": 4 - min(i, 3)}
        ax.plot(range(1, 1 + len(losses)), losses, label=run.backend, **style)
    ax.set(xlabel="epoch", ylabel="loss")
    ax.legend(frameon=False)
    _title(drawn, comparison.title)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    return drawn


def _lines(title: str, names: list[str], label: str) -> tuple[Any, Any]:
    """Return a figure with a line for each name, the first on top."""
    drawn, axes = figure(7, 1.3 + 0.42 * max(len(names), 1))
    ax = axes[0, 0]
    ax.set_yticks(range(len(names)), [short(name) for name in names])
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlabel(plain(label))
    ax.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    _title(drawn, title)
    return drawn, ax


def _bar(ax: Any, place: int, low: float, high: float) -> None:
    ax.plot([low, high], [place, place], color=ACCENT, lw=5, alpha=0.35, solid_capstyle="round")


def _title(drawn: Any, title: str) -> None:
    drawn.suptitle(plain(title), fontsize=9, x=0.01, ha="left", wrap=True)

"""The picture of a partial dependence, by scikit-learn's display."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.inspection import PartialDependenceDisplay

from unifml.tasks.drawing import ACCENT, figure, plain, short
from unifml.tasks.report.plots.base import bare, legend, style

if TYPE_CHECKING:
    from unifml.tasks.insight.dependences import Dependence, Effect

_COLUMNS = 3


def draw_dependence(dependence: Dependence, answer: int | None) -> Any:
    """Draw a panel an effect; a line for each answer, or for one of them."""
    effects = dependence.effects
    columns = min(_COLUMNS, len(effects))
    lines = -(-len(effects) // columns)
    drawn, axes = figure(max(3.3 * columns, 5.2), 3.0 * lines + 0.7, lines, columns)
    for ax, effect in zip(axes.flat, effects, strict=False):
        _panel(ax, dependence, effect, answer)
    for ax in axes.flat[len(effects) :]:
        ax.set_axis_off()
    drawn.suptitle(plain(dependence.title), fontsize=9, x=0.01, ha="left", wrap=True)
    return drawn


def _panel(ax: Any, dependence: Dependence, effect: Effect, answer: int | None) -> None:
    names = dependence.answers or [dependence.measure]
    every = answer is None and len(effect.columns) == 1 and effect.individual is None
    targets = list(range(len(effect.average))) if every else [answer or 0]
    if effect.by_value[0] and len(targets) > 1:
        _dots(ax, effect, [short(names[target]) for target in targets])
    else:
        _lines(ax, effect, targets, names)
    about = f" of {short(names[targets[0]])}" if len(targets) == 1 and dependence.answers else ""
    if len(effect.columns) == 1:
        ax.set(xlabel=short(effect.name, 40), ylabel=f"{dependence.measure}{about}")
    else:
        ax.set_title(f"{dependence.measure}{about}", fontsize=9)
    bare(ax)
    if len(targets) > 1:
        legend(ax, loc="lower left", bbox_to_anchor=(0, 1), ncols=min(len(targets), 3))
    elif ax.get_legend() is not None:
        ax.get_legend().remove()


def _lines(ax: Any, effect: Effect, targets: list[int], names: list[str]) -> None:
    """Let scikit-learn draw an effect, once for each answer."""
    for place, target in enumerate(targets):
        looks: dict[str, Any] = {"line_kw": {"label": short(names[target])}}
        if effect.individual is None:
            looks = {"line_kw": {**style(place), "lw": 2, "label": short(names[target])}}
        _display(effect, target).plot(
            ax=np.array([ax], dtype=object),
            pdp_lim=_limits(effect, targets),
            bar_kw={"color": ACCENT},
            contour_kw={"cmap": "Blues"},
            heatmap_kw={"cmap": "Blues"},
            **looks,
        )


def _dots(ax: Any, effect: Effect, names: list[str]) -> None:
    """Draw a dot for each value and answer, where bars would stand before each other."""
    values = [short(value) for value in effect.values[0]]
    for place, (name, means) in enumerate(zip(names, effect.average, strict=True)):
        ax.plot(values, means, "o", color=style(place)["color"], ms=6, label=name)
    ax.margins(x=0.3)
    ax.tick_params(axis="x", rotation=90)


def _limits(effect: Effect, targets: list[int]) -> dict[int, tuple[float, float]]:
    """Return what the answers' axis spans: bars begin at 0."""
    kept = effect.average if effect.individual is None else effect.individual
    low, high = float(kept[targets].min()), float(kept[targets].max())
    if all(effect.by_value):
        low, high = min(low, 0.0), max(high, 0.0)
    margin = 0.05 * (high - low) or 0.5
    return {len(effect.columns): (low - margin, high + margin)}


def _display(effect: Effect, target: int) -> PartialDependenceDisplay:
    """Return scikit-learn's display of one effect, as it would make it itself."""
    count = len(effect.columns)
    rugs = {i: rug for i, rug in enumerate(effect.deciles) if rug is not None}
    return PartialDependenceDisplay(
        [effect.found],
        features=[tuple(range(count))],
        feature_names=[plain(name) for name in effect.columns],
        target_idx=target,
        deciles=rugs,
        kind="average" if effect.individual is None else "both",
        subsample=50,
        random_state=0,
        is_categorical=[effect.by_value],
    )

"""How the loss went, epoch by epoch, in every fold."""

from __future__ import annotations

from typing import Any

import numpy as np

from unifml.tasks.drawing import figure
from unifml.tasks.report.plots.base import PALETTE, Plot, bare, headline, legend

_ASIDE = ("learning_rate", "seconds")
_MOST = 4


def _learning_curve(evaluation: Any) -> Any:
    found = list(evaluation.curves.values())
    groups = _groups(found)
    drawn, axes = figure(6.4, 1.0 + 2.6 * len(groups), len(groups))
    several = f" of {len(found)} folds and their mean" if len(found) > 1 else ""
    headline(drawn, f"Learning curves{several}", evaluation)
    for ax, (name, columns) in zip(axes[:, 0], groups.items(), strict=True):
        for place, column in enumerate(columns):
            _lines(ax, [h[column] for h in found if column in h], column, PALETTE[place])
        ax.set(ylabel=name)
        bare(ax)
        if len(columns) > 1:
            legend(ax)
    axes[-1, 0].set_xlabel("epoch")
    return drawn


def _lines(ax: Any, folds: list[Any], name: str, color: str) -> None:
    """Draw each fold thin, and thick the mean of those that are still in training."""
    longest = max(map(len, folds))
    table = np.full((len(folds), longest), np.nan)
    for line, values in zip(table, folds, strict=True):
        line[: len(values)] = values
    epochs = np.arange(1, longest + 1)
    mark = "o" if longest == 1 else None
    if len(folds) > 1:
        ax.plot(epochs, table.T, color=color, lw=0.7, alpha=0.4, marker=mark, ms=3)
    ax.plot(epochs, np.nanmean(table, axis=0), color=color, lw=2, label=name, marker=mark)


def _groups(found: list[Any]) -> dict[str, list[str]]:
    """Return curves that share an axis: those of training rows and of rows held out."""
    names = dict.fromkeys(name for h in found for name in h if name not in _ASIDE)
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.removeprefix("val_"), []).append(name)
    return dict(list(groups.items())[:_MOST])


def _lacks(evaluation: Any) -> str:
    some = any(_groups([history]) for history in evaluation.curves.values())
    return "" if some else "a model that is trained by epochs here"


PLOTS = (Plot("learning_curve", "loss by epoch", _learning_curve, _lacks),)

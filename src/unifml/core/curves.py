"""Curves of a fit; matplotlib is loaded when one is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np

from unifml.core.table import FloatArray
from unifml.errors import MissingDependencyError

ACCENT, INK = "#2f6fb2", "#1f2933"
_OTHERS = ("#c2571a", "#3d8b5f", "#8a5fa8", "#a8873a", "#7a8794")


def panels(count: int, ax: Any = None) -> list[Any]:
    """Return matplotlib axes, one below the other.

    Parameters
    ----------
    count : int
        How many are needed.
    ax : Axes, sequence of Axes or None
        Those to draw on, as many as there are; None makes a figure.
    """
    if find_spec("matplotlib") is None:
        raise MissingDependencyError.of("plot()", ["matplotlib"], "plot")
    if ax is not None:
        return list(np.ravel(np.asarray(ax, dtype=object)))[:count]
    import matplotlib.pyplot as plt

    size = (7.0, 0.6 + 2.7 * count)
    _, axes = plt.subplots(count, 1, figsize=size, sharex=True, layout="constrained", squeeze=False)
    return list(axes[:, 0])


def draw_curves(ax: Any, curves: Mapping[str, FloatArray], best: int | None = None) -> None:
    """Draw values per epoch, one colour a name: thin for training rows, thick for rows held out.

    Parameters
    ----------
    ax : Axes
        Where to.
    curves : mapping of str to array
        One value per epoch, by name.
    best : int or None
        The epoch to mark, counted from 1.
    """
    colours = _colours(curves)
    for name, values in curves.items():
        plain = name.removeprefix("val_")
        wide = name != plain or f"val_{plain}" not in curves
        epochs = np.arange(1, len(values) + 1)
        line = {"lw": 2.0 if wide else 1.0, "alpha": 1.0 if wide else 0.6}
        ax.plot(epochs, values, color=colours[plain], label=name, **line)
    if best:
        ax.axvline(best, color=INK, lw=0.8, ls=":", label=f"best epoch: {best}")
    ax.legend(frameon=False, fontsize=8)
    bare(ax)


def bare(ax: Any) -> None:
    """Take the frame away where it says nothing."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def frame(columns: Mapping[str, Any], first: int, name: str) -> Any:
    """Return a pandas DataFrame whose lines are counted from `first` under `name`."""
    import pandas as pd

    table = pd.DataFrame(columns)
    table.index = pd.RangeIndex(first, first + len(table), name=name)
    return table


def _colours(names: Iterable[str]) -> dict[str, str]:
    plain = dict.fromkeys(name.removeprefix("val_") for name in names)
    palette = (ACCENT, *_OTHERS)
    return {name: palette[i % len(palette)] for i, name in enumerate(plain)}

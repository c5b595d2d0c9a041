"""The confusion matrix: rows are what is so, columns what was said."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import ConfusionMatrixDisplay

from unifml.tasks.drawing import figure, short
from unifml.tasks.report.facts import is_multilabel, rows_shown
from unifml.tasks.report.plots.base import Plot, canvas, headline

_MOST_NUMBERS, _MOST_LABELS, _MOST_CLASSES = 12, 9, 60


def _confusion(evaluation: Any) -> Any:
    return _labels(evaluation) if is_multilabel(evaluation) else _classes(evaluation)


def _classes(evaluation: Any) -> Any:
    classes, counts = evaluation.confusion.classes, evaluation.confusion.counts
    side = min(3.2 + 0.45 * len(classes), 9.0)
    title = f"Confusion matrix, {rows_shown(evaluation)}"
    drawn, ax = canvas(title, evaluation, height=side, width=max(side + 1.0, 5.5))
    _matrix(ax, counts, classes)
    return drawn


def _labels(evaluation: Any) -> Any:
    """Draw a small matrix a label."""
    counts = evaluation.confusion.counts
    shown = counts[:_MOST_LABELS]
    columns = min(3, len(shown))
    lines = -(-len(shown) // columns)
    drawn, axes = figure(2.6 * columns + 0.6, 2.6 * lines + 0.8, lines, columns)
    more = f", the first {len(shown)} of {len(counts)} labels" if len(counts) > len(shown) else ""
    headline(drawn, f"Confusion matrices, {rows_shown(evaluation)}{more}", evaluation)
    for i, ax in enumerate(axes.flat):
        if i < len(shown):
            _matrix(ax, shown[i], ["no", "yes"])
            ax.set_title(f"label {i}", fontsize=9)
        else:
            ax.set_axis_off()
    return drawn


def _matrix(ax: Any, counts: npt.NDArray[Any], classes: Any) -> None:
    """Colour cells by their share of the row, and write the count over the share."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-300)
    few = len(counts) <= _MOST_NUMBERS
    names = [short(name, 16) for name in classes]
    longest = max(map(len, names))
    display = ConfusionMatrixDisplay(shares, display_labels=names).plot(
        ax=ax,
        include_values=few,
        cmap="Blues",
        colorbar=not few,
        xticks_rotation="vertical" if longest > 6 or len(counts) > _MOST_NUMBERS else "horizontal",
        im_kw={"vmin": 0, "vmax": 1},
    )
    ax.set(xlabel="predicted", ylabel="true")
    ax.tick_params(labelsize=8 if len(counts) <= 20 else 5)
    if few:
        for place, text in np.ndenumerate(display.text_):
            text.set_text(f"{counts[place]:.6g}\n{shares[place]:.0%}" if counts[place] else "0")
            text.set_fontsize(8)


def _lacks(evaluation: Any) -> str:
    if evaluation.kind != "classification":
        return "classes"
    if is_multilabel(evaluation):
        return ""
    count = len(evaluation.confusion.classes)
    return "" if count <= _MOST_CLASSES else f"at most {_MOST_CLASSES} classes, not {count}"


PLOTS = (Plot("confusion", "the confusion matrix", _confusion, _lacks),)

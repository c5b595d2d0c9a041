"""Numbers that were predicted, against those that are so."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from sklearn.metrics import PredictionErrorDisplay

from unifml.tasks.drawing import ACCENT, INK, figure
from unifml.tasks.report.facts import rows_shown
from unifml.tasks.report.plots.base import Plot, bare, headline

_MOST_ROWS, _MOST_OUTPUTS = 2000, 6
_TITLES = {
    "residual_vs_predicted": "Residuals (true minus predicted)",
    "actual_vs_predicted": "True against predicted",
}


def _scatter(kind: str, evaluation: Any) -> Any:
    from matplotlib.ticker import MaxNLocator

    found = evaluation.predictions
    true, said = (np.asarray(v).reshape(len(v), -1) for v in (found.true, found.predicted))
    outputs = min(true.shape[1], _MOST_OUTPUTS)
    columns = min(outputs, 3)
    lines = -(-outputs // columns)
    drawn, axes = figure(max(3.2 * columns, 6.0), 3.4 * lines + 0.9, lines, columns)
    shown = min(len(true), _MOST_ROWS)
    some = f", {shown} drawn at random" if shown < len(true) else ""
    headline(drawn, f"{_TITLES[kind]}, {rows_shown(evaluation)}{some}", evaluation)
    for i, ax in enumerate(axes.flat):
        if i >= outputs:
            ax.set_axis_off()
            continue
        PredictionErrorDisplay.from_predictions(
            true[:, i], said[:, i], kind=kind, subsample=_MOST_ROWS, random_state=0, ax=ax,
            scatter_kwargs={"color": ACCENT, "alpha": 0.5, "s": 14, "linewidths": 0,
                            "rasterized": True},
            line_kwargs={"color": INK, "alpha": 1.0, "lw": 0.9},
        )  # fmt: skip
        ax.set(xlabel="predicted", ylabel="true" if kind.startswith("actual") else "residual")
        for axis in (ax.xaxis, ax.yaxis):  # round numbers, where scikit-learn cuts in equal parts
            axis.set_major_locator(MaxNLocator(5))
        if true.shape[1] > 1:
            ax.set_title(f"output {i}", fontsize=9)
        bare(ax)
    return drawn


def _lacks(evaluation: Any) -> str:
    return "" if evaluation.kind == "regression" else "numbers, which regression predicts"


PLOTS = (
    Plot("residuals", "errors", partial(_scatter, "residual_vs_predicted"), _lacks),
    Plot("predicted", "true numbers", partial(_scatter, "actual_vs_predicted"), _lacks),
)

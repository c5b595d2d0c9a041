"""ROC, precision against recall, and calibration: each class against the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.calibration import CalibrationDisplay
from sklearn.metrics import PrecisionRecallDisplay, RocCurveDisplay

from unifml.tasks.drawing import INK, PALE, figure, short
from unifml.tasks.report.facts import class_scores, rows_shown
from unifml.tasks.report.plots.base import WIDTH, Plot, bare, canvas, headline, legend, style
from unifml.tasks.report.plots.sides import Side, questions, sides

_BINS = 10
_CHANCE = {"color": INK, "lw": 0.8, "ls": ":"}


def _roc(evaluation: Any) -> Any:
    drawn, ax, found = _open("ROC curve", evaluation)
    ax.plot([0, 1], [0, 1], label="chance", **_CHANCE)
    _draw(ax, found, RocCurveDisplay.from_predictions)
    ax.set(xlabel="false positive rate", ylabel="true positive rate", aspect="equal")
    _beside(ax)
    return drawn


def _pr(evaluation: Any) -> Any:
    drawn, ax, found = _open("Precision and recall", evaluation)
    if len(found) == 1:
        share = np.average(found[0].positive, weights=found[0].weight)
        ax.axhline(share, label=f"chance: {share:.2f}", **_CHANCE)
    _draw(ax, found, PrecisionRecallDisplay.from_predictions)
    ax.set(xlabel="recall", ylabel="precision", aspect="equal", xlim=(-0.01, 1.01), ylim=(0, 1.02))
    _beside(ax)
    return drawn


def _calibration(evaluation: Any) -> Any:
    drawn, axes = figure(6.4, 5.6, rows=2, heights=(3, 1))
    found = _sides(evaluation)
    headline(drawn, _titled("Calibration", evaluation, found), evaluation)
    ax, below = axes[:, 0]
    ax.plot([0, 1], [0, 1], label="perfect", **_CHANCE)
    for place, side in enumerate(found):
        looks = style(place)
        CalibrationDisplay.from_predictions(
            side.positive, side.score, n_bins=_BINS, strategy="quantile", ref_line=False,
            name=short(side.name), ax=ax, ms=4, lw=1.5, **looks,
        )  # fmt: skip
        below.hist(side.score, np.linspace(0, 1, 21), histtype="step", lw=1.5, **looks)
    ax.set(xlabel="", ylabel="share that is so", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    below.set(xlabel="predicted probability", ylabel="rows", xlim=(-0.01, 1.01))
    legend(ax, loc="upper left")
    for each in (ax, below):
        bare(each)
    return drawn


def _open(what: str, evaluation: Any) -> tuple[Any, Any, list[Side]]:
    """Return a figure wide enough for the names, its axes, and what is to be drawn."""
    found = _sides(evaluation)
    longest = max(len(short(side.name)) for side in found)
    width = WIDTH + 0.08 * max(longest - 8, 0)
    drawn, ax = canvas(_titled(what, evaluation, found), evaluation, width=width)
    return drawn, ax, found


def _titled(what: str, evaluation: Any, found: list[Side]) -> str:
    every = questions(evaluation.predictions)
    some = f", the {len(found)} largest of {every} classes" if len(found) < every else ""
    weighted = evaluation.predictions.weight is not None
    plain = ", rows unweighted" if weighted and what == "Calibration" else ""
    return f"{what}, {rows_shown(evaluation)}{some}{plain}"


def _draw(ax: Any, found: list[Side], display: Callable[..., Any]) -> None:
    """Draw a line a side; for one alone the folds as well, pale behind it."""
    if len(found) == 1 and len(np.unique(found[0].fold)) > 1:
        for i, part in enumerate(found[0].by_fold()):
            looks = {"color": PALE, "lw": 1.0, "label": None if i else "one fold"}
            _line(ax, part, display, looks)
    for place, side in enumerate(found):
        _line(ax, side, display, {**style(place), "lw": 2.0})


def _line(ax: Any, side: Side, display: Callable[..., Any], looks: dict[str, Any]) -> None:
    before = len(ax.lines)
    display(side.positive, side.score, sample_weight=side.weight, name=short(side.name), ax=ax)
    line = ax.lines[before]
    line.set(**{"label": line.get_label(), **looks})


def _beside(ax: Any) -> None:
    """Put the legend where no curve goes."""
    bare(ax)
    legend(ax, loc="center left", bbox_to_anchor=(1.01, 0.5))


def _sides(evaluation: Any) -> list[Side]:
    scores = class_scores(evaluation)
    return [] if scores is None else sides(evaluation, scores)


def _no_scores(evaluation: Any) -> str:
    if evaluation.kind != "classification":
        return "classes"
    if class_scores(evaluation) is None:
        return "probabilities or decision values of the same classes in every fold"
    return "" if _sides(evaluation) else "rows of more than one class"


def _no_probabilities(evaluation: Any) -> str:
    if evaluation.kind == "classification" and evaluation.predictions.probabilities is None:
        return "probabilities of the same classes in every fold"
    return _no_scores(evaluation)


PLOTS = (
    Plot("roc", "ROC curves", _roc, _no_scores),
    Plot("pr", "precision against recall", _pr, _no_scores),
    Plot("calibration", "probabilities against what is so", _calibration, _no_probabilities),
)

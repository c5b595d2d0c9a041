"""The plots of an evaluation, by kind."""

from __future__ import annotations

from typing import Any

from unifml.errors import CapabilityError, ParameterError, UnknownNameError
from unifml.tasks.report.plots import curves, errors, learning, matrix, scores
from unifml.tasks.report.plots.base import Plot

_FAMILIES = (*curves.PLOTS, *matrix.PLOTS, *errors.PLOTS, *learning.PLOTS)
PLOTS: dict[str, Plot] = {plot.name: plot for plot in (scores.SCORES, *_FAMILIES, scores.SLICES)}


def possible(evaluation: Any) -> list[str]:
    """Return the kinds of plots that an evaluation can give."""
    return [name for name, plot in PLOTS.items() if not plot.lacks(evaluation)]


def draw(evaluation: Any, kind: str = "scores", metrics: Any = None) -> Any:
    """Return a matplotlib Figure of one kind.

    Parameters
    ----------
    evaluation : Evaluation
        What is drawn.
    kind : str
        One of `PLOTS`.
    metrics : str, list of str or None
        Those to draw, for ``scores`` and ``slices``; None draws all.

    Raises
    ------
    UnknownNameError
        For a kind, or a metric, that there is not.
    CapabilityError
        For a kind that the evaluation cannot give; it names those that it can.
    """
    if kind not in PLOTS:
        raise UnknownNameError.among("plot", kind, PLOTS)
    lacking = PLOTS[kind].lacks(evaluation)
    if lacking:
        raise CapabilityError(
            f"plot({kind!r})",
            found=f"it needs {lacking}",
            rule=f"this evaluation can draw: {', '.join(possible(evaluation))}",
        )
    if metrics is None:
        return PLOTS[kind].draw(evaluation)
    if kind not in ("scores", "slices"):
        raise ParameterError(
            f"plot({kind!r}, metrics={metrics!r})", rule="metrics are chosen for scores and slices"
        )
    return PLOTS[kind].draw(evaluation, metrics)


__all__ = ["PLOTS", "Plot", "draw", "possible"]

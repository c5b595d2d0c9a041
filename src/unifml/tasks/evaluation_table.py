"""The scores of an evaluation as a table, and the notes below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unifml.metrics import Metric
from unifml.tasks.failures import in_words
from unifml.tasks.intervals import LEVEL
from unifml.tasks.slices import RARE
from unifml.tasks.summary import values_of
from unifml.tasks.table import number, seconds

if TYPE_CHECKING:
    from unifml.tasks.evaluation import Evaluation


def line(evaluation: Evaluation, metric: Metric) -> dict[str, float]:
    """Return mean, standard error, interval, and standard deviation over the folds, of a metric."""
    low, high = evaluation.intervals.get(metric.name, (np.nan, np.nan))
    values = values_of(metric, evaluation._outcomes)
    return {
        "mean": evaluation.scores[metric.name],
        "se": evaluation.standard_errors.get(metric.name, np.nan),
        "low": low,
        "high": high,
        "sd": float(np.std(values, ddof=1)) if len(values) > 1 else np.nan,
    }


def table(evaluation: Evaluation) -> tuple[list[str], list[list[str]]]:
    """Return the header and the lines."""
    several = len(evaluation._outcomes) > 1
    header = ["metric", "mean" if several else "score", f"{LEVEL:.0%} interval"]
    rows = [_row(evaluation, metric, several) for metric in evaluation._metrics]
    return [*header, *(["sd of folds"] if several else [])], rows


def notes(evaluation: Evaluation) -> list[str]:
    """Return times, how intervals were made, which folds failed, and how many slices are rare."""
    several = len(evaluation._outcomes) > 1
    times = [f"predict {seconds(evaluation.predict_seconds)}"]
    if evaluation.fit_seconds is not None:
        times.insert(0, f"fit {seconds(evaluation.fit_seconds)}")
    how = "corrected resampled t over the folds" if several else "Wilson or bootstrap over the rows"
    first = f"{', '.join(times)}{' a fold' if several else ''}; intervals: {how}"
    return [first, *_of_failures(evaluation), *_of_slices(evaluation)]


def _row(evaluation: Evaluation, metric: Metric, several: bool) -> list[str]:
    found = line(evaluation, metric)
    known = metric.name in evaluation.intervals
    interval = f"{number(found['low'])} to {number(found['high'])}" if known else "-"
    spread = [number(found["sd"])] if several else []
    return [metric.name, number(found["mean"]), interval, *spread]


def _of_failures(evaluation: Evaluation) -> list[str]:
    failed = evaluation._failed
    if not failed:
        return []
    outcome = evaluation._outcomes[next(iter(failed))]
    instead = outcome.scores[evaluation._metrics[0].name]
    return [in_words(failed, len(evaluation._outcomes), instead)]


def _of_slices(evaluation: Evaluation) -> list[str]:
    if not evaluation._slicings:
        return []
    few = sum(row["rare"] for row in evaluation.slices)
    rare = f", {few} of fewer than {RARE} rows" if few else ""
    by = ", ".join(each.name for each in evaluation._slicings)
    return [
        f"{len(evaluation.slices)} slices by {by}{rare}; their intervals are over rows, without "
        "what folds share"
    ]

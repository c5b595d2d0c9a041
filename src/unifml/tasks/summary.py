"""The numbers of an evaluation: over its folds, or over the rows of its only one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.table import FloatArray
from unifml.metrics import Metric
from unifml.tasks.edges import rate
from unifml.tasks.folds import Outcome
from unifml.tasks.intervals import Spread, clipped, fold_spread, row_spreads

Array = npt.NDArray[Any]


def values_of(metric: Metric, outcomes: Sequence[Outcome]) -> list[float]:
    """Return a metric in the folds that count; a fold that failed does not if its score is NaN."""
    found = [outcome.scores[metric.name] for outcome in outcomes]
    return [value for value in found if not np.isnan(value)]


def spreads(
    metrics: Sequence[Metric],
    outcomes: Sequence[Outcome],
    y: Array | None,
    weight: FloatArray | None,
    seed: int,
) -> dict[str, Spread]:
    """Return standard error and interval of each metric that has them.

    Of several folds by the corrected resampled t; of one set of rows by Wilson or the bootstrap.
    """
    counted = [o for o in outcomes if not all(np.isnan(value) for value in o.scores.values())]
    found = (
        _over_folds(metrics, counted, y, weight)
        if len(counted) > 1
        else _over_rows(metrics, counted[0], y, weight, seed)
    )
    return {
        m.name: Spread(found[m.name].error, clipped(found[m.name].interval, m.bounds))
        for m in metrics
        if m.name in found
    }


def by_fold(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Return a record a fold; where some failed, the error of each."""
    some_failed = any(outcome.failure for outcome in outcomes)
    return [_record(i, outcome, some_failed) for i, outcome in enumerate(outcomes)]


def plain(value: Any) -> Any:
    """Return a result as JSON has it: NumPy's numbers as Python's, what is no number as null."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value if isinstance(value, str | int | bool | type(None)) else str(value)


def _over_folds(
    metrics: Sequence[Metric],
    outcomes: Sequence[Outcome],
    y: Array | None,
    weight: FloatArray | None,
) -> dict[str, Spread]:
    splits = [outcome.split for outcome in outcomes]
    share = float(np.mean([len(s.test) / len(s.train) for s in splits if s.train is not None]))
    found = {}
    for metric in metrics:
        values = values_of(metric, outcomes)
        # Folds that are all equal show no spread: what is known is how many trials there were.
        trials = _trials(metric, outcomes, y, weight) if len(set(values)) == 1 else 0
        found[metric.name] = fold_spread(values, share, metric.bounds, trials)
    return found


def _trials(
    metric: Metric, outcomes: Sequence[Outcome], y: Array | None, weight: FloatArray | None
) -> int:
    """Return how many different rows a metric is a share of, or that were scored at all."""
    tests = [outcome.split.test for outcome in outcomes]
    rows, scored = len(np.unique(np.concatenate(tests))), sum(map(len, tests))
    if y is None:
        return rows
    rates = [
        rate(metric, each.answers, y[test], None if weight is None else weight[test])
        for each, test in zip(outcomes, tests, strict=True)
        if each.answers is not None
    ]
    counts = [found[1] for found in rates if found is not None]
    return int(sum(counts) * rows / scored) if counts else rows


def _over_rows(
    metrics: Sequence[Metric],
    outcome: Outcome,
    y: Array | None,
    weight: FloatArray | None,
    seed: int,
) -> dict[str, Spread]:
    rows = outcome.split.test
    if y is None or outcome.answers is None:
        return {}
    given = None if weight is None else weight[rows]
    return row_spreads(metrics, outcome.answers, y[rows], given, seed)


def _record(i: int, outcome: Outcome, some_failed: bool) -> dict[str, Any]:
    train = outcome.split.train
    record = {
        "fold": i,
        **outcome.scores,
        "n_train": None if train is None else len(train),
        "n_test": len(outcome.split.test),
        "fit_seconds": outcome.fit_seconds,
        "predict_seconds": outcome.predict_seconds,
    }
    failed = outcome.failure.text if outcome.failure else None
    return record | ({"error": failed} if some_failed else {})

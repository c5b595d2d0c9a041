"""One fold: learn from its training rows, answer for its test rows, and be scored."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.parallel import Parallel, delayed

from unifml.config import config_context, get_config
from unifml.core.table import FloatArray
from unifml.core.task import Kind
from unifml.errors import DataError, told
from unifml.estimators.together import fit_together, may_fit_together
from unifml.metrics import METHODS, Answers, Metric
from unifml.tasks.splits import Split
from unifml.tasks.weights import fit_weights


@dataclass(frozen=True)
class Problem:
    """What every fold of an evaluation shares.

    Attributes
    ----------
    X, y : table, array-like
        All rows, as the user passed them.
    weight : array of shape (n,) or None
        Weights of rows, for learning and for scoring.
    kind : {"classification", "regression"}
        What is learned.
    metrics : tuple of Metric
        What is measured.
    everything : bool
        Record all that the estimator says, not only what the metrics need.
    """

    X: Any
    y: Any
    weight: FloatArray | None
    kind: Kind
    metrics: tuple[Metric, ...]
    everything: bool = True

    def methods(self, estimator: Any) -> set[str]:
        """Return the methods to ask."""
        needed = {metric.method(estimator) for metric in self.metrics if metric.recorded}
        if self.everything:
            needed |= {name for name in METHODS[:2] if hasattr(estimator, name)}
        return needed


@dataclass(frozen=True)
class Outcome:
    """What a fold gave.

    Attributes
    ----------
    split : Split
        Its rows.
    scores : dict of str to float
        One a metric.
    answers : Answers
        What the estimator said about the test rows.
    estimator : Estimator
        As fitted for the fold.
    fit_seconds : float or None
        None where nothing was fitted.
    predict_seconds : float
        Time of ``predict`` on the test rows.
    """

    split: Split
    scores: dict[str, float]
    answers: Answers
    estimator: Any
    fit_seconds: float | None
    predict_seconds: float


def run_folds(
    estimator: Any, problem: Problem, folds: tuple[Split, ...], n_jobs: int | None
) -> Iterator[Outcome]:
    """Yield the outcomes in order, computed by joblib in as many processes as it is told.

    In one process, small networks that are quicker to train at once are; see `fit_together`.
    """
    total, settings = len(folds), dict(get_config())
    to_fit = n_jobs in (None, 1) and all(fold.train is not None for fold in folds)
    if to_fit and may_fit_together(estimator, problem.X, len(folds)):
        yield from _together(estimator, problem, folds)
        return
    jobs = (
        delayed(run_fold)(estimator, problem, fold, f"fold {i} of {total}", settings)
        for i, fold in enumerate(folds, start=1)
    )
    yield from Parallel(n_jobs=n_jobs, return_as="generator")(jobs)


def run_fold(
    estimator: Any, problem: Problem, fold: Split, label: str, settings: Mapping[str, object]
) -> Outcome:
    """Run one fold in silence; an error says which fold it was.

    Parameters
    ----------
    label : str
        What the fold is called in an error.
    settings : mapping
        The configuration of the process that asks.
    """
    where = f"in {label}" if fold.train is not None else "scoring the fitted estimator"
    with told(where), config_context(**{**settings, "verbose": 0}):
        return _run(estimator, problem, fold)


def score(
    metrics: tuple[Metric, ...], answers: Answers, y: Any, weight: Any, asked: Callable[..., Any]
) -> dict[str, float]:
    """Return the value of each metric.

    Parameters
    ----------
    asked : callable
        Calls a metric that asks the estimator itself.
    """
    rows = np.arange(len(answers.outputs["predict"]))
    given = {} if weight is None else {"sample_weight": weight}
    scores = {}
    for metric in metrics:
        value = metric.scorer(answers, rows, y, **given) if metric.recorded else asked(metric)
        scores[metric.name] = _finite(metric, value)
    return scores


def _together(estimator: Any, problem: Problem, folds: tuple[Split, ...]) -> Iterator[Outcome]:
    """Fit the estimators of all folds at once, and yield what each answers."""
    names = [f"in fold {number} of {len(folds)}" for number in range(1, len(folds) + 1)]
    copies = [clone(estimator) for _ in folds]
    parts = [_training_rows(copy, problem, fold) for copy, fold in zip(copies, folds, strict=True)]
    start = time.perf_counter()
    with config_context(**{**get_config(), "verbose": 0}):
        fit_together(copies, [{"X": X, "y": y, **weights} for X, y, weights in parts], names)
    seconds = (time.perf_counter() - start) / len(folds)
    for copy, fold, name in zip(copies, folds, names, strict=True):
        with told(name):
            outcome = _answer(copy, problem, fold, seconds)
        yield outcome


def _training_rows(estimator: Any, problem: Problem, fold: Split) -> tuple[Any, Any, Any]:
    X, y = _safe_split(estimator, problem.X, problem.y, fold.train)
    return X, y, fit_weights(estimator, _rows(problem.weight, fold.train))


def _run(estimator: Any, problem: Problem, fold: Split) -> Outcome:
    seconds = None
    if fold.train is not None:
        estimator = clone(estimator)
        X, y, weights = _training_rows(estimator, problem, fold)
        start = time.perf_counter()
        estimator.fit(X, y, **weights)
        seconds = time.perf_counter() - start
    return _answer(estimator, problem, fold, seconds)


def _answer(estimator: Any, problem: Problem, fold: Split, seconds: float | None) -> Outcome:
    """Let a fitted estimator answer for the test rows, and score it."""
    X, y = _test_rows(estimator, problem, fold)
    weight = _rows(problem.weight, fold.test)
    answers, predict_seconds = Answers.record(
        estimator, X, problem.kind, sorted(problem.methods(estimator))
    )
    given = {} if weight is None else {"sample_weight": weight}
    scores = score(
        problem.metrics,
        answers,
        np.asarray(y),
        weight,
        lambda metric: metric.scorer(estimator, X, y, **given),
    )
    return Outcome(fold, scores, answers, estimator, seconds, predict_seconds)


def _test_rows(estimator: Any, problem: Problem, fold: Split) -> tuple[Any, Any]:
    if fold.train is None:
        return problem.X, problem.y
    return _safe_split(estimator, problem.X, problem.y, fold.test, fold.train)  # type: ignore[no-any-return]


def _rows(weight: FloatArray | None, rows: Any) -> FloatArray | None:
    return None if weight is None else weight[rows]


def _finite(metric: Metric, value: float) -> float:
    if not np.isfinite(value):
        raise DataError(
            f"metric {metric.name!r}",
            found=f"{value} on the rows of this fold",
            rule="a score is a number",
            fix="take fewer folds, or leave the metric out",
        )
    return float(value)

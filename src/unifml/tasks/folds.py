"""One fold: learn from its training rows, answer for its test rows, and be scored."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import _safe_indexing
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.parallel import Parallel, delayed

from unifml.config import config_context, get_config
from unifml.core.table import FloatArray
from unifml.errors import told
from unifml.estimators.together import fit_together, may_fit_together
from unifml.metrics import METHODS, Answers, Measured, Metric
from unifml.tasks.failures import Failure
from unifml.tasks.nested import fit_groups
from unifml.tasks.pinning import one_thread
from unifml.tasks.scoring import score
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
    kind : {"classification", "regression", "clustering"}
        What is learned.
    metrics : tuple of Metric
        What is measured.
    everything : bool
        Record all that the estimator says, not only what the metrics need.
    groups : array-like of shape (n,) or None
        Rows that belong together, for searches inside the folds.
    error_score : float or None
        The score of a fold that failed; None raises its error.
    """

    X: Any
    y: Any
    weight: FloatArray | None
    kind: Measured
    metrics: tuple[Metric, ...]
    everything: bool = True
    groups: Any = None
    error_score: float | None = None

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
    answers : Answers or None
        What the estimator said about the test rows; None for a fold that failed.
    estimator : Estimator or None
        As fitted for the fold.
    fit_seconds : float or None
        None where nothing was fitted.
    predict_seconds : float or None
        Time of ``predict`` on the test rows.
    failure : Failure or None
        Why there is no result.
    """

    split: Split
    scores: dict[str, float]
    answers: Answers | None
    estimator: Any
    fit_seconds: float | None
    predict_seconds: float | None
    failure: Failure | None = None


def run_folds(
    estimator: Any, problem: Problem, folds: tuple[Split, ...], n_jobs: int | None
) -> Iterator[Outcome]:
    """Yield the outcomes in order, computed by joblib in as many processes as it is told.

    With a number of processes each fold computes on one thread, so that every number gives the
    same results. With None it has the threads that the user has, and small networks that are
    quicker to train at once are; see `fit_together`.
    """
    total, settings = len(folds), dict(get_config())
    parallel = Parallel(n_jobs=n_jobs, return_as="generator")
    pinned = n_jobs is not None or parallel.n_jobs != 1
    if not pinned and _can_go_together(estimator, problem, folds):
        yield from _together(estimator, problem, folds)
        return
    at_home = os.getpid() if pinned else None
    jobs = (
        delayed(run_fold)(estimator, problem, fold, f"fold {i} of {total}", settings, at_home)
        for i, fold in enumerate(folds, start=1)
    )
    yield from parallel(jobs)


def run_fold(
    estimator: Any,
    problem: Problem,
    fold: Split,
    label: str,
    settings: Mapping[str, object],
    at_home: int | None = None,
) -> Outcome:
    """Run one fold in silence; an error says which fold it was.

    Parameters
    ----------
    label : str
        What the fold is called in an error.
    settings : mapping
        The configuration of the process that asks.
    at_home : int or None
        Number of the process that asks, to compute on one thread; None takes all there are.
    """
    where = f"in {label}" if fold.train is not None else "scoring the fitted estimator"
    try:
        with told(where), config_context(**{**settings, "verbose": 0}):
            fresh = at_home != os.getpid()
            with nullcontext() if at_home is None else one_thread(estimator, fresh):
                return _run(estimator, problem, fold)
    except Exception as error:
        if problem.error_score is None:
            raise
        scores = {metric.name: problem.error_score for metric in problem.metrics}
        return Outcome(fold, scores, None, None, None, None, Failure.of(error))


def _can_go_together(estimator: Any, problem: Problem, folds: tuple[Split, ...]) -> bool:
    """Whether folds may be fitted at once; one that fails would take the others with it."""
    fitted = all(fold.train is not None for fold in folds)
    raises = problem.error_score is None
    return raises and fitted and may_fit_together(estimator, problem.X, len(folds))


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
    given = fit_weights(estimator, _rows(problem.weight, fold.train))
    groups = fit_groups(estimator, problem.groups)
    return X, y, given | {name: _safe_indexing(rows, fold.train) for name, rows in groups.items()}


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
        None if y is None else np.asarray(y),
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

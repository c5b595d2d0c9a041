"""The course of a search: one trial after the other, each over the folds, until the total."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from sklearn.base import clone

from unifml.core.seeds import Seeds
from unifml.errors import DataError, MissingDependencyError, ParameterError, UnifmlError
from unifml.metrics import Metric
from unifml.tasks.folds import Outcome, Problem, run_folds
from unifml.tasks.space import SearchSpace
from unifml.tasks.splits import Splits
from unifml.training.progress import Bar

ERROR = "error"  # the user attribute that holds why a trial failed
_EARLIEST = 1  # the first step at which the default pruner may prune: two folds were seen


@dataclass(frozen=True)
class Objective:
    """What a trial does: set the parameters proposed, and score them fold by fold.

    Attributes
    ----------
    estimator : Estimator
        What is cloned for each trial.
    space : SearchSpace
        What proposes.
    problem : Problem
        Rows and the one metric.
    splits : Splits
        The same for every trial.
    n_jobs : int or None
        Processes for the folds.
    """

    estimator: Any
    space: SearchSpace
    problem: Problem
    splits: Splits
    n_jobs: int | None

    @property
    def metric(self) -> Metric:
        """What is optimised."""
        return self.problem.metrics[0]

    def __call__(self, trial: Any) -> float:
        import optuna

        params = self.space.propose(trial)
        try:
            return self._mean_over_folds(trial, params)
        except optuna.TrialPruned:
            raise
        except Exception as error:
            trial.set_user_attr(ERROR, f"{type(error).__name__}: {error}")
            raise TrialFailed(f"trial {trial.number} failed") from error

    def _mean_over_folds(self, trial: Any, params: dict[str, Any]) -> float:
        import optuna

        candidate = clone(self.estimator).set_params(**params)
        raw = isinstance(trial.study.pruner, optuna.pruners.WilcoxonPruner)  # it pairs the folds
        values: list[float] = []
        outcomes = run_folds(candidate, self.problem, self.splits.folds, self.n_jobs)
        for step, outcome in enumerate(_all_if_parallel(outcomes, self.n_jobs)):
            values.append(outcome.scores[self.metric.name])
            trial.report(values[-1] if raw else float(np.mean(values)), step)
            if trial.should_prune() and step + 1 < len(self.splits.folds):
                raise optuna.TrialPruned
        return float(np.mean(values))


class TrialFailed(Exception):  # noqa: N818  (it says what happened to a trial, not to the search)
    """A trial ended with an error; the search goes on."""


def open_study(
    metric: Metric, *, sampler: Any, pruner: Any, storage: Any, study_name: str | None, seed: int
) -> Any:
    """Create the study, or go on with the stored one of that name.

    Raises
    ------
    MissingDependencyError
        If Optuna is not installed.
    ParameterError
        If the stored study goes in the other direction.
    """
    if find_spec("optuna") is None:
        raise MissingDependencyError.of("tune", ["optuna"], "tune")
    import optuna

    direction = "maximize" if metric.greater else "minimize"
    with quiet():
        study = optuna.create_study(
            storage=storage,
            study_name=study_name,
            direction=direction,
            pruner=pruner or optuna.pruners.MedianPruner(5, _EARLIEST),
            load_if_exists=True,
        )
    if study.direction.name != direction.upper():
        raise ParameterError(
            f"study {study.study_name!r} by {metric.name}",
            found=f"the stored study does {study.direction.name.lower()}",
            rule=f"{metric.name} is to {direction}",
            fix="take another study_name",
        )
    # A resumed study must not draw again what it drew before.
    own = Seeds(seed).integer("sampler", len(study.get_trials(deepcopy=False)))
    study.sampler = sampler or optuna.samplers.TPESampler(seed=own)
    return study


def search(
    study: Any,
    objective: Callable[[Any], float],
    *,
    todo: int,
    timeout: float | None,
    callbacks: Any,
    bar: Bar,
) -> bool:
    """Run trials; return whether Ctrl-C ended them early.

    Raises
    ------
    DataError
        If there is no result at all.
    """
    told = _Reporter(bar)
    interrupted = False
    with quiet():
        try:
            study.optimize(
                objective,
                n_trials=todo,
                timeout=timeout,
                catch=(TrialFailed,),
                callbacks=[told, *(callbacks or [])],
            )
        except KeyboardInterrupt:
            if not complete(study):
                raise
            interrupted = True
    if not complete(study):
        raise _nothing_found(study)
    _warn_of_failures(study)
    return interrupted


def remaining(study: Any, n_trials: int) -> int:
    """Return how many trials are still to do; killed and interrupted ones do not count."""
    return max(0, n_trials - sum(map(_counts, study.get_trials(deepcopy=False))))


def complete(study: Any) -> list[Any]:
    """Return the trials that have a result."""
    return [t for t in study.get_trials(deepcopy=False) if t.state.name == "COMPLETE"]


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna's own log quiet inside a block."""
    from optuna import logging

    before = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(before)


class _Reporter:
    """Tells the bar of each trial, and of the best."""

    def __init__(self, bar: Bar) -> None:
        self.bar = bar

    def __call__(self, study: Any, trial: Any) -> None:
        self.bar.advance(f"{_ending(trial)}, {_best(study)}")


def _ending(trial: Any) -> str:
    if trial.state.name == "COMPLETE":
        return f"{trial.value:.4f}"
    error = trial.user_attrs.get(ERROR)
    return f"failed: {error}" if error else str(trial.state.name.lower())


def _best(study: Any) -> str:
    return f"best {study.best_value:.4f}" if complete(study) else "no result yet"


def _counts(trial: Any) -> bool:
    failed = trial.state.name == "FAIL"
    return ERROR in trial.user_attrs if failed else trial.state.is_finished()


def _all_if_parallel(outcomes: Iterator[Outcome], n_jobs: int | None) -> Iterator[Outcome]:
    """Let all folds end where they run at once: to leave them behind would disturb the next."""
    return outcomes if n_jobs in (None, 1) else iter(list(outcomes))


def _errors(study: Any) -> list[str]:
    return [t.user_attrs[ERROR] for t in study.get_trials() if ERROR in t.user_attrs]


def _warn_of_failures(study: Any) -> None:
    errors = _errors(study)
    if errors:
        warnings.warn(
            f"{len(errors)} of {len(study.get_trials())} trials failed, the first with "
            f"{errors[0]}; the frame `trials` tells of each",
            RuntimeWarning,
            stacklevel=5,
        )


def _nothing_found(study: Any) -> UnifmlError:
    errors = _errors(study)
    return DataError(
        "the search has no result",
        found=f"all {len(errors)} trials failed, the first with {errors[0]}"
        if errors
        else "no trial ended in time",
    )

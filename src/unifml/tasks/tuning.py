"""A search as an estimator, and its result."""

from __future__ import annotations

import json
import time
from typing import Any, Self

from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.utils import get_tags, indexable
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from unifml.config import config_context
from unifml.core.inputs import as_rows
from unifml.core.seeds import draw_seed
from unifml.data import check_weights
from unifml.errors import ParameterError
from unifml.metrics import Metric, make_metrics
from unifml.tasks.folds import Problem
from unifml.tasks.space import bind
from unifml.tasks.splits import make_splits
from unifml.tasks.table import html_table, number, seconds, text_table
from unifml.tasks.trials import ERROR, Objective, complete, open_study, remaining, search
from unifml.tasks.weights import fit_weights
from unifml.tasks.wrap import called, kind_of
from unifml.training.progress import progress

_DEFAULT_METRIC = {"classification": "accuracy", "regression": "r2", "clustering": "silhouette"}


def _best_has(method: str) -> Any:
    return available_if(
        lambda self: hasattr(getattr(self, "best_estimator_", self.estimator), method)
    )


class Tuning(MetaEstimatorMixin, BaseEstimator):
    """A search for better parameters: what `unifml.tune` returns, fitted.

    It mirrors scikit-learn's ``GridSearchCV``: it predicts with the best estimator found, fitted
    again on all rows. The parameters are those of `unifml.tune`.

    Attributes
    ----------
    best_estimator_ : Estimator
        With the best parameters, fitted on all rows.
    best_params_ : dict
        By full name, as ``set_params`` takes them.
    best_score_ : float
        Mean of the metric over the folds, in its natural sign.
    study : optuna.Study
        Everything that Optuna knows.
    trials : pandas.DataFrame
        One line per trial.
    refit_time_ : float
        Seconds that the last fit took.
    interrupted_ : bool
        Whether Ctrl-C ended the search.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> import unifml
    >>> X, y = load_iris(return_X_y=True)
    >>> search = unifml.tune(
    ...     LogisticRegression(max_iter=500), X, y,
    ...     space={"C": unifml.Float(1e-2, 1e2, log=True)}, n_trials=5, random_state=0)
    >>> search.predict(X[:2])
    array([0, 0])
    """

    def __init__(
        self,
        estimator: Any,
        *,
        space: Any = None,
        metric: Any = None,
        cv: Any = None,
        n_trials: int = 50,
        timeout: float | None = None,
        sampler: Any = None,
        pruner: Any = None,
        storage: Any = None,
        study_name: str | None = None,
        n_jobs: int | None = None,
        random_state: Any = None,
        callbacks: Any = None,
        verbose: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.space = space
        self.metric = metric
        self.cv = cv
        self.n_trials = n_trials
        self.timeout = timeout
        self.sampler = sampler
        self.pruner = pruner
        self.storage = storage
        self.study_name = study_name
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.callbacks = callbacks
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None, *, groups: Any = None, sample_weight: Any = None) -> Self:
        """Search, then fit the best on all rows.

        Parameters
        ----------
        X, y : table of shape (n, features), array-like of shape (n,)
            The rows.
        groups, sample_weight : array-like of shape (n,) or None
            As in `unifml.evaluate`.

        Returns
        -------
        Tuning
            Itself; writes the attributes named above, at the end.
        """
        seed = draw_seed(self.random_state)
        X, y = indexable(as_rows(X), y)
        objective = self._objective(X, y, groups, check_weights(sample_weight, X), seed)
        study = open_study(
            objective.metric,
            sampler=self.sampler,
            pruner=self.pruner,
            storage=self.storage,
            study_name=self.study_name,
            seed=seed,
        )
        todo = remaining(study, self.n_trials)
        with progress(todo, f"tuning by {objective.metric.name}", self.verbose) as bar:
            interrupted = search(
                study,
                objective,
                todo=todo,
                timeout=self.timeout,
                callbacks=self.callbacks,
                bar=bar,
            )
        return self._keep(study, objective, interrupted)

    # Predictions of the best --------------------------------------------------------------------

    @_best_has("predict")
    def predict(self, X: Any) -> Any:
        """Predict with the best estimator."""
        return self._best().predict(X)

    @_best_has("predict_proba")
    def predict_proba(self, X: Any) -> Any:
        """Return the best estimator's probabilities."""
        return self._best().predict_proba(X)

    @_best_has("predict_log_proba")
    def predict_log_proba(self, X: Any) -> Any:
        """Return the best estimator's logarithms of probabilities."""
        return self._best().predict_log_proba(X)

    @_best_has("decision_function")
    def decision_function(self, X: Any) -> Any:
        """Return the best estimator's decision values."""
        return self._best().decision_function(X)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the best estimator's own score: accuracy, or R2."""
        given = {} if sample_weight is None else {"sample_weight": sample_weight}
        return float(self._best().score(X, y, **given))

    @property
    def classes_(self) -> Any:
        """The classes of the best estimator."""
        return self._best().classes_

    @property
    def n_features_in_(self) -> int:
        """The number of columns of X."""
        return int(self._best().n_features_in_)

    # The search ---------------------------------------------------------------------------------

    @property
    def study(self) -> Any:
        """The study of Optuna."""
        check_is_fitted(self, "study_")
        return self.study_

    @property
    def trials(self) -> Any:
        """The trials as a pandas DataFrame."""
        return self.to_frame()

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with one line per trial."""
        import pandas as pd

        return pd.DataFrame(self._records())

    def to_json(self) -> str:
        """Return the result and all trials as JSON."""
        best = {name: _plain(value) for name, value in self.best_params_.items()}
        return json.dumps(
            {
                "title": self._title(),
                "metric": self.metric_.name,
                "best_score": self.best_score_,
                "best_params": best,
                "interrupted": self.interrupted_,
                "trials": self._records(),
            }
        )

    def plot(self) -> Any:
        """Draw the value of each trial and the best so far.

        Returns
        -------
        matplotlib Figure
        """
        from unifml.tasks.drawing import draw_search

        better = max if self.metric_.greater else min
        numbers, values, best = [], [], []
        for trial in complete(self.study):
            numbers.append(trial.number)
            values.append(trial.value)
            best.append(better(values))
        drawn = draw_search(numbers, values, best)
        drawn.axes[0].set_ylabel(self.metric_.name)
        return drawn

    def __str__(self) -> str:
        if not hasattr(self, "best_estimator_"):
            return repr(self)
        return "\n".join([self._title(), text_table(*self._table()), *self._notes()])

    def _repr_html_(self) -> str:
        if not hasattr(self, "best_estimator_"):
            return super()._repr_html_()  # type: ignore[no-any-return]
        return html_table(self._title(), *self._table(), self._notes())

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "best_estimator_")

    def __sklearn_tags__(self) -> Any:
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        for name in ("estimator_type", "classifier_tags", "regressor_tags", "input_tags"):
            setattr(tags, name, getattr(inner, name))
        tags.target_tags = inner.target_tags
        return tags

    # Inner methods ------------------------------------------------------------------------------

    def _objective(self, X: Any, y: Any, groups: Any, weight: Any, seed: int) -> Objective:
        """Check everything before the first trial."""
        if not self.n_trials >= 1:
            raise ParameterError(f"n_trials={self.n_trials!r}", rule="n_trials >= 1 must hold")
        kind = kind_of(self.estimator)
        estimator = clone(self.estimator)
        fit_weights(estimator, weight)
        metric = self._one_metric(estimator, y, kind)
        splits = make_splits(self.cv, X, y, kind, groups, seed)
        problem = Problem(X, y, weight, kind, (metric,), everything=False)
        return Objective(estimator, bind(self.space, estimator), problem, splits, self.n_jobs)

    def _one_metric(self, estimator: Any, y: Any, kind: Any) -> Metric:
        given = self.metric or _DEFAULT_METRIC[kind]
        found = make_metrics(given, estimator, y, kind)
        if len(found) != 1:
            raise ParameterError(f"metric={given!r}", rule="one metric is optimised")
        if found[0].greater is None:
            raise ParameterError(
                f"metric={given!r}",
                found="whether more is better is not known",
                fix="use sklearn.metrics.make_scorer(function, greater_is_better=...)",
            )
        return found[0]

    def _keep(self, study: Any, objective: Objective, interrupted: bool) -> Self:
        best = study.best_trial
        params = objective.space.decode(best.params)
        estimator = clone(objective.estimator).set_params(**params)
        problem = objective.problem
        start = time.perf_counter()
        with config_context(verbose=0):
            estimator.fit(problem.X, problem.y, **fit_weights(estimator, problem.weight))
        self.refit_time_ = time.perf_counter() - start
        self.study_, self.metric_, self.splits_ = study, objective.metric, objective.splits
        self.best_params_, self.best_score_ = params, float(best.value)
        self.interrupted_, self.best_estimator_ = interrupted, estimator
        return self

    def _best(self) -> Any:
        check_is_fitted(self)
        return self.best_estimator_

    def _records(self) -> list[dict[str, Any]]:
        return [
            {
                "trial": t.number,
                self.metric_.name: t.value,
                "state": t.state.name.lower(),
                "seconds": t.duration.total_seconds() if t.duration else None,
                **t.params,
                "error": t.user_attrs.get(ERROR),
            }
            for t in self.study.get_trials(deepcopy=False)
        ]

    def _title(self) -> str:
        stopped = ", interrupted" if self.interrupted_ else ""
        total = len(self.study.get_trials(deepcopy=False))
        return (
            f"{called(self.estimator)}: {total} trials{stopped} "
            f"by {self.metric_.name}, {self.splits_.title}"
        )

    def _table(self) -> tuple[list[str], list[list[str]]]:
        score = [f"best {self.metric_.name}", number(self.best_score_)]
        shown = [[name, _short(value)] for name, value in self.best_params_.items()]
        return ["", "value"], [score, *shown]

    def _notes(self) -> list[str]:
        states = [t.state.name.lower() for t in self.study.get_trials(deepcopy=False)]
        counts = ", ".join(f"{states.count(s)} {_WORDS.get(s, s)}" for s in dict.fromkeys(states))
        return [f"trials: {counts}; fitted again on all rows in {seconds(self.refit_time_)}"]


_WORDS = {"fail": "failed"}


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else repr(value)


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | type(None)) else repr(value)

"""`compare`: several models on the same folds, and which differences are more than chance."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from sklearn.exceptions import FitFailedWarning
from sklearn.utils import _safe_indexing, indexable

from unifml.core.inputs import as_rows, count
from unifml.core.seeds import draw_seed
from unifml.errors import DataError, ParameterError, told
from unifml.metrics import make_metrics
from unifml.tasks.comparison import Comparison
from unifml.tasks.evaluate import evaluate
from unifml.tasks.evaluation import Evaluation
from unifml.tasks.failures import check_error_score
from unifml.tasks.pairs import direction
from unifml.tasks.spellings import Entry, one_of, spelled
from unifml.tasks.splits import Splits, as_given, make_splits
from unifml.tasks.wrap import called, is_fitted, prepare
from unifml.training.progress import Bar, progress


def compare(
    models: Any,
    X: Any,
    y: Any = None,
    *,
    task: str | None = None,
    backend: Any = None,
    backends: Any = None,
    cv: Any = None,
    metrics: Any = None,
    groups: Any = None,
    sample_weight: Any = None,
    error_score: Any = "raise",
    n_jobs: int | None = None,
    random_state: Any = None,
    verbose: int | None = None,
) -> Comparison:
    """Evaluate models on the same folds, rank them, and test their differences.

    Parameters
    ----------
    models : dict of str to model, list of models, or one model
        Anything that `evaluate` takes. A text may name its backend: ``"mlp/torch"``;
        ``"mlp/*"`` is one model for each backend that can fit it and is installed. In a list names
        are made from the models.
    X, y : table of shape (n, features), array-like of shape (n,) or (n, outputs)
        The data.
    task : {"classification", "regression"} or None
        As in `evaluate`.
    backend, backends : str, list of str or None
        Models times backends: every model with a choice runs on each of them, ``"*"`` means all;
        models of one place stay there. Two spellings of the same.
    cv, metrics, groups, sample_weight, n_jobs, verbose
        As in `evaluate`. ``cv=None`` scores fitted estimators as they are, if all are fitted, else
        it makes 5 folds. The first metric ranks.
    error_score : "raise" or float
        ``"raise"`` passes on the first error, with a note that names the model. A number keeps
        the other models, and what a failing one scored in its other folds.
    random_state : int, RandomState or None
        As in `evaluate`; all models get the same folds, and those made here the same seed.

    Returns
    -------
    Comparison
        A mapping of names to evaluations, with ``best``, ``ranking``, ``tests``, ``pareto``.

    Raises
    ------
    CapabilityError, UnknownNameError
        For models, backends and metrics that cannot be, before any fit.
    ParameterError
        For models of different tasks; for fitted and unfitted ones together without `cv`.

    References
    ----------
    Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52, 2003;
    Dietterich, "Approximate statistical tests for comparing supervised classification learning
    algorithms", Neural Computation 10, 1998.

    See Also
    --------
    rank_over : Models over several data sets.
    compare_backends : One network on several backends, number by number.

    Examples
    --------
    >>> import unifml
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.dummy import DummyClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> models = {"forest": "random_forest", "chance": DummyClassifier()}
    >>> found = unifml.compare(models, X, y, random_state=0)
    >>> found.best
    'forest'
    >>> test = found.tests["forest", "chance"]
    >>> test.name, bool(test.adjusted < 0.05)
    ('corrected resampled t', True)
    """
    seed = draw_seed(random_state)
    check_error_score(error_score)
    entries = spelled(models, one_of(backend, backends))
    estimators, kind = _prepared(entries, X, y, task, seed)
    if y is None and kind != "clustering":
        raise DataError("compare", found="y is None", rule="y is needed to score")
    X, y = indexable(as_rows(X), y)
    splits = _splits(estimators, cv, X, y, kind, groups, seed)
    _check_metrics(estimators, metrics, y, kind)
    shared = {
        "cv": None if splits.folds[0].train is None else [(f.train, f.test) for f in splits.folds],
        "metrics": metrics,
        "groups": groups,
        "sample_weight": sample_weight,
        "error_score": error_score,
        "n_jobs": n_jobs,
        "random_state": seed,
        "verbose": 0,
    }
    with progress(len(estimators), "comparing", verbose) as bar:
        evaluations, failed = _evaluated(estimators, X, y, shared, bar)
    for name, evaluation in evaluations.items():
        evaluation.title = f"{called(estimators[name])}: {splits.title}, {count(X)} rows"
    title = f"{len(estimators)} models: {splits.title}, {count(X)} rows"
    return Comparison(title, evaluations, failed, _safe_indexing(X, [0]))


def _evaluated(
    estimators: dict[str, Any], X: Any, y: Any, shared: dict[str, Any], bar: Bar
) -> tuple[dict[str, Evaluation], dict[str, str]]:
    """Return the evaluations by name, and why others failed where they may.

    Raises
    ------
    DataError
        If all failed.
    """
    evaluations: dict[str, Evaluation] = {}
    failed: dict[str, str] = {}
    for name, estimator in estimators.items():
        try:
            with told(f"in model {name!r}"):
                evaluations[name] = evaluate(estimator, X, y, **shared)
        except Exception as error:
            if isinstance(shared["error_score"], str):
                raise
            failed[name] = _why(name, error)
        bar.advance(name)
    if not evaluations:
        raise DataError("compare", found=f"every model failed: {failed}", fix="mend one of them")
    return evaluations, failed


def _prepared(
    entries: tuple[Entry, ...], X: Any, y: Any, task: str | None, seed: int
) -> tuple[dict[str, Any], Any]:
    """Return the estimators by name, and what all of them learn."""
    found = {}
    for entry in entries:
        with told(f"in model {entry.name!r}"):
            found[entry.name] = prepare(
                entry.model, y, X, task=task, backend=entry.backend, random_state=seed
            )
    kinds = {name: kind for name, (_, kind) in found.items()}
    if len(set(kinds.values())) > 1:
        raise ParameterError(
            "compare",
            found=", ".join(f"{name} is for {kind}" for name, kind in kinds.items()),
            rule="all models learn the same",
        )
    return {name: estimator for name, (estimator, _) in found.items()}, next(iter(kinds.values()))


def _splits(
    estimators: Mapping[str, Any], cv: Any, X: Any, y: Any, kind: Any, groups: Any, seed: int
) -> Splits:
    """Return the folds of all models; none are fitted where all have learned already."""
    fitted = [name for name, estimator in estimators.items() if is_fitted(estimator)]
    if cv is not None or not fitted:
        return make_splits(cv, X, y, kind, groups, seed)
    if len(fitted) < len(estimators):
        raise ParameterError(
            "compare with cv=None",
            found=f"{', '.join(fitted)} fitted, the others not",
            rule="fitted estimators are scored as they are, if all are fitted",
            fix="say cv=5, which fits copies of all of them",
        )
    return as_given(count(X))


def _check_metrics(estimators: Mapping[str, Any], metrics: Any, y: Any, kind: Any) -> None:
    """Refuse metrics that a model cannot give, before any work; the first one must rank."""
    for name, estimator in estimators.items():
        with told(f"in model {name!r}"):
            classes = getattr(estimator, "classes_", None) if is_fitted(estimator) else None
            direction(make_metrics(metrics, estimator, y, kind, classes)[0])


def _why(name: str, error: Exception) -> str:
    reason = f"{type(error).__name__}: {error}"
    warnings.warn(f"model {name!r} failed: {reason}", FitFailedWarning, stacklevel=3)
    return reason

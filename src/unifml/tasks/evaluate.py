"""`evaluate`: how good a model is on rows that it has not seen."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import indexable

from unifml.core.inputs import as_rows
from unifml.core.seeds import draw_seed
from unifml.data import check_weights
from unifml.errors import DataError
from unifml.metrics import Metric, make_metrics
from unifml.tasks.evaluation import Evaluation
from unifml.tasks.folds import Problem, run_folds
from unifml.tasks.intervals import has_every_class
from unifml.tasks.splits import Split, as_given, make_splits
from unifml.tasks.weights import fit_weights
from unifml.tasks.wrap import called, is_fitted, prepare
from unifml.training.progress import progress


def evaluate(
    model: Any,
    X: Any,
    y: Any = None,
    *,
    task: str | None = None,
    backend: str | None = None,
    cv: Any = None,
    metrics: Any = None,
    groups: Any = None,
    sample_weight: Any = None,
    n_jobs: int | None = None,
    random_state: Any = None,
    verbose: int | None = None,
) -> Evaluation:
    """Score a model on rows that it did not learn from, with intervals.

    Parameters
    ----------
    model : Estimator, Model, str or native model
        Anything that can be wrapped. It is never changed: folds are fitted on copies.
    X : table of shape (n, features)
        The rows.
    y : array-like of shape (n,) or (n, outputs)
        What is true of them; labels of any type.
    task : {"classification", "regression"} or None
        None asks the estimator, else looks at `y`.
    backend : str or None
        Who runs it; None as in `Classifier`.
    cv : None, int, float, splitter or iterable of (train, test)
        None scores a fitted estimator on these rows and fits nothing; an unfitted one gets 5
        folds. A whole number is that many folds, a fraction a hold-out of that share; both are
        shuffled by `random_state`, and stratified for classes. The scoring fold is never used to
        stop training.
    metrics : str, callable, list or dict, optional
        Names as scikit-learn's without ``_score``, in their natural sign (``accuracy``,
        ``balanced_accuracy``, ``precision``, ``recall``, ``f1``, ``roc_auc``, ``pr_auc``,
        ``log_loss``, ``mcc``; ``r2``, ``rmse``, ``mae``, ``mse``); scikit-learn's scorer strings
        (``neg_brier_score``), whose sign is in their name; scorers; functions of
        ``(y_true, y_pred)`` or ``(estimator, X, y)``. Of several classes the macro average is
        taken, of two the second in sorted order is the positive one.
    groups : array-like of shape (n,) or None
        Rows of one group stay in one fold.
    sample_weight : array-like of shape (n,) or None
        Weights of rows, in learning and in scoring.
    n_jobs : int or None
        Processes, as joblib counts them.
    random_state : int, RandomState or None
        Shuffles folds and draws the bootstrap; also the seed of a model that is wrapped here.
    verbose : int or None
        0 silent, 1 a bar, 2 a line per fold; inner fits are silent.

    Returns
    -------
    Evaluation
        Its first line says what was done.

    Raises
    ------
    CapabilityError, UnknownNameError
        For metrics that task or model cannot give, before any work.
    DataError
        For a metric that is not defined on a fold's rows. What fails in a fold keeps its type,
        with a note that names the fold.

    See Also
    --------
    tune : Search for better parameters.

    Examples
    --------
    >>> import unifml
    >>> from sklearn.datasets import load_breast_cancer
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> report = unifml.evaluate("random_forest", X, y, cv=0.2, random_state=0)
    >>> report.scores["roc_auc"] > 0.9
    True
    """
    seed = draw_seed(random_state)
    estimator, kind = prepare(model, y, task=task, backend=backend, random_state=seed)
    if y is None:
        raise DataError("evaluate", found="y is None", rule="y is needed to score")
    X, y = indexable(as_rows(X), y)
    weight = check_weights(sample_weight, X)
    fit_weights(estimator, weight)
    if cv is None and is_fitted(estimator):
        splits, classes = as_given(len(np.asarray(y))), getattr(estimator, "classes_", None)
    else:
        splits, classes = make_splits(cv, X, y, kind, groups, seed), None
    made = make_metrics(metrics, estimator, y, kind, classes)
    found = _defined(made, splits.folds, y, metrics is None)
    problem = Problem(X, y, weight, kind, found)
    outcomes = []
    with progress(len(splits.folds), "evaluating", verbose) as bar:
        for outcome in run_folds(estimator, problem, splits.folds, n_jobs):
            outcomes.append(outcome)
            bar.advance(f"{found[0].name} {outcome.scores[found[0].name]:.4f}")
    title = f"{called(estimator)}: {splits.title}, {len(np.asarray(y))} rows"
    return Evaluation(title, kind, found, tuple(outcomes), np.asarray(y), weight, seed)


def _defined(
    metrics: tuple[Metric, ...], folds: tuple[Split, ...], y: Any, usual: bool
) -> tuple[Metric, ...]:
    """Leave out, or refuse, metrics that need every class in every fold where one is missing."""
    labels = np.asarray(y)
    strict = [metric for metric in metrics if metric.every_class]
    if not strict:
        return metrics
    lacking = [
        i for i, fold in enumerate(folds, 1) if not has_every_class(labels[fold.test], labels)
    ]
    if not lacking:
        return metrics
    if not usual:
        raise DataError(
            f"metric {strict[0].name!r}",
            found=f"the rows scored in fold {lacking[0]} lack a class",
            rule="it is defined only where every class has rows",
            fix="take fewer folds, or other metrics",
        )
    return tuple(metric for metric in metrics if not metric.every_class)

"""`permutation_importance`: what a model's score loses when a column says nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import inspection

from unifml.config import config_context
from unifml.core.seeds import draw_seed
from unifml.data import check_weights
from unifml.errors import CapabilityError, ParameterError
from unifml.metrics import Metric, make_metrics
from unifml.tasks.evaluate import evaluate
from unifml.tasks.insight.columns import as_columns, names_of
from unifml.tasks.insight.importances import Importances
from unifml.tasks.wrap import is_fitted, prepare

_USUAL = {"classification": "accuracy", "regression": "r2"}


def permutation_importance(
    model: Any,
    X: Any,
    y: Any,
    *,
    task: str | None = None,
    backend: str | None = None,
    cv: Any = None,
    metrics: Any = None,
    groups: Any = None,
    sample_weight: Any = None,
    n_repeats: int = 5,
    n_jobs: int | None = None,
    random_state: Any = None,
    verbose: int | None = None,
) -> Importances:
    """Shuffle one column at a time, and see how much worse the model becomes.

    The columns are those of X, before any step of a Pipeline. Computed by scikit-learn's
    ``permutation_importance`` on rows that are scored, never on those that a fold learned from.

    Parameters
    ----------
    model : Estimator, Model, str or native model
        Anything that can be wrapped; it is never changed.
    X : table of shape (n, features)
        The rows.
    y : array-like of shape (n,) or (n, outputs)
        What is true of them.
    task, backend, groups, sample_weight
        As in `unifml.evaluate`.
    cv : None, int, float, splitter or iterable of (train, test)
        None takes a fitted estimator as it is, on these rows; an unfitted one gets 5 folds. Each
        fold shuffles its held-out rows.
    metrics : str, callable, list or dict, optional
        As in `unifml.evaluate`; None is accuracy or R2. An importance is how much worse the
        metric becomes: it is positive for a column that helps, whatever the metric's sign. A
        function that does not say whether more is better is taken as if it were.
    n_repeats : int, default=5
        How often each column is shuffled, in each fold.
    n_jobs : int or None
        Processes, as joblib counts them.
    random_state : int, RandomState or None
        Shuffles folds and columns.
    verbose : int or None
        0 silent, 1 a bar, 2 a line per fold.

    Returns
    -------
    Importances
        By column and metric, the most important first.

    See Also
    --------
    partial_dependence : What the model does with a column.

    References
    ----------
    Breiman, "Random forests", Machine Learning 45, 2001.

    Examples
    --------
    >>> import unifml
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> found = unifml.permutation_importance("random_forest", X, y, cv=3, random_state=0)
    >>> sorted(found.features[:2])
    ['petal length (cm)', 'petal width (cm)']
    """
    if n_repeats < 1:
        raise ParameterError(f"n_repeats={n_repeats}", rule="n_repeats >= 1")
    seed = draw_seed(random_state)
    X = as_columns("permutation_importance", X)
    estimator, kind = prepare(model, y, X, task=task, backend=backend, random_state=seed)
    if kind not in _USUAL:
        raise CapabilityError(f"permutation_importance for {kind}", rule="y is needed to score")
    classes = getattr(estimator, "classes_", None) if cv is None and is_fitted(estimator) else None
    made = make_metrics(metrics or _USUAL[kind], estimator, y, kind, classes)
    report = evaluate(
        estimator, X, y, cv=cv, metrics={each.name: each for each in made}, groups=groups,
        sample_weight=sample_weight, n_jobs=n_jobs, random_state=seed, verbose=verbose,
    )  # fmt: skip
    weight = check_weights(sample_weight, X)
    drops: dict[str, list[Any]] = {each.name: [] for each in made}
    for fold, fitted in enumerate(report.estimators):
        rows = report.predictions.row[report.predictions.fold == fold]
        found = _shuffled(fitted, X, y, rows, weight, made, n_repeats, n_jobs, seed + fold)
        for each in made:
            drops[each.name].append(_worse(each) * found[each.name].importances)
    draws = {name: np.stack(parts, axis=1) for name, parts in drops.items()}
    return Importances(report.title, names_of(X, estimator), draws, dict(report.scores))


def _shuffled(
    estimator: Any,
    X: Any,
    y: Any,
    rows: Any,
    weight: Any,
    metrics: tuple[Metric, ...],
    n_repeats: int,
    n_jobs: int | None,
    seed: int,
) -> Any:
    """Return what scikit-learn finds on some rows, by metric."""
    part = X.iloc[rows] if hasattr(X, "iloc") else X[rows]
    with config_context(verbose=0):
        return inspection.permutation_importance(
            estimator,
            part,
            np.asarray(y)[rows],
            scoring={each.name: each.scorer for each in metrics},
            n_repeats=n_repeats,
            n_jobs=n_jobs,
            random_state=seed % 2**32,
            sample_weight=None if weight is None else weight[rows],
        )


def _worse(metric: Metric) -> int:
    return -1 if metric.greater is False else 1

"""`tune_threshold`: from which probability on to say yes."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import indexable
from sklearn.utils.multiclass import type_of_target

from unifml.core.inputs import as_rows
from unifml.core.seeds import draw_seed
from unifml.data import check_weights
from unifml.errors import CapabilityError, ParameterError
from unifml.metrics import make_metrics
from unifml.tasks.insight.cost import cost_scorer
from unifml.tasks.insight.folds import CLASSES, asking, carried, folds_of
from unifml.tasks.insight.threshold import TunedThreshold
from unifml.tasks.wrap import prepare


def tune_threshold(
    model: Any,
    X: Any,
    y: Any,
    *,
    cost: Any = None,
    metric: Any = None,
    backend: str | None = None,
    cv: Any = 5,
    groups: Any = None,
    sample_weight: Any = None,
    thresholds: Any = 100,
    n_jobs: int | None = None,
    random_state: Any = None,
    verbose: int | None = None,
) -> TunedThreshold:
    """Choose the probability from which on the second of two classes is said.

    By scikit-learn's ``TunedThresholdClassifierCV``, on rows that were not learned from.

    Parameters
    ----------
    model : Estimator, Model, str or native model
        A classifier with probabilities or decision values. It is never changed.
    X : table of shape (n, features)
        The rows.
    y : array-like of shape (n,)
        Labels of two classes; the second in sorted order is the positive one.
    cost : dict, matrix of shape (2, 2), callable or None
        What is to be least: ``{"false_positive": 1, "false_negative": 5}`` (``true_positive`` and
        ``true_negative`` are 0 where left out); the same as ``[[tn, fp], [fn, tp]]``, as
        `sklearn.metrics.confusion_matrix` is laid out; or a function of ``(y_true, y_pred)``.
        The mean over the rows is taken.
    metric : str, callable or None
        What is to be most, instead of a cost: a metric of predicted labels as in
        `unifml.evaluate`. None, without a cost, is ``balanced_accuracy``.
    backend : str or None
        As in `unifml.evaluate`.
    cv : int, float, splitter, iterable of (train, test) or "prefit"
        Folds on which the threshold is chosen; the model is then fitted again on all rows. Of a
        hold-out as well. ``"prefit"`` takes a fitted model as it is: give rows that it has not
        learned from.
    groups : array-like of shape (n,) or None
        Rows of one group stay in one fold.
    sample_weight : array-like of shape (n,) or None
        Weights of rows, in learning and in choosing.
    thresholds : int or array-like
        How many are tried between the lowest and the highest score, or those themselves.
    n_jobs : int or None
        Processes, as joblib counts them.
    random_state : int, RandomState or None
        Shuffles folds; also the seed of a model that is wrapped here.
    verbose : int or None
        Of the fits; nothing is said by default.

    Returns
    -------
    TunedThreshold
        A fitted estimator, with ``best_threshold_``; it exports to ONNX.

    Raises
    ------
    CapabilityError
        For other than two classes, and for a metric that no threshold can change.

    See Also
    --------
    calibrate : Make probabilities mean what they say, first.

    References
    ----------
    Elkan, "The foundations of cost-sensitive learning", IJCAI 2001.

    Examples
    --------
    >>> import unifml
    >>> from sklearn.datasets import load_breast_cancer
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> cost = {"false_positive": 10, "false_negative": 1}
    >>> clf = unifml.tune_threshold("random_forest", X, y, cost=cost, random_state=0)
    >>> bool(clf.best_threshold_ > 0.5)
    True
    """
    if cost is not None and metric is not None:
        raise ParameterError("cost= and metric=", rule="one of them says what is best")
    seed = draw_seed(random_state)
    estimator, kind = prepare(model, y, X, task=CLASSES, backend=backend, random_state=seed)
    X, y = indexable(as_rows(X), y)
    _check_classes(y)
    scorer, label = _scorer(estimator, y, kind, cost, metric)
    weight = check_weights(sample_weight, X)
    prefit = isinstance(cv, str) and cv == "prefit"
    folds = folds_of(cv, estimator, X, y, groups, seed)
    with carried(weight, verbose) as given:
        made = TunedThreshold(
            estimator if prefit else asking(estimator, weight),
            scoring=scorer.set_score_request(sample_weight=True) if given else scorer,
            thresholds=thresholds,
            cv=folds,
            refit=not prefit,
            n_jobs=n_jobs,
            label=label,
        )
        made.fit(X, y, **given)
    return made


def _check_classes(y: Any) -> None:
    found = type_of_target(y)
    if found != "binary":
        raise CapabilityError(
            "tune_threshold", found=f"y is {found}", rule="a threshold parts two classes"
        )


def _scorer(estimator: Any, y: Any, kind: Any, cost: Any, metric: Any) -> tuple[Any, str]:
    """Return a scorer of which more is better, and what it is called."""
    if cost is not None:
        positive = np.unique(np.asarray(y))[-1]
        return cost_scorer(cost, positive), "cost"
    (made,) = make_metrics(metric or "balanced_accuracy", estimator, y, kind)
    if made.needs != ("predict",) or not hasattr(made.scorer, "_score_func"):
        raise CapabilityError(
            f"metric {made.name!r} for tune_threshold",
            found="a threshold does not change it",
            rule="metrics of predicted labels: balanced_accuracy, f1, precision, recall, mcc, ...",
        )
    if made.greater is False:
        raise CapabilityError(f"metric {made.name!r}", rule="pass it as cost=, which is made least")
    return made.scorer, made.name

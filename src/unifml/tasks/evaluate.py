"""`evaluate`: how good a model is on rows that it has not seen."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.exceptions import FitFailedWarning
from sklearn.utils import indexable
from sklearn.utils.validation import _num_samples

from unifml.core.inputs import as_rows
from unifml.core.seeds import draw_seed
from unifml.data import check_weights
from unifml.metrics import Measured, make_metrics
from unifml.tasks.defined import check_domain, check_truth, defined
from unifml.tasks.evaluation import Evaluation
from unifml.tasks.failures import check_error_score, in_words
from unifml.tasks.folds import Outcome, Problem, run_folds
from unifml.tasks.nested import searches
from unifml.tasks.slices import slicings
from unifml.tasks.splits import Splits, as_given, make_splits
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
    by: Any = None,
    error_score: Any = "raise",
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
    y : array-like of shape (n,) or (n, outputs), or None
        What is true of them; labels of any type. Clusterers need none, but for metrics that
        compare clusters with a truth.
    task : {"classification", "regression", "clustering"} or None
        None asks the estimator, else looks at `y`.
    backend : str or None
        Who runs it; None as in `Classifier`.
    cv : None, int, float, str, splitter or iterable of (train, test)
        None scores a fitted estimator on these rows and fits nothing; an unfitted one gets 5
        folds. A whole number is that many folds, a fraction a hold-out of that share; both are
        shuffled by `random_state`, and stratified for classes. The scoring fold is never used to
        stop training.

        Names: ``"k_fold"``, ``"stratified"`` (5 folds); ``"repeated"``, or ``"5x10"`` for 5 folds
        drawn 10 times; ``"group"``, ``"leave_one_group_out"``; ``"leave_one_out"``;
        ``"time_series"``, where rows are in order of time and each of 5 splits learns from all
        rows before, and ``"sliding"``, where it learns from as many as it scores. For a gap take
        scikit-learn's ``TimeSeriesSplit(gap=...)``.

        A search (``GridSearchCV``, `Tuning`) is tuned anew in each fold, on its training rows
        alone: nested cross-validation. One that was fitted before is scored as it is with
        ``cv=None``; that these rows are not those it was tuned on is for you to know.
    metrics : str, callable, list or dict, optional
        Names as scikit-learn's without ``_score``, in their natural sign: of classes
        ``accuracy``, ``balanced_accuracy``, ``precision``, ``recall``, ``f1``, ``jaccard``,
        ``roc_auc``, ``pr_auc``, ``log_loss``, ``brier``, ``calibration_error``,
        ``top_2_accuracy``, ``mcc``, ``cohen_kappa``; of numbers ``r2``, ``rmse``, ``mae``,
        ``mse``, ``mape``, ``median_absolute_error``, ``max_error``, ``pinball_0.9``,
        ``explained_variance`` and more; of clusters ``silhouette``, ``davies_bouldin``,
        ``calinski_harabasz``, ``inertia``, ``adjusted_rand``, ``adjusted_mutual_info`` and more.
        Also scikit-learn's scorer strings (``neg_brier_score``), whose sign is in their name;
        scorers; functions of ``(y_true, y_pred)`` or ``(estimator, X, y)``. Of several classes
        the macro average is taken, of two the second in sorted order is the positive one.
    groups : array-like of shape (n,) or None
        Rows of one group stay in one fold, also in the folds of a search.
    sample_weight : array-like of shape (n,) or None
        Weights of rows, in learning and in scoring.
    by : str, int, list of those, array-like of shape (n,), callable or None
        Cuts the scored rows into ``slices``: a column of X or several, a value a row, or a
        function of X that returns those. Numbers are cut into quarters.
    error_score : "raise" or float
        What a fold that failed scores; ``"raise"`` passes its error on, ``nan`` leaves it out of
        the means. ``failures`` tells which and why. If all fail, the first error is raised.
    n_jobs : int or None
        Processes, as joblib counts them. With a number each fold computes on one thread, and every
        number gives the same scores (but 1 where Keras runs on TensorFlow, whose threads are set
        once: last digits may differ). None is one process with all its threads.
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
        For a metric that is not defined on a fold's rows, before any work. What fails in a fold
        keeps its type, with a note that names the fold.

    Warns
    -----
    FitFailedWarning
        If a fold failed and `error_score` is a number.

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
    seed, instead = draw_seed(random_state), check_error_score(error_score)
    estimator, kind = prepare(model, y, X, task=task, backend=backend, random_state=seed)
    check_truth(y, kind)
    X, y, groups = indexable(as_rows(X), y, groups)
    weight = check_weights(sample_weight, X)
    fit_weights(estimator, weight)
    slices = slicings(by, X, kind)
    splits, classes = _splits(estimator, cv, X, y, kind, groups, seed)
    made = make_metrics(metrics, estimator, y, kind, classes)
    check_domain(made, y, weight)
    found = defined(made, splits.folds, y, weight, classes=classes, usual=metrics is None)
    problem = Problem(X, y, weight, kind, found, groups=groups, error_score=instead)
    outcomes = []
    with progress(len(splits.folds), "evaluating", verbose) as bar:
        for outcome in run_folds(estimator, problem, splits.folds, n_jobs):
            outcomes.append(outcome)
            bar.advance(_in_words(outcome, found[0].name))
    _tell_of_failures(outcomes, instead)
    title = f"{called(estimator)}: {splits.title}, {_num_samples(X)} rows"
    truth = None if y is None else np.asarray(y)
    return Evaluation(title, kind, found, tuple(outcomes), truth, weight, seed, slices)


def _splits(
    estimator: Any, cv: Any, X: Any, y: Any, kind: Measured, groups: Any, seed: int
) -> tuple[Splits, Any]:
    """Return the folds, and the classes of an estimator that is scored as fitted."""
    if cv is None and is_fitted(estimator):
        return as_given(_num_samples(X)), getattr(estimator, "classes_", None)
    splits = make_splits(cv, X, y, kind, groups, seed)
    if searches(estimator):
        splits = replace(splits, title=f"nested {splits.title}")
    return splits, None


def _in_words(outcome: Outcome, name: str) -> str:
    return "failed" if outcome.failure else f"{name} {outcome.scores[name]:.4f}"


def _tell_of_failures(outcomes: list[Outcome], instead: float | None) -> None:
    """Warn of folds that failed; raise the first error where there is nothing else."""
    failed = {i: o.failure for i, o in enumerate(outcomes) if o.failure is not None}
    if not failed or instead is None:
        return
    if len(failed) == len(outcomes):
        raise failed[0].error
    for failure in failed.values():
        failure.forget_frames()
    warnings.warn(in_words(failed, len(outcomes), instead), FitFailedWarning, stacklevel=3)

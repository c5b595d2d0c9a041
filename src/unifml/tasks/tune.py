"""`tune`: search for better parameters."""

from __future__ import annotations

from typing import Any

from unifml.core.seeds import draw_seed
from unifml.tasks.tuning import Tuning
from unifml.tasks.wrap import prepare


def tune(
    model: Any,
    X: Any,
    y: Any = None,
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
    task: str | None = None,
    backend: str | None = None,
    groups: Any = None,
    sample_weight: Any = None,
    n_jobs: int | None = None,
    random_state: Any = None,
    callbacks: Any = None,
    verbose: int | None = None,
) -> Tuning:
    """Search for better parameters with Optuna, and fit the best on all rows.

    Parameters
    ----------
    model : Estimator, Model, str or native model
        Anything that can be wrapped. It is never changed.
    X : table of shape (n, features)
        The rows.
    y : array-like of shape (n,) or (n, outputs)
        What is true of them.
    space : dict, callable or None
        For each parameter, by short (``dropout``) or full name: a list or tuple of choices, a
        range, `Float`, `Int`, `Categorical`, an Optuna distribution, or one value to set it.
        Or a function of Optuna's trial that returns parameters by name. None takes the model's
        own space, cut by what the backend can. ``backend`` may be searched.
    metric : str, scorer or None
        What is optimised, in the direction that is better; None is ``accuracy`` for classes and
        ``r2`` for numbers. Names are those of `evaluate`.
    cv : None, int, float, splitter or iterable of (train, test)
        As in `evaluate`, the same folds for every trial.
    n_trials : int, default=50
        Trials of the study in all, those that `storage` holds included.
    timeout : float or None
        Seconds after which no further trial is begun.
    sampler, pruner : optuna objects or None
        None is TPE, seeded by `random_state`, and the median rule over folds.
    storage : str, optuna storage or None
        Where trials are kept, such as ``"sqlite:///study.db"``; None keeps them in memory.
    study_name : str or None
        A study of that name in `storage` is resumed.
    task, backend : str or None
        As in `evaluate`.
    groups, sample_weight : array-like of shape (n,) or None
        As in `evaluate`.
    n_jobs : int or None
        Processes for the folds of a trial; the results are the same for every number.
    random_state : int, RandomState or None
        Shuffles folds and seeds the sampler; also the seed of a model that is wrapped here.
    callbacks : list of callable or None
        Called with Optuna's study and trial after each trial.
    verbose : int or None
        0 silent, 1 a bar, 2 a line per trial; inner fits are silent.

    Returns
    -------
    Tuning
        Fitted: it predicts, and holds ``best_estimator_``, ``best_params_``, ``best_score_``,
        ``study`` and ``trials``. After Ctrl-C, the best so far.

    Raises
    ------
    MissingDependencyError
        If Optuna is not installed.
    UnknownNameError, ParameterError, CapabilityError
        For spaces and metrics that cannot be, before the first trial.
    DataError
        If every trial failed; the cause is the first failure.

    See Also
    --------
    evaluate : Score one model.

    Examples
    --------
    >>> import unifml
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> search = unifml.tune("linear", X, y, backend="sklearn", n_trials=5, random_state=0)
    >>> list(search.best_params_)
    ['training__l2']
    """
    seed = draw_seed(random_state)
    estimator, _ = prepare(model, y, X, task=task, backend=backend, random_state=seed)
    return Tuning(
        estimator,
        space=space,
        metric=metric,
        cv=cv,
        n_trials=n_trials,
        timeout=timeout,
        sampler=sampler,
        pruner=pruner,
        storage=storage,
        study_name=study_name,
        n_jobs=n_jobs,
        random_state=seed,
        callbacks=callbacks,
        verbose=verbose,
    ).fit(X, y, groups=groups, sample_weight=sample_weight)

"""`find_learning_rate`: which learning rates are worth trying."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sklearn.base import clone

from unifml.errors import CapabilityError, DivergedError
from unifml.tasks.names import full_names
from unifml.tasks.weights import fit_weights
from unifml.tasks.wrap import suited
from unifml.training import Training
from unifml.training.finder import LearningRateFinder


def find_learning_rate(
    model: Any,
    X: Any,
    y: Any = None,
    *,
    task: str | None = None,
    backend: str | None = None,
    low: float = 1e-6,
    high: float = 1.0,
    steps: int = 100,
    smoothing: float = 0.05,
    sample_weight: Any = None,
    random_state: Any = None,
    verbose: int | None = 0,
) -> LearningRateFinder:
    """Raise the learning rate of a probe from step to step, and see where the loss falls.

    Parameters
    ----------
    model : Estimator, Model, str or native model
        What learns; an Estimator is copied, and stays as it is.
    X, y : table of shape (n, features), array-like of shape (n,)
        The rows.
    task : {"classification", "regression", "transformation"} or None
        None looks at `y`.
    backend : str or None
        Who runs it; None as in `Classifier`.
    low, high : float, default=1e-6, 1.0
        The first and the last rate.
    steps : int, default=100
        Steps from one to the other.
    smoothing : float, default=0.05
        See `unifml.training.LearningRateFinder`.
    sample_weight : array-like of shape (n,) or None
        Weights of rows.
    random_state : int, RandomState or None
        For a model that is no estimator; an estimator keeps its own.
    verbose : int or None, default=0
        Of the probe.

    Returns
    -------
    LearningRateFinder
        With ``suggestion_``, ``rates_``, ``losses_``, ``plot()`` and ``to_frame()``. The rate is
        that of a constant schedule; of `OneCycle` it is the highest.

    Raises
    ------
    CapabilityError
        For a model that is not trained by epochs.

    Examples
    --------
    >>> import unifml
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> found = unifml.find_learning_rate("mlp", X, y, backend="sklearn", random_state=0)
    >>> 1e-4 < found.suggestion_ < 1e-1
    True
    """
    finder = LearningRateFinder(low=low, high=high, steps=steps, smoothing=smoothing)
    probe = clone(suited(model, y, X, task=task, backend=backend, random_state=random_state))
    _prepare(probe, finder, verbose)
    try:
        probe.fit(X, y, **fit_weights(probe, sample_weight))
    except DivergedError:
        # That is the end of the range, unless there was no beginning.
        if not len(getattr(finder, "rates_", ())):
            raise
    return finder


def _prepare(probe: Any, finder: LearningRateFinder, verbose: int | None) -> None:
    """Let the probe train step by step, at the rates of the finder alone."""
    names = full_names(probe, "training")
    if len(names) != 1:
        raise CapabilityError(
            f"find_learning_rate for {type(probe).__name__}",
            found="no `training` parameter" if not names else f"several: {', '.join(names)}",
            rule="it is for one Classifier, Regressor or Transformer, alone or in a Pipeline",
        )
    training = probe.get_params(deep=True)[names[0]] or Training()
    plain = replace(
        training,
        epochs=finder.steps,  # of one step at least
        schedule="constant",
        warmup=0,
        metrics=(),
        validation=None,
        early_stopping=False,
        refit=False,
        callbacks=(finder,),
        checkpoint=None,
    )
    voice = names[0].removesuffix("training") + "verbose"
    probe.set_params(**{names[0]: plain, voice: verbose})

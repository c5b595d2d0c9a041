"""`make` and `fit`: an estimator in one flat call."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone

from unifml.tasks.names import resolve
from unifml.tasks.preprocess.auto import behind, fit_holding_out, is_prepared
from unifml.tasks.weights import fit_weights
from unifml.tasks.wrap import as_estimator, suited


def make(model: Any, *, task: str | None = None, backend: str | None = None, **params: Any) -> Any:
    """Make an estimator from flat, short names.

    Parameters
    ----------
    model : Model, str, native model or Estimator
        What learns; an Estimator is copied.
    task : {"classification", "regression", "transformation"} or None
        Needed where the model serves several.
    backend : str or None
        Who runs it; None as in `Classifier`.
    **params
        Parameters by name. A short name (``hidden``, ``epochs``) means the one nested parameter
        of that name (``model__hidden``, ``training__epochs``).

    Returns
    -------
    Classifier, Regressor, Transformer or Estimator
        Not fitted.

    Raises
    ------
    UnknownNameError
        For a name that no parameter has, with the nearest one.
    ParameterError
        If a name is ambiguous, or the task is needed.

    See Also
    --------
    fit : The same, and learn.

    Examples
    --------
    >>> import unifml
    >>> unifml.make("mlp", backend="sklearn", task="classification", hidden=(64,), epochs=50)
    Classifier(model=MLP(hidden=(64,)), training=Training(epochs=50), backend='sklearn')
    """
    estimator = clone(as_estimator(model, task=task, backend=backend))
    return _set(estimator, params)


def fit(
    model: Any,
    X: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    task: str | None = None,
    backend: str | None = None,
    X_val: Any = None,
    y_val: Any = None,
    sample_weight_val: Any = None,
    **params: Any,
) -> Any:
    """Make an estimator from flat, short names, and learn.

    Parameters
    ----------
    model : Model, str, native model or Estimator
        What learns; an Estimator is copied and stays as it is.
    X, y : table of shape (n, features), array-like of shape (n,)
        The rows; models for transformation need no y.
    sample_weight : array-like of shape (n,) or None
        Weights of rows.
    task : {"classification", "regression", "transformation"} or None
        None looks at `y`: strings, bools, categories and at most 20 whole numbers are classes.
    backend : str or None
        Who runs it; None as in `Classifier`.
    X_val, y_val, sample_weight_val : optional
        Rows to validate on after each epoch.
    **params
        Parameters by short or full name, as in `make`.

    Returns
    -------
    Classifier, Regressor, Transformer or Estimator
        Fitted. A model by name or of `unifml.models` stands in a Pipeline behind
        `unifml.preprocess` where X is a frame, or an array of objects, with text, dates or missing
        values.

    Examples
    --------
    >>> import unifml
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> unifml.fit("linear", X, y, backend="sklearn").score(X, y) > 0.9
    True
    """
    estimator = make_for(model, X, y, params, task=task, backend=backend)
    held_out = {"X_val": X_val, "y_val": y_val, "sample_weight_val": sample_weight_val}
    given = {name: value for name, value in held_out.items() if value is not None}
    if given and is_prepared(estimator):
        return fit_holding_out(estimator, X, y, sample_weight, given)
    return estimator.fit(X, y, **fit_weights(estimator, sample_weight), **given)


def make_for(
    model: Any,
    X: Any,
    y: Any,
    params: dict[str, Any],
    *,
    task: str | None = None,
    backend: str | None = None,
    random_state: Any = None,
) -> Any:
    """Return the estimator that `fit` makes for these data: with its settings, not fitted."""
    table = None if "inputs" in params else X  # else it is cut into inputs by its columns
    made = suited(model, y, table, task=task, backend=backend, random_state=random_state)
    estimator = clone(made)
    _set(behind(estimator), params)
    return estimator


def _set(estimator: Any, params: dict[str, Any]) -> Any:
    # `training=Training(...)` first: the other names may be its fields.
    whole = {name: value for name, value in params.items() if name in ("model", "training")}
    estimator.set_params(**whole)
    rest = {name: value for name, value in params.items() if name not in whole}
    return estimator.set_params(**resolve(estimator, rest))

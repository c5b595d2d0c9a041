"""`to_backend`: what was learned, on another backend."""

from __future__ import annotations

import copy
from typing import Any

from sklearn.pipeline import Pipeline

from unifml.core.registry import get_adapter, require
from unifml.errors import CapabilityError
from unifml.estimators.carry import Carry, carried
from unifml.tasks.adopt import adopt, adoptable
from unifml.tasks.takeaway import require_fitted
from unifml.tasks.walk import Mover, move, walked


def to_backend(estimator: Any, backend: str, *, device: str | None = None) -> Any:
    """Return a fitted estimator on another backend, with the same predictions; nothing is fitted.

    Weights go over as they are. The given estimator is not changed.

    Parameters
    ----------
    estimator : fitted estimator
        A `Classifier`, `Regressor` or `Transformer` whose model is a network of unifml, or
        ``linear``; a Pipeline, search or other composite of scikit-learn that holds some; or a
        fitted perceptron or linear model of scikit-learn itself (``MLPClassifier``,
        ``MLPRegressor``, ``LogisticRegression``, ``LinearRegression``, ``Ridge``, ``Lasso``,
        ``ElasticNet`` and their kin), alone or behind a ``StandardScaler`` in a Pipeline, which
        becomes a `Classifier` or `Regressor`.
    backend : str
        Where it is to be. It becomes the parameter ``backend``, also of parts not fitted.
    device : str or None, default=None
        The device there; None keeps the parameter ``device``.

    Returns
    -------
    fitted estimator
        Of the same class. Parameters other than those two, classes, names of features, history
        and seed are kept. `partial_fit` goes on from the weights with a fresh optimizer. A
        backend that does not compute in the dtype of the fit gets the weights in float32.

    Raises
    ------
    CapabilityError
        Where the backend cannot have the model (the message names those that can), for native
        models of the user, and where there is nothing to move.
    NotFittedError
        For an estimator that has not learned: set its parameter ``backend`` instead.

    Examples
    --------
    >>> import unifml
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> line = LogisticRegression(max_iter=500).fit(X, y)
    >>> moved = unifml.to_backend(line, "torch")
    >>> moved
    Classifier(model=Linear(), backend='torch')
    >>> bool(abs(moved.predict_proba(X) - line.predict_proba(X)).max() < 1e-6)
    True
    """
    require(get_adapter(backend))
    require_fitted(estimator)
    if isinstance(estimator, Carry):
        return move(estimator, backend, device)
    if hasattr(estimator, "best_estimator_"):
        return _search(estimator, backend, device)
    if adoptable(estimator):
        return carried(adopt(estimator), backend, device)
    return _composite(estimator, backend, device)


def _search(estimator: Any, backend: str, device: str | None) -> Any:
    """Return a search whose best estimator is moved, and that would search over there."""
    moved = copy.copy(estimator)
    moved.best_estimator_ = to_backend(estimator.best_estimator_, backend, device=device)
    moved.estimator = walked(estimator.estimator, Mover(backend, device))
    return moved


def _composite(estimator: Any, backend: str, device: str | None) -> Any:
    """Return a copy of whatever holds estimators of ours, with all of them moved."""
    mover = Mover(backend, device)
    moved = walked(estimator, mover)
    if isinstance(moved, Pipeline) and adoptable(moved.steps[-1][1]):
        name, last = moved.steps[-1]
        moved.steps[-1] = (name, to_backend(last, backend, device=device))
    elif not mover.moved:
        raise CapabilityError(
            f"{type(estimator).__name__} on backend {backend!r}",
            found="it is no network of unifml, and holds none",
            rule="of scikit-learn's own, perceptrons, logistic and linear regression move",
            fix=f'fit unifml.Classifier("mlp", backend="{backend}"), or a Regressor',
        )
    return moved

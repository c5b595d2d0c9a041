"""`to_native` and `from_native`: the plain model is taken away, and comes back."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from unifml.core.adapter import Weights
from unifml.core.fitted import Fitted
from unifml.core.registry import owner
from unifml.errors import CapabilityError, DataError, DataTypeError, UnifmlError
from unifml.estimators.carry import Carry, checked, fresh, read_weights, relearned, twin


def to_native(estimator: Any) -> Any:
    """Return the plain native model to take away: it needs no unifml, and shares nothing.

    Parameters
    ----------
    estimator : fitted Classifier, Regressor, Transformer, or search
        Of a search, its best estimator.

    Returns
    -------
    torch.nn.Module, keras.Model or scikit-learn estimator
        What ``estimator.model_`` is, built or copied anew; torch modules in eval mode.

        A network takes X unscaled, in the dtype of its weights. For classes it returns logits, a
        single one for two classes; for numbers it returns values, which, times
        ``estimator.target_scaling_.scale`` plus ``.mean`` where that is not None, are in the
        units of ``y``. An estimator of scikit-learn predicts by itself.

    Raises
    ------
    CapabilityError
        For a Pipeline, of which only steps are networks.

    Examples
    --------
    >>> import unifml
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = unifml.Classifier("linear", backend="sklearn").fit(X, y)
    >>> type(unifml.to_native(clf)).__name__
    'LogisticRegression'
    """
    require_fitted(estimator)
    return fresh(_inner(estimator, "the native model")._state())


def from_native(estimator: Any, native: Any) -> Any:
    """Return a copy of a fitted estimator with the weights of a native model.

    The way back of `to_native`, after the native model was trained further elsewhere. Statistics
    by which inputs are standardised are read too; targets of a regression stay scaled as they were.

    Parameters
    ----------
    estimator : fitted Classifier, Regressor or Transformer
        The one that the native model came from, or one of the same model. It is not changed.
    native : torch.nn.Module, keras.Model or scikit-learn estimator
        It is only read.

    Returns
    -------
    Classifier, Regressor or Transformer
        With the history of `estimator`; `partial_fit` begins with a fresh optimizer.

    Raises
    ------
    DataTypeError
        For a native model of another framework.
    DataError
        For one whose layers or shapes differ.

    Examples
    --------
    >>> import unifml
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = unifml.Classifier("linear", backend="sklearn").fit(X, y)
    >>> native = unifml.to_native(clf)
    >>> native.coef_ *= 2
    >>> bool((unifml.from_native(clf, native).predict(X) == native.predict(X)).all())
    True
    """
    require_fitted(estimator)
    inner = _inner(estimator, "weights of a native model")
    fitted: Fitted = inner._state()
    own = read_weights(fitted)
    found = checked(own, _read(fitted, native))
    return twin(inner, relearned(fitted, _exact(fitted, own, found)))


def require_fitted(estimator: Any) -> None:
    """Raise for what is no estimator, or has not learned."""
    if isinstance(estimator, type) or not hasattr(estimator, "get_params"):
        raise DataTypeError(
            f"moving a {type(estimator).__name__}",
            rule="a fitted estimator is needed",
            fix="a native network is taken in by Classifier(network).fit(X, y)",
        )
    check_is_fitted(estimator)


def _inner(estimator: Any, what: str) -> Any:
    """Return the estimator of ours that is meant."""
    found = getattr(estimator, "best_estimator_", estimator)
    if not isinstance(found, Carry):
        raise CapabilityError(
            f"{what} of {type(found).__name__}",
            rule="a Classifier, Regressor or Transformer of unifml has one",
            fix="pass the step that is one" if hasattr(found, "steps") else "",
        )
    return found


def _read(fitted: Fitted, native: Any) -> Weights:
    """Read the weights of a native model, which must be built as the one of the state is."""
    here = owner(native)
    if here is None or here.name != fitted.backend:
        raise DataTypeError(
            f"a native model of type {type(native).__name__}",
            found=f"it is of backend {here.name!r}" if here else "no backend knows it",
            rule=f"the estimator is of backend {fitted.backend!r}",
            fix=f'move the estimator first: to_backend(estimator, "{here.name}")' if here else "",
        )
    try:
        return fitted.adapter.get_weights(native, fitted.plan)
    except UnifmlError:
        raise
    except Exception as error:
        raise DataError(
            f"reading a {type(native).__name__}",
            found=f"{type(error).__name__}, {error!s:.200}",
            rule="its layers are those of to_native(estimator)",
        ) from error


def _exact(fitted: Fitted, own: Weights, found: Weights) -> dict[str, Any]:
    """Return what was read; what nobody changed keeps its own bits.

    A native model may hold a weight in fewer digits, or squared, as norms do.
    """
    before = checked(own, fitted.adapter.get_weights(fresh(fitted), fitted.plan))
    return {k: own[k] if np.array_equal(before[k], v) else v for k, v in found.items()}

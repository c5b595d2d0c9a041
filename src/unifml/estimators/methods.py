"""Which methods an estimator has, asked before they are called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from unifml.errors import UnifmlError
from unifml.estimators.resolve import native_owner, resolve_adapter, resolve_model
from unifml.models import Native
from unifml.training import LOSS_CLASSES


def native_has(method: str) -> Callable[[Any], bool]:
    """Return a check: the method exists where a native estimator of the user has it."""

    def check(estimator: Any) -> bool:
        native = estimator._estimator()
        return native is not None and hasattr(native, method)

    return check


def gives_probabilities(estimator: Any) -> bool:
    """Say whether there is ``predict_proba``: for networks, unless their loss learns scores."""
    native = estimator._estimator()
    return hasattr(native, "predict_proba") if native is not None else not gives_scores(estimator)


def gives_scores(estimator: Any) -> bool:
    """Say whether a network gives scores that are no probabilities, as a hinge loss does."""
    if estimator._estimator() is not None:
        return False
    if estimator.__sklearn_is_fitted__():
        return bool(estimator._fitted.plan.output == "scores")
    loss = getattr(estimator.training, "loss", None)
    loss = LOSS_CLASSES.get(loss) if isinstance(loss, str) else loss
    return getattr(loss, "output", None) == "scores"


def decides(estimator: Any) -> bool:
    """Say whether there is ``decision_function``."""
    return native_has("decision_function")(estimator) or gives_scores(estimator)


def learns_in_steps(estimator: Any) -> bool:
    """Say whether there is ``partial_fit``."""
    native = estimator._untouched()
    if native is not None:
        return hasattr(native, "partial_fit")
    try:
        model = resolve_model(estimator.model)
        if isinstance(model, Native):
            owner = native_owner(model)
            return owner is None or owner.capabilities.partial_fit
        adapter = resolve_adapter(model, estimator.backend)
    except UnifmlError:
        return False
    return model.procedure == "epochs" and adapter.capabilities.partial_fit

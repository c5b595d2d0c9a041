"""Which methods an estimator has, asked before they are called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from unifml.errors import UnifmlError
from unifml.estimators.resolve import native_owner, resolve_adapter, resolve_model
from unifml.models import Native


def native_has(method: str) -> Callable[[Any], bool]:
    """Return a check: the method exists where a native estimator of the user has it."""

    def check(estimator: Any) -> bool:
        native = estimator._estimator()
        return native is not None and hasattr(native, method)

    return check


def gives_probabilities(estimator: Any) -> bool:
    """Say whether there is ``predict_proba``: for networks always."""
    native = estimator._estimator()
    return native is None or hasattr(native, "predict_proba")


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

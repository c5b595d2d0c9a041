"""What the parameters of an estimator mean, and how they are copied and changed."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone

from unifml.core.spec import changed
from unifml.errors import UnifmlError
from unifml.estimators.resolve import resolve_model
from unifml.models import Model
from unifml.training import Training


def resolved(name: str, value: Any) -> Any:
    """Return a nested parameter object, with names and None resolved; as it is if unknown."""
    if name == "training":
        return Training() if value is None else value
    if isinstance(value, str) or (isinstance(value, type) and issubclass(value, Model)):
        try:
            return resolve_model(value)
        except UnifmlError:
            return value
    return value


def cloned(value: Any) -> Any:
    """Clone what scikit-learn would; native models and specs go by reference."""
    is_estimator = hasattr(value, "get_params") and not isinstance(value, type)
    return clone(value) if is_estimator and hasattr(value, "fit") else value


def with_changes(value: Any, name: str, params: dict[str, Any]) -> Any:
    """Return a copy of a nested parameter object with `params` changed."""
    if hasattr(value, "fit") and hasattr(value, "set_params"):
        return clone(value).set_params(**params)
    return changed(value, name, params)

"""Estimators of ours inside whatever holds them: moved, while the rest is copied."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from sklearn.base import clone

from unifml.core.aside import putting
from unifml.estimators.carry import carried
from unifml.estimators.resolve import resolve_model
from unifml.models import Model
from unifml.tasks.adopt import adopt, adoptable


def move(estimator: Any, backend: str, device: str | None) -> Any:
    """Move an estimator; one that holds a model of scikit-learn that is a network becomes it."""
    native = estimator._untouched()
    if native is not None and backend != estimator.backend_ and adoptable(native):
        return carried(adopt(native), backend, device)
    return carried(estimator, backend, device)


def walked(estimator: Any, mover: Mover) -> Any:
    """Copy an object of any kind; `mover` takes the estimators of ours inside it."""
    with putting(mover):
        return copy.deepcopy(estimator)


class Mover:
    """Moves each estimator that it is given, while the object around them is copied."""

    def __init__(self, backend: str, device: str | None) -> None:
        self.backend, self.device, self.moved = backend, device, 0
        self.there: list[Any] = []

    def put(self, estimator: Any) -> dict[str, Any]:
        """Move an estimator, or change its parameters if it is not fitted."""
        if estimator.__sklearn_is_fitted__():
            self.there.append(move(estimator, self.backend, self.device))
            self.moved += 1
        else:
            self.there.append(self._template(estimator))
        return {"place": len(self.there) - 1}

    def take(self, estimator: Any, state: Mapping[str, Any]) -> None:
        """Make the copy what was moved."""
        vars(estimator).update(vars(self.there[state["place"]]))

    def _template(self, estimator: Any) -> Any:
        if not isinstance(resolve_model(estimator.model), Model):
            return clone(estimator)
        device = {} if self.device is None else {"device": self.device}
        return clone(estimator).set_params(backend=self.backend, **device)

"""Steps of native estimators that rule by their own tags."""

from __future__ import annotations

import copy
from typing import Any

from unifml.core.fitted import Fitted
from unifml.core.history import History
from unifml.core.task import Kind, Task
from unifml.estimators.planning import plan_untouched


def step(estimator: Any, X: Any, y: Any, sample_weight: Any, **classes: Any) -> None:
    """Call the native ``partial_fit`` once on a copy, and keep the copy if that succeeded."""
    first = not estimator.__sklearn_is_fitted__()
    choices = estimator._choices(go_on=not first)
    kind: Kind = "classification" if classes else "regression"
    if first:
        plan, native = plan_untouched(choices, Task(kind), X)
    else:
        plan, native = estimator._fitted.plan, copy.deepcopy(estimator._fitted.model)
    given = {"sample_weight": sample_weight} if sample_weight is not None else {}
    if first and classes.get("classes") is not None:
        given |= classes
    native.partial_fit(X, y, **given)
    estimator._keep(Fitted(plan, choices.adapter.name, native=native), History(), native)

"""A plan without a fit: what would be done."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier

from unifml.core.inputs import count
from unifml.core.plan import Plan
from unifml.core.task import Task
from unifml.data import LabelCodes, check_numbers, training_rows
from unifml.estimators.planning import plan_model, plan_native, plan_untouched
from unifml.estimators.transformable import inputs_task
from unifml.estimators.transformer import Transformer
from unifml.models import Model, Native

_ROWS, _FEATURES = 256, 4  # what is assumed where no data are given


def dry_plan(estimator: Any, X: Any = None, y: Any = None) -> Plan:
    """Return the plan of a fitted estimator, or the one that `fit` would make.

    Parameters
    ----------
    estimator : Classifier, Regressor or Transformer
        It is not changed.
    X, y : optional
        The data to plan for; None assumes 256 rows of 4 features and two classes or one target.

    Raises
    ------
    CapabilityError
        For what the backend cannot do, as `fit` would.
    """
    if estimator.__sklearn_is_fitted__():
        return estimator._fitted.plan  # type: ignore[no-any-return]
    choices = estimator._choices()
    rows, names = _example(choices.model)
    if X is not None:
        targets, scratch = np.zeros(count(X)) if y is None else y, estimator._scratch()
        rows = training_rows(scratch, X, targets, reset=True, **estimator._rules())
        names = getattr(scratch, "feature_names_in_", None)
    task, classes = _task(estimator, rows, y)
    if estimator._rules_itself():
        return plan_untouched(choices, task, rows, classes=classes)[0]
    if isinstance(choices.model, Native):
        return plan_native(choices, task, rows, feature_names=names, classes=classes)[0]
    return plan_model(choices, task, rows, float(count(rows)), feature_names=names, classes=classes)


def _example(model: Any) -> tuple[Any, Any]:
    """Return rows that a model fits, and the names of their columns."""
    if not isinstance(model, Model):
        return np.zeros((_ROWS, _FEATURES)), None
    signature = model.example()
    return np.zeros((_ROWS, *signature.input_shape)), signature.feature_names


def _task(estimator: Any, rows: Any, y: Any) -> tuple[Task, Any]:
    if isinstance(estimator, Transformer):
        return inputs_task(rows), None
    if is_classifier(estimator):
        labels = LabelCodes.of(np.array([0, 1]) if y is None else y)
        return labels.task, labels.classes
    columns = 1 if y is None or check_numbers(y).ndim == 1 else check_numbers(y).shape[1]
    return Task("regression", columns), None

"""What is exported: the model that really answers, what goes into its file, what it says."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_clusterer, is_outlier_detector, is_regressor
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from unifml.core.signature import Feeds
from unifml.errors import CapabilityError, DataTypeError
from unifml.estimators import Classifier, Regressor, Transformer
from unifml.export.ends import End
from unifml.export.head import label_values
from unifml.export.inputs import (
    allows_nan,
    dtypes_of,
    holds_infinity,
    inputs_of,
    inputs_of_network,
    known_names,
)
from unifml.export.proof import Said, plain, takes_any_order, takes_nan
from unifml.runtime.schema import LABEL, PROBABILITIES, Input, Schema, Task

_OURS = Classifier | Regressor | Transformer


def predictor(model: Any) -> tuple[Any, Task]:
    """Return the fitted model that answers, and what it answers.

    Raises
    ------
    DataTypeError
        For what is no fitted model.
    sklearn.exceptions.NotFittedError
        For a model that is not fitted.
    CapabilityError
        For a model that says nothing of new rows.
    """
    answers = hasattr(model, "predict") or hasattr(model, "transform")
    known = hasattr(model, "get_params")
    if isinstance(model, type) or not answers or not known:
        raise DataTypeError(
            f"export_onnx({repr(model)[:80]})",
            rule="a fitted estimator with a method predict or transform",
            fix="" if known else "a network becomes one by Classifier(network).fit(X, y)",
        )
    check_is_fitted(model)
    inner = unwrapped(model)
    check_is_fitted(inner)
    return inner, task_of(inner)


def unwrapped(model: Any) -> Any:
    """Return what really answers: the best of a search, what a frozen or thin wrapper holds."""
    while True:
        if isinstance(model, FrozenEstimator):
            model = model.estimator
        elif _hands_through(model):
            model = model._estimator()
        elif isinstance(model, BaseSearchCV) or hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        elif isinstance(model, Pipeline) and _idle(model):
            model = model.steps[-1][1]
        else:
            return model


def _idle(model: Pipeline) -> bool:
    """Say whether all steps before the last do nothing."""
    idle = all(isinstance(step, str) or step is None for _, step in model.steps[:-1])
    return idle and hasattr(model.steps[-1][1], "get_params")


def task_of(model: Any) -> Task:
    """Return what a model answers."""
    if is_classifier(model):
        return "classification"
    if is_regressor(model):
        return "regression"
    if is_outlier_detector(model) and hasattr(model, "predict"):
        return "outliers"
    if (is_clusterer(model) or hasattr(model, "predict_proba")) and hasattr(model, "predict"):
        return "clustering"
    if hasattr(model, "transform"):
        return "transformation"
    raise CapabilityError(
        f"exporting {type(model).__name__} to ONNX",
        rule="it must say something of new rows: predict or transform",
    )


def _hands_through(model: Any) -> bool:
    """Say whether a wrapped scikit-learn estimator answers for itself, in the user's labels."""
    if not isinstance(model, _OURS) or not model.__sklearn_is_fitted__():
        return False
    inner = model._estimator()
    if inner is None or isinstance(getattr(inner, "classes_", None), list):
        return False  # ours gives one table where scikit-learn gives a list, one for each label
    return model.__dict__.get("_fitted_codes") is None


def entrance(model: Any, X: Any) -> tuple[tuple[Input, ...], dict[str, Any]]:
    """Return the inputs of the file, and what its schema says of them."""
    feeds = _tensor_feeds(model)
    if feeds is not None:
        named = bool(model._fitted.plan.signature.named)
        cut = None if model.inputs is None else {k: _listed(v) for k, v in model.inputs.items()}
        return inputs_of_network(feeds), {"by_name": named, "cut": cut}
    X, task = plain(X), task_of(model)
    inputs, by_column = inputs_of(X)
    return inputs, {
        "by_column": by_column,
        "any_order": takes_any_order(model, X, task),
        "feature_names": known_names(model),
        "allow_nan": allows_nan(model, X) or takes_nan(model, X, task),
        "allow_infinity": holds_infinity(X),
        "dtypes": dtypes_of(X),
    }


def described(
    model: Any,
    task: Task,
    inputs: tuple[Input, ...],
    ends: tuple[End, ...],
    said: Said,
    fields: dict[str, Any],
) -> Schema:
    """Return what the file says of itself."""
    outputs = tuple(end.name for end in ends)
    if task != "classification":
        return Schema(task, inputs, outputs, **fields)
    classes = model.classes_
    if isinstance(classes, list) and PROBABILITIES in said:  # a chain: a column for each output
        classes = np.arange(len(classes))
    several = isinstance(classes, list)
    each = [np.asarray(one) for one in classes] if several else [np.asarray(classes)]
    lists, dtypes = [_listed_labels(c) for c in each], tuple(_dtype(c) for c in each)
    return Schema(
        task,
        inputs,
        outputs,
        classes=lists if several else lists[0],
        classes_dtype=dtypes if several else dtypes[0],
        multilabel=not several and said[LABEL].ndim == 2,
        **fields,
    )


def _tensor_feeds(model: Any) -> Feeds | None:
    """Return the inputs of a model of ours that takes anything but one table; None for others."""
    if not isinstance(model, _OURS) or model._estimator() is not None:
        return None
    signature = model._fitted.plan.signature
    feeds: Feeds = signature.feeds
    table = not signature.named and len(feeds[0].shape) == 1 and not feeds[0].ragged
    return None if table else feeds


def _listed(columns: Any) -> Any:
    return columns if isinstance(columns, str) else list(columns)


def _listed_labels(classes: Any) -> list[Any]:
    return [label.item() if isinstance(label, np.generic) else label for label in classes]


def _dtype(classes: Any) -> str:
    text = label_values(classes)[1] is object
    return "object" if text and classes.dtype.kind != "U" else str(classes.dtype)

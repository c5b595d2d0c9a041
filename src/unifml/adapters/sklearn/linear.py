"""Canonical weights in and out of the linear models that scikit-learn has itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone, is_classifier

from unifml.core.adapter import Weights
from unifml.core.plan import Plan
from unifml.errors import CapabilityError
from unifml.layers import Dense
from unifml.models import Model

Array = npt.NDArray[Any]


def read(native: Any, plan: Plan) -> dict[str, Array]:
    """Return copies of the canonical weights of a fitted linear estimator.

    Raises
    ------
    CapabilityError
        For an estimator that is not one dense layer.
    """
    name = _layer(plan)
    parts = [_rows(part) for part in getattr(native, "estimators_", [native])]
    coefs, biases = zip(*parts, strict=True)
    kernel = np.ascontiguousarray(np.concatenate(coefs).T)
    return {f"{name}.kernel": kernel, f"{name}.bias": np.concatenate(biases)}


def write(native: Any, plan: Plan, weights: Weights) -> Any:
    """Give a linear estimator weights, and all else that a fit would; return it.

    Raises
    ------
    CapabilityError
        For an estimator that is not one dense layer.
    """
    name = _layer(plan)
    coef = np.array(np.transpose(weights[f"{name}.kernel"]), order="C")
    bias = np.array(weights[f"{name}.bias"])
    if plan.task.multilabel:
        labels = range(plan.task.n_targets)
        native.estimators_ = [
            _fill(clone(native.estimator), coef[i : i + 1], bias[i : i + 1], np.arange(2), plan)
            for i in labels
        ]
        native.classes_ = [np.arange(2) for _ in labels]
        native.n_features_in_ = plan.signature.n_features
        return native
    return _fill(native, coef, bias, _classes(plan), plan)


def _layer(plan: Plan) -> str:
    """Return the name of the one layer of a plan's model."""
    network = None
    if isinstance(plan.model, Model):
        network = plan.model.network(plan.task, plan.signature)
    nodes = network.graph(plan.signature.feeds).nodes if network else ()
    if len(nodes) != 1 or not isinstance(nodes[0].layer, Dense):
        raise CapabilityError(
            f"the weights of {plan.model!r} on backend 'sklearn'",
            found="an estimator of scikit-learn that is no network of layers",
            rule="networks and linear models have weights with names",
            fix="read the attributes of model_ instead",
        )
    return nodes[0].name


def _rows(native: Any) -> tuple[Array, Array]:
    """Return coefficients (outputs, features) and intercepts (outputs,), copied."""
    coef = np.array(np.atleast_2d(native.coef_))
    return coef, np.array(np.broadcast_to(native.intercept_, len(coef)), dtype=coef.dtype)


def _fill(native: Any, coef: Array, bias: Array, classes: Any, plan: Plan) -> Any:
    if is_classifier(native):
        native.coef_, native.intercept_, native.classes_ = coef, bias, classes
        native.n_iter_ = np.zeros(1, dtype=np.int32)
    else:
        single = len(coef) == 1
        native.coef_ = coef[0] if single else coef
        native.intercept_ = float(bias[0]) if single else bias
        native.n_iter_ = None
    native.n_features_in_ = plan.signature.n_features
    return native


def _classes(plan: Plan) -> Any:
    return np.arange(plan.task.n_classes) if plan.classes is None else plan.classes

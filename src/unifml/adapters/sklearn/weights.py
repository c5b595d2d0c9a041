"""Canonical weights in and out of fitted scikit-learn estimators."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelBinarizer

from unifml.adapters.sklearn.layers import Perceptron, read_network
from unifml.core.adapter import Weights
from unifml.core.plan import Plan
from unifml.layers import Graph


def link(plan: Plan) -> str:
    """Return the activation of the outputs, in scikit-learn's words."""
    if plan.task.kind == "regression":
        return "identity"
    return "logistic" if plan.task.multilabel or plan.task.binary else "softmax"


def read(model: Any, plan: Plan) -> dict[str, npt.NDArray[Any]]:
    """Return copies of the canonical weights of a fitted estimator."""
    graph, scaler, mlp = _parts(model, plan)
    weights = {}
    for standardize in graph.standardized.values():
        weights[f"{standardize}.mean"] = np.array(scaler.mean_)
        weights[f"{standardize}.scale"] = np.array(scaler.scale_)
    for i, (name, layer) in enumerate(read_network(graph).dense):
        weights[f"{name}.kernel"] = np.array(mlp.coefs_[i])
        if layer.bias:
            weights[f"{name}.bias"] = np.array(mlp.intercepts_[i])
    return weights


def write(model: Any, plan: Plan, weights: Weights) -> Any:
    """Give an estimator weights, and all else that a fit would; return it."""
    graph, scaler, mlp = _parts(model, plan)
    for standardize in graph.standardized.values():
        _fit_scaler(scaler, plan, weights, standardize)
    _fit_mlp(mlp, plan, *arrays(read_network(graph), weights))
    if plan.signature.feature_names is not None:
        first = mlp if scaler is None else scaler
        first.feature_names_in_ = np.array(plan.signature.feature_names, dtype=object)
    return model


def arrays(
    perceptron: Perceptron, weights: Weights
) -> tuple[list[npt.NDArray[Any]], list[npt.NDArray[Any]]]:
    """Return copies of kernels and biases; a layer without a bias has one that stays 0."""
    kernels = [np.array(weights[f"{name}.kernel"], order="C") for name, _ in perceptron.dense]
    biases = [
        np.array(weights[f"{name}.bias"]) if layer.bias else np.zeros(layer.units, kernel.dtype)
        for (name, layer), kernel in zip(perceptron.dense, kernels, strict=True)
    ]
    return kernels, biases


def _parts(model: Any, plan: Plan) -> tuple[Graph, Any, Any]:
    if plan.network is None:
        raise TypeError("canonical weights belong to a network, and this plan has none")
    if isinstance(model, Pipeline):
        return plan.graph, model.named_steps["standardize"], model.named_steps["mlp"]
    return plan.graph, None, model


def _fit_scaler(scaler: Any, plan: Plan, weights: Weights, name: str) -> None:
    scaler.mean_ = np.array(weights[f"{name}.mean"])
    scaler.scale_ = np.array(weights[f"{name}.scale"])
    scaler.var_ = scaler.scale_**2
    scaler.n_features_in_ = plan.signature.n_features
    scaler.n_samples_seen_ = 0  # a partial_fit would begin anew: the rows are not known here


def _fit_mlp(mlp: Any, plan: Plan, kernels: list[Any], biases: list[Any]) -> None:
    mlp.coefs_, mlp.intercepts_ = kernels, biases
    mlp.n_features_in_ = plan.signature.n_features
    mlp.n_layers_ = len(kernels) + 1
    mlp.n_outputs_ = plan.task.width
    mlp.out_activation_ = link(plan)
    mlp.n_iter_, mlp.t_ = plan.settings.epochs, 0
    # As before a first epoch, so that a partial_fit by the user goes on from the weights.
    mlp.loss_, mlp.best_loss_, mlp.loss_curve_ = np.inf, np.inf, []
    mlp.validation_scores_ = mlp.best_validation_score_ = None
    mlp._no_improvement_count = 0
    if plan.task.kind == "classification":
        mlp._label_binarizer = LabelBinarizer().fit(_labels(plan))
        mlp.classes_ = mlp._label_binarizer.classes_


def _labels(plan: Plan) -> Any:
    if plan.task.multilabel:
        return np.eye(plan.task.n_targets, dtype=int)
    return np.arange(plan.task.n_classes) if plan.classes is None else plan.classes

"""Multilayer perceptrons of scikit-learn, in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from unifml.export.algebra import Algebra
from unifml.export.own import by_unifml, dense, doubles, halved
from unifml.export.rules.linear import logistic
from unifml.export.values import Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer

_ACTIVATIONS = {"tanh": "Tanh", "relu": "Relu", "exp": "Exp"}


def _activated(a: Algebra, x: str, activation: str) -> str:
    if activation == "logistic":
        return a.sigmoid(x)
    return x if activation == "identity" else a.op(_ACTIVATIONS[activation], x)


def _raw(w: Writer, model: Any, rows: Rows) -> tuple[Algebra, str]:
    """Write layer after layer, without the last activation."""
    a, x = doubles(w, rows)
    last = len(model.coefs_) - 1
    for i, (weights, bias) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        x = a.affine(x, dense(weights), dense(bias), name=f"layer_{i}")
        if i < last:
            x = _activated(a, x, model.activation)
    return a, x


def _regressor(w: Writer, model: Any, rows: Rows) -> Answers:
    a, raw = _raw(w, model, rows)
    return w.predicted(_activated(a, raw, model.out_activation_), "double", model.n_outputs_)


def _classifier(w: Writer, model: Any, rows: Rows) -> Answers:
    a, raw = _raw(w, model, rows)
    if model.out_activation_ == "softmax":
        return w.labelled(a.op("Softmax", raw, axis=1), model.classes_)
    if model._label_binarizer.y_type_.startswith("multilabel"):
        label = a.whole(w.g.op("Greater", raw, a.of(0.0)))
        return Answers(label, a.sigmoid(raw), classes=np.asarray(model.classes_))
    said = halved(w, raw, model.classes_, logistic(a, raw))
    return Answers(said.label, said.probabilities, classes=said.classes)


RULES: dict[type, Rule] = by_unifml({MLPClassifier: _classifier, MLPRegressor: _regressor})

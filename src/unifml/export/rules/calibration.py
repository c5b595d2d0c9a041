"""Calibrated probabilities: each model's own, through curves that were learned beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.isotonic import IsotonicRegression

from unifml.export.members import Response, beside, binary, column, mean, repeated
from unifml.export.rules.piecewise import piecewise_linear
from unifml.export.values import ELEMENTS, Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer

_METHODS = ("decision_function", "predict_proba")
_LEAST = 1e-12  # as scikit-learn: keeps the logarithm of 0 finite


def _calibrated(w: Writer, model: Any, rows: Rows) -> Answers:
    parts = enumerate(model.calibrated_classifiers_)
    each = [_one(w, part, rows, f"fold_{i}") for i, part in parts]
    return w.labelled(mean(w.g, each), model.classes_)


def _one(w: Writer, part: Any, rows: Rows, name: str) -> str:
    """Write one model with its curves."""
    inner = part.estimator
    said = binary(w, inner, rows, w.write(inner, rows, name), _METHODS)
    if part.method == "temperature":
        shares = _tempered(w, said, part.calibrators[0])
    elif len(part.classes) == 2:
        yes = _curve(w, said.values, part.calibrators[0])
        shares = beside(w.g, [w.g.op("Sub", w.g.constant("one", 1.0, np.float64), yes), yes])
    else:
        shares = _normalised(w, _each_class(w, part, rows, said), len(part.classes))
    return _at_most_one(w, shares)


def _each_class(w: Writer, part: Any, rows: Rows, said: Response) -> str:
    """Write each class's curve; classes that the model does not know have the share 0."""
    classes = list(part.classes)
    places = [classes.index(label) for label in part.estimator.classes_][: said.width]
    none = repeated(w.g, rows, [0.0])
    columns = [none] * len(classes)
    for i, (place, curve) in enumerate(zip(places, part.calibrators, strict=False)):
        columns[place] = _curve(w, column(w.g, said.values, i), curve)
    return beside(w.g, columns)


def _normalised(w: Writer, shares: str, count: int) -> str:
    """Divide by the sum; where all are 0, all are the same."""
    axis = w.g.constant("axis", [1], np.int64)
    total = w.g.op("ReduceSum", shares, axis, keepdims=1)
    none = w.g.op("Equal", total, w.g.constant("zero", 0.0, np.float64))
    same = w.g.constant("uniform", 1 / count, np.float64)
    return w.g.op("Where", none, same, w.g.op("Div", shares, total))


def _at_most_one(w: Writer, shares: str) -> str:
    """Let shares that rounding took above 1 be 1."""
    return w.g.op("Min", shares, w.g.constant("one", 1.0, np.float64), name="shares")


def _curve(w: Writer, values: str, calibrator: Any) -> str:
    """Write what a calibrator makes of one column."""
    if isinstance(calibrator, IsotonicRegression):
        return _isotonic_curve(w, values, calibrator)
    slope = w.g.constant("slope", calibrator.a_, np.float64)
    shift = w.g.constant("shift", calibrator.b_, np.float64)
    # onnxruntime's Sigmoid is 0 below -37, where shares of several classes still count
    odds = w.g.op("Exp", w.g.op("Add", w.g.op("Mul", values, slope), shift))
    one = w.g.constant("one", 1.0, np.float64)
    return w.g.op("Div", one, w.g.op("Add", one, odds))


def _isotonic_curve(w: Writer, values: str, model: Any) -> str:
    """Write the steps between thresholds; values are rounded to float32 where those are."""
    xs, ys = model.X_thresholds_, model.y_thresholds_
    if xs.dtype == np.float32:
        values = w.g.op("Cast", w.g.op("Cast", values, to=ELEMENTS["float"]), to=ELEMENTS["double"])
    return piecewise_linear(w.g, values, xs, ys)


def _tempered(w: Writer, said: Response, calibrator: Any) -> str:
    """Divide logits by a temperature; scores of two classes are those of the second."""
    values, one = said.values, w.g.constant("one", 1.0, np.float64)
    if said.width == 1 and said.method == "predict_proba":
        values = beside(w.g, [w.g.op("Sub", one, values), values])
    elif said.width == 1:
        values = beside(w.g, [w.g.op("Neg", values), values])
    if said.method == "predict_proba":
        values = w.g.op("Log", w.g.op("Add", values, w.g.constant("least", _LEAST, np.float64)))
    beta = w.g.constant("beta", calibrator.beta_, np.float64)
    return w.g.op("Softmax", w.g.op("Mul", values, beta), axis=1)


RULES: dict[type, Rule] = {CalibratedClassifierCV: _calibrated}

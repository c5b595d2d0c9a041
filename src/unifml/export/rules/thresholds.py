"""Labels by a threshold that was chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV

from unifml.export.members import as_flat, column, response
from unifml.export.values import ELEMENTS, Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer

_SLACK = 5e-7  # 30 of 100 trees are 0.3, which a sum in float32 may miss


def _fixed(w: Writer, model: Any, rows: Rows) -> Answers:
    return _by_threshold(w, model, rows, model.pos_label, model.threshold)


def _tuned(w: Writer, model: Any, rows: Rows) -> Answers:
    positive = model._curve_scorer._get_pos_label()
    return _by_threshold(w, model, rows, positive, model.best_threshold_)


def _by_threshold(w: Writer, model: Any, rows: Rows, positive: Any, threshold: Any) -> Answers:
    """Take the positive class from the threshold on; what the model says beside it stays."""
    inner = model.__dict__.get("estimator_", model.estimator)
    answers = w.write(inner, rows, "estimator")
    said = response(w, inner, rows, answers, model._get_response_method())
    classes = np.asarray(model.classes_)
    yes = 1 if positive is None else int(np.flatnonzero(classes == positive)[0])
    values = column(w.g, said.values, yes) if said.width == 2 else said.values
    if said.width == 1 and yes == 0:
        values = w.g.op("Neg", values)
    if isinstance(threshold, str):
        threshold = 0.5 if said.method == "predict_proba" else 0.0
    if said.method == "predict_proba":
        threshold = float(threshold) - _SLACK
    over = w.g.op("GreaterOrEqual", values, w.g.constant("threshold", threshold, np.float64))
    codes = as_flat(w.g, w.g.op("Cast", over, to=ELEMENTS["int64"]))
    label = w.labels(codes, classes if yes == 1 else classes[::-1])
    return Answers(label, answers.probabilities, answers.scores, classes=classes)


RULES: dict[type, Rule] = {FixedThresholdClassifier: _fixed, TunedThresholdClassifierCV: _tuned}

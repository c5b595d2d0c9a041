"""Many classes by models of two: one against the rest, one against one, codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.multiclass import (
    OneVsOneClassifier,
    OneVsRestClassifier,
    OutputCodeClassifier,
    _ConstantPredictor,
    _threshold_for_binary_predict,
)

from unifml.export.duels import tally
from unifml.export.members import (
    add,
    as_column,
    as_double,
    as_flat,
    beside,
    column,
    confidence,
    repeated,
    shares,
)
from unifml.export.values import ELEMENTS, Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer


def _parts(w: Writer, model: Any, rows: Rows) -> list[Answers]:
    return [w.write(part, rows, f"part_{i}") for i, part in enumerate(model.estimators_)]


def _sure(w: Writer, model: Any, rows: Rows, each: list[Answers]) -> str:
    """Return how sure each model is, float64 (n, models)."""
    parts = zip(model.estimators_, each, strict=True)
    return beside(w.g, [confidence(w, part, rows, answers) for part, answers in parts])


def _rest(w: Writer, model: Any, rows: Rows) -> Answers:
    each = _parts(w, model, rows)
    sure = _sure(w, model, rows, each)
    label = _rest_label(w, model, sure)
    has = all(hasattr(part, "predict_proba") for part in model.estimators_)
    probabilities = _rest_shares(w, model, each) if has else None
    return Answers(label, probabilities, classes=np.asarray(model.classes_))


def _rest_label(w: Writer, model: Any, sure: str) -> str:
    """Return the surest class; of one or several labels those beyond the threshold."""
    if model.label_binarizer_.y_type_ == "multiclass":
        return w.labels(w.argmax(sure), model.classes_)
    limit = float(_threshold_for_binary_predict(model.estimators_[0]))
    over = w.g.op("Greater", sure, w.g.constant("threshold", limit, np.float64))
    codes = w.g.op("Cast", over, to=ELEMENTS["int64"])
    return codes if model.multilabel_ else w.labels(as_flat(w.g, codes), model.classes_)


def _rest_shares(w: Writer, model: Any, each: list[Answers]) -> str:
    """Return the share of each class: they sum to 1, unless labels are independent."""
    g, parts = w.g, zip(model.estimators_, each, strict=True)
    yes = beside(g, [column(g, shares(w, part, answers), 1) for part, answers in parts])
    if len(each) == 1:
        yes = beside(g, [g.op("Sub", g.constant("one", 1.0, np.float64), yes), yes])
    if model.multilabel_:
        return yes
    total = g.op("ReduceSum", yes, g.constant("axis", [1], np.int64), keepdims=1)
    none = g.op("Equal", total, g.constant("zero", 0.0, np.float64))
    return g.op("Where", none, yes, g.op("Div", yes, total), name="shares")


def _constant(w: Writer, model: Any, rows: Rows) -> Answers:
    """Write what says the same of all rows: there was one class only."""
    y = float(np.ravel(model.y_)[0])
    score = as_flat(w.g, repeated(w.g, rows, [y]))
    label = w.g.op("Cast", score, to=ELEMENTS["int64"])
    probabilities = repeated(w.g, rows, [1 - y, y])
    prediction = w.predicted(repeated(w.g, rows, [y]), "double", 1).prediction
    return Answers(label, probabilities, score, prediction, classes=np.array([0, 1]))


def _pairs(w: Writer, model: Any, rows: Rows) -> Answers:
    """Count duels won; how sure the models are decides between equals."""
    if model.pairwise_indices_ is not None:
        raise w.refusal(model, "a precomputed kernel", rule="X must be a table of columns")
    g, classes = w.g, np.asarray(model.classes_)
    each = _parts(w, model, rows)
    scores = tally(g, _sure(w, model, rows, each), _won(w, each), len(classes))
    if len(classes) > 2:
        return Answers(w.labels(w.argmax(scores), classes), scores=scores, classes=classes)
    limit = float(_threshold_for_binary_predict(model.estimators_[0]))
    score = as_flat(g, column(g, scores, 1))
    over = g.op("Greater", score, g.constant("threshold", limit, np.float64))
    label = w.labels(g.op("Cast", over, to=ELEMENTS["int64"]), classes)
    return Answers(label, scores=score, classes=classes)


def _won(w: Writer, each: list[Answers]) -> str:
    """Return, duel by duel, whether the second class won, float64 (n, duels)."""
    pair = np.array([0, 1])
    return beside(w.g, [as_column(w.g, as_double(w.g, w.codes(one, pair))) for one in each])


def _codes(w: Writer, model: Any, rows: Rows) -> Answers:
    """Take the class whose code is nearest to what the models say."""
    g, book = w.g, np.asarray(model.code_book_, np.float64)
    sure = _sure(w, model, rows, _parts(w, model, rows))
    dots = g.op("MatMul", sure, g.constant("book", -2 * book.T, np.float64))
    far = add(g, [dots, g.constant("squares", (book**2).sum(axis=1)[None], np.float64)])
    nearest = g.op("ArgMin", far, axis=1, keepdims=0, name="code")
    return Answers(w.labels(nearest, model.classes_), classes=np.asarray(model.classes_))


RULES: dict[type, Rule] = {
    OneVsRestClassifier: _rest,
    OneVsOneClassifier: _pairs,
    OutputCodeClassifier: _codes,
    _ConstantPredictor: _constant,
}

"""Ensembles of models of one kind: bagging, boosting, consensus, self-training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
)
from sklearn.linear_model import RANSACRegressor
from sklearn.semi_supervised import SelfTrainingClassifier

from unifml.export.algebra import Algebra
from unifml.export.members import add, as_flat, beside, hot, mean, shares, spread, votes
from unifml.export.rules.composition import _around
from unifml.export.values import Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer


def _bagged(w: Writer, model: Any, rows: Rows) -> list[Answers]:
    """Write each model on its columns."""
    parts = zip(model.estimators_, model.estimators_features_, strict=True)
    return [
        w.write(part, rows.pick(w.g, features.tolist()), f"bag_{i}")
        for i, (part, features) in enumerate(parts)
    ]


def _bagging_classifier(w: Writer, model: Any, rows: Rows) -> Answers:
    """Members learned the numbers of the classes, each perhaps not all of them."""
    count = model.n_classes_
    each = zip(model.estimators_, _bagged(w, model, rows), strict=True)
    said = [_share(w, part, answers, count) for part, answers in each]
    return w.labelled(mean(w.g, said), model.classes_)


def _share(w: Writer, part: Any, answers: Answers, count: int) -> str:
    if hasattr(part, "predict_proba"):
        return spread(w.g, shares(w, part, answers), [int(c) for c in part.classes_], count)
    return votes(w.g, w.codes(answers, np.arange(count)), count)


def _bagging_regressor(w: Writer, model: Any, rows: Rows) -> Answers:
    blocks = [answers.prediction for answers in _bagged(w, model, rows)]
    said = [block.cast(w.g, "double") for block in blocks if block is not None]
    return w.predicted(mean(w.g, [block.name for block in said]), "double", said[0].width)


def _adaboost_classifier(w: Writer, model: Any, rows: Rows) -> Answers:
    """Sum weights for the class that each model names, and against the others."""
    count, g = model.n_classes_, w.g
    if count < 2:
        raise w.refusal(model, "one class", rule="two classes or more")
    votes: list[str] = []
    for i, (part, weight) in enumerate(
        zip(model.estimators_, model.estimator_weights_, strict=False)
    ):
        named = hot(g, w.codes(w.write(part, rows, f"stage_{i}"), model.classes_), count)
        for_it = g.constant("for", weight, np.float64)
        against = g.constant("against", -1 / (count - 1) * weight, np.float64)
        votes.append(g.op("Where", named, for_it, against))
    total = g.constant("total", model.estimator_weights_.sum(), np.float64)
    scores = g.op("Div", add(g, votes), total, name="scores")
    return _two(w, model, scores) if count == 2 else _more(w, model, scores)


def _two(w: Writer, model: Any, scores: str) -> Answers:
    """Take the second of two classes where its votes prevail."""
    g = w.g
    signs = g.constant("signs", [[-1.0], [1.0]], np.float64)
    score = g.op("MatMul", scores, signs)
    half = g.op("Div", score, g.constant("two", 2.0, np.float64))
    shares = g.op("Softmax", beside(g, [g.op("Neg", half), half]), axis=1)
    over = g.op("Greater", as_flat(g, score), g.constant("zero", 0.0, np.float64))
    label = w.labels(g.op("Cast", over, to=7), model.classes_)
    return Answers(label, shares, as_flat(g, score), classes=np.asarray(model.classes_))


def _more(w: Writer, model: Any, scores: str) -> Answers:
    others = w.g.constant("others", model.n_classes_ - 1, np.float64)
    shares = w.g.op("Softmax", w.g.op("Div", scores, others), axis=1)
    label = w.labels(w.argmax(scores), model.classes_)
    return Answers(label, shares, scores, classes=np.asarray(model.classes_))


def _adaboost_regressor(w: Writer, model: Any, rows: Rows) -> Answers:
    """Write the weighted median of what the models say."""
    g, count = w.g, len(model.estimators_)
    parts = enumerate(model.estimators_)
    blocks = [w.write(part, rows, f"stage_{i}").prediction for i, part in parts]
    said = beside(g, [block.cast(g, "double").name for block in blocks if block is not None])
    ranked, places = Algebra(g).lowest(said, count)
    weights = g.constant("weights", model.estimator_weights_[:count], np.float64)
    below = g.op("CumSum", g.op("Gather", weights, places), g.constant("axis", 1, np.int64))
    last = g.op("Gather", below, g.constant("last", [-1], np.int64), axis=1)
    half = g.op("Mul", last, g.constant("half", 0.5, np.float64))
    reached = g.op("Cast", g.op("GreaterOrEqual", below, half), to=7)
    middle = g.op("ArgMax", reached, axis=1, keepdims=1, name="middle")
    return w.predicted(g.op("GatherElements", ranked, middle, axis=1), "double", 1)


RULES: dict[type, Rule] = {
    BaggingClassifier: _bagging_classifier,
    BaggingRegressor: _bagging_regressor,
    AdaBoostClassifier: _adaboost_classifier,
    AdaBoostRegressor: _adaboost_regressor,
    RANSACRegressor: _around("estimator_"),
    SelfTrainingClassifier: _around("estimator_"),
}

"""Values of decision functions, where a meta-estimator needs them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import BaggingClassifier, StackingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection._classification_threshold import BaseThresholdClassifier
from sklearn.model_selection._search import BaseSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm._base import BaseSVC

from unifml.estimators import Classifier
from unifml.export.duels import machine_scores
from unifml.export.values import ELEMENTS, Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Stage, Writer

Scores = tuple[str, int]
"""Tensor (n, width) of float64, and its width: 1 for two classes."""
Way = Callable[["Writer", Any, Rows, Answers], Scores]


def scores_of(w: Writer, model: Any, rows: Rows, answers: Answers) -> Scores:
    """Return what a model's ``decision_function`` gives.

    Parameters
    ----------
    w : Writer
        Receives the nodes.
    model : classifier
        Fitted, and written already.
    rows : Rows
        What goes into it.
    answers : Answers
        What came of writing it.

    Returns
    -------
    str
        Name of a tensor (n, width), float64.
    int
        The width: 1 for two classes.

    Raises
    ------
    ExportError
        For models whose scores cannot be written.
    """
    for base in type(model).__mro__:
        if base in _WAYS:
            return _WAYS[base](w, model, rows, answers)
    return _given(w, model, rows, answers)


def _given(w: Writer, model: Any, rows: Rows, answers: Answers) -> Scores:
    if answers.scores is None:
        raise w.refusal(
            model,
            "no scores in its graph",
            rule="what stands around it needs its decision_function",
            fix="take a model with predict_proba, or a linear one",
        )
    return _shaped(w, answers.scores, rows, _width(model))


def _width(model: Any) -> int:
    """Return the columns of scores."""
    count = len(model.classes_)
    return 1 if count == 2 else count


def _shaped(w: Writer, scores: str, rows: Rows, width: int) -> Scores:
    """Return scores as columns of float64; of two classes the second's, where both have one."""
    g = w.g
    count = g.op("Shape", rows.blocks[0].name, start=0, end=1)
    shape = g.op("Concat", count, g.constant("rest", [-1], np.int64), axis=0)
    columns = g.op("Reshape", g.op("Cast", scores, to=ELEMENTS["double"]), shape)
    if width > 1:
        return columns, width
    return g.op("Gather", columns, g.constant("last", [-1], np.int64), axis=1), 1


def _through(inner: Callable[[Any], Any]) -> Way:
    """Return the way of what asks a model inside, which was written with it."""

    def way(w: Writer, model: Any, rows: Rows, answers: Answers) -> Scores:
        part = inner(model)
        if part is None:
            return _given(w, model, rows, answers)
        return scores_of_part(w, part)

    return way


def scores_of_part(w: Writer, model: Any) -> Scores:
    """Return the scores of a model that was written as part of another one."""
    stage = stage_of(w, model)
    return scores_of(w, stage.model, stage.rows, stage.answers)


def stage_of(w: Writer, model: Any) -> Stage:
    """Return where a model was written last."""
    return next(stage for stage in reversed(w.stages) if stage.model is model)


def _rest(w: Writer, model: Any, rows: Rows, answers: Answers) -> Scores:
    each = [scores_of_part(w, part)[0] for part in model.estimators_]
    if len(each) == 1:
        return each[0], 1
    return w.g.op("Concat", *each, axis=1, name="scores"), len(each)


def _bagged(w: Writer, model: Any, rows: Rows, answers: Answers) -> Scores:
    each = [scores_of_part(w, part) for part in model.estimators_]
    total = w.g.op("Sum", *(name for name, _ in each))
    count = w.g.constant("count", len(each), np.float64)
    return w.g.op("Div", total, count, name="scores"), each[0][1]


def _machine(w: Writer, model: Any, rows: Rows, answers: Answers) -> Scores:
    return machine_scores(w, model, rows)


_WAYS: dict[type, Way] = {
    Pipeline: _through(lambda model: model.steps[-1][1]),
    FrozenEstimator: _through(lambda model: model.estimator),
    BaseSearchCV: _through(lambda model: model.best_estimator_),
    SelfTrainingClassifier: _through(lambda model: model.estimator_),
    StackingClassifier: _through(lambda model: model.final_estimator_),
    BaseThresholdClassifier: _through(
        lambda model: model.__dict__.get("estimator_", model.estimator)
    ),
    Classifier: _through(lambda model: model._estimator()),
    OneVsRestClassifier: _rest,
    BaggingClassifier: _bagged,
    BaseSVC: _machine,
}

"""What puts steps one after another or side by side, and what only stands around another model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline

from unifml.export.values import Answers, Block, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer


def _pipeline(w: Writer, model: Any, rows: Rows) -> Answers:
    """Write step after step; samplers of imbalanced-learn act in fit alone."""
    answers = Answers(transformed=rows)
    for name, step in model.steps:
        if hasattr(step, "fit_resample"):
            continue
        answers = w.write(step, _between(w, model, answers), name)
    return answers


def _between(w: Writer, model: Any, answers: Answers) -> Rows:
    if answers.transformed is None:
        raise w.refusal(model, "a step in the middle that gives no columns")
    return answers.transformed


def _columns(w: Writer, model: Any, rows: Rows) -> Answers:
    """Give each transformer its columns, which scikit-learn knows by position in the end."""
    blocks: list[Block] = []
    for name, step, _ in model.transformers_:
        places = model._transformer_to_input_indices.get(name, [])
        if (isinstance(step, str) and step == "drop") or not len(places):
            continue
        part = rows.pick(w.g, [int(place) for place in places])
        blocks.extend(_between(w, model, w.write(step, part, name)).blocks)
    return Answers(transformed=Rows(tuple(blocks)))


def _union(w: Writer, model: Any, rows: Rows) -> Answers:
    """Put what each transformer gives side by side, with its weight."""
    blocks: list[Block] = []
    weights = model.transformer_weights or {}
    for name, step in model.transformer_list:
        if isinstance(step, str) and step == "drop":
            continue
        part = _between(w, model, w.write(step, rows, name))
        if name in weights:
            block = part.joined(w.g)
            factor = w.g.constant("weight", weights[name], block.dtype)
            part = Rows.of(w.g.op("Mul", block.name, factor), block.kind, block.width)
        blocks.extend(part.blocks)
    return Answers(transformed=Rows(tuple(blocks)))


def _around(attribute: str) -> Rule:
    """Return the rule of what only stands around a fitted model."""

    def rule(w: Writer, model: Any, rows: Rows) -> Answers:
        return w.write(getattr(model, attribute), rows)

    return rule


RULES: dict[type, Rule] = {
    Pipeline: _pipeline,
    ColumnTransformer: _columns,
    FeatureUnion: _union,
    FrozenEstimator: _around("estimator"),
    BaseSearchCV: _around("best_estimator_"),
    GridSearchCV: _around("best_estimator_"),
}

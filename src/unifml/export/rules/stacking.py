"""Stacks: what some models say of rows is what the last one learns from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import StackingClassifier, StackingRegressor

from unifml.export.members import block_of, column, response
from unifml.export.rules.voting import members
from unifml.export.values import Answers, Block, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer


def _classifier(w: Writer, model: Any, rows: Rows) -> Answers:
    """Write all; the last model learned the numbers of the classes."""
    if isinstance(model.classes_, list):
        raise w.refusal(
            model,
            "several outputs",
            rule="stacks of one output can be exported",
            fix="put one stack per output into MultiOutputClassifier",
        )
    last = w.write(model.final_estimator_, _said(w, model, rows), "final_estimator")
    codes = w.codes(last, np.arange(len(model.classes_)))
    label = w.labels(codes, model.classes_)
    return Answers(label, last.probabilities, last.scores, classes=np.asarray(model.classes_))


def _regressor(w: Writer, model: Any, rows: Rows) -> Answers:
    return w.write(model.final_estimator_, _said(w, model, rows), "final_estimator")


def _said(w: Writer, model: Any, rows: Rows) -> Rows:
    """Return what the first models say, and the rows themselves where they are passed through."""
    blocks: list[Block] = []
    for (name, part), method in zip(members(model), model.stack_method_, strict=True):
        said = response(w, part, rows, w.write(part, rows, name), method)
        values, width = said.values, said.width
        if method == "predict_proba" and width == 2:  # the first column says nothing new
            values, width = column(w.g, values, 1), 1
        blocks.append(block_of(values, width))
    return Rows((*blocks, *(rows.blocks if model.passthrough else ())))


RULES: dict[type, Rule] = {StackingClassifier: _classifier, StackingRegressor: _regressor}

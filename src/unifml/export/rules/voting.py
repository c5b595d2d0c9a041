"""Votes: several models asked side by side, by mean of what they say or by majority."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import VotingClassifier, VotingRegressor

from unifml.export.members import add, mean, shares, votes
from unifml.export.values import Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer


def members(model: Any) -> list[tuple[str, Any]]:
    """Return the fitted models by name, without those that were dropped."""
    named = model.named_estimators_
    return [(name, part) for name, part in named.items() if not isinstance(part, str)]


def _classifier(w: Writer, model: Any, rows: Rows) -> Answers:
    """Members learned the numbers of the classes."""
    parts, weights = members(model), model._weights_not_none
    each = [w.write(part, rows, name) for name, part in parts]
    if model.voting == "soft":
        said = [shares(w, part, answer) for (_, part), answer in zip(parts, each, strict=True)]
        return w.labelled(mean(w.g, said, weights), model.classes_)
    count = len(model.classes_)
    cast = [votes(w.g, w.codes(answer, np.arange(count)), count) for answer in each]
    if weights is not None:
        factors = [w.g.constant("weight", weight, np.float64) for weight in weights]
        cast = [w.g.op("Mul", vote, f) for vote, f in zip(cast, factors, strict=True)]
    label = w.labels(w.argmax(add(w.g, cast)), model.classes_)
    return Answers(label, classes=np.asarray(model.classes_))


def _regressor(w: Writer, model: Any, rows: Rows) -> Answers:
    each = [w.write(part, rows, name).prediction for name, part in members(model)]
    said = [block.cast(w.g, "double").name for block in each if block is not None]
    return w.predicted(mean(w.g, said, model._weights_not_none), "double", 1)


RULES: dict[type, Rule] = {VotingClassifier: _classifier, VotingRegressor: _regressor}

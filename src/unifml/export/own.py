"""What rules of unifml for scikit-learn's estimators have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from unifml.export.algebra import Algebra
from unifml.export.values import Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer

ROAD = "unifml"
INLIER = np.array([-1, 1])


def by_unifml(rules: Mapping[type, Rule]) -> dict[type, Rule]:
    """Return rules that also note that unifml wrote the part."""
    return {kind: _noted(rule) for kind, rule in rules.items()}


def _noted(rule: Rule) -> Rule:
    def noted(w: Writer, model: Any, rows: Rows) -> Answers:
        w.road(model, ROAD)
        return rule(w, model, rows)

    return noted


def doubles(w: Writer, rows: Rows) -> tuple[Algebra, str]:
    """Return arithmetic in float64, and the rows as one tensor of it."""
    return Algebra(w.g), rows.joined(w.g, "double").name


def dense(values: Any) -> Any:
    """Return numbers that may be sparse as a float64 array."""
    array = values.toarray() if hasattr(values, "toarray") else values
    return np.asarray(array, dtype=np.float64)


def scored(w: Writer, scores: str, classes: Any, probabilities: str | None = None) -> Answers:
    """Return answers whose label has the largest score (n, classes)."""
    label = w.labels(w.argmax(scores), classes)
    return Answers(label, probabilities, scores, classes=np.asarray(classes))


def halved(
    w: Writer, score: str, classes: Any, probabilities: str | None = None, *, tie: bool = False
) -> Answers:
    """Return answers of two classes: the second where a score (n, 1) is above 0, or is 0."""
    a = Algebra(w.g)
    flat = a.flat(score)
    above = w.g.op("GreaterOrEqual" if tie else "Greater", flat, a.of(0.0))
    label = w.labels(a.whole(above), classes)
    return Answers(label, probabilities, flat, classes=np.asarray(classes))


def judged(w: Writer, score: str, *, tie: bool = True) -> Answers:
    """Return answers of an outlier detector: 1 where a score (n, 1) is above 0, else -1."""
    return halved(w, score, INLIER, tie=tie)


def several(w: Writer, outputs: Sequence[Answers]) -> Answers:
    """Return answers of a classifier of several outputs, its labels side by side."""
    a = Algebra(w.g)
    labels = a.stack(*[a.column(str(output.label)) for output in outputs], name="label")
    return Answers(labels, outputs=tuple(outputs))

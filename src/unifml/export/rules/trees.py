"""Decision trees and forests of them, of one output or several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import ensemble as en
from sklearn import tree as tr

from unifml.export.algebra import Algebra
from unifml.export.forest import grown, tree_of
from unifml.export.own import by_unifml, several
from unifml.export.values import Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer


def narrow(w: Writer, rows: Rows) -> str:
    """Return rows rounded to float32, as trees of scikit-learn round them, in float64."""
    return rows.joined(w.g, "float").cast(w.g, "double").name


def _members(model: Any) -> Sequence[Any]:
    """Return the trees of a forest, or a tree by itself."""
    return getattr(model, "estimators_", None) or [model]


def _regressor(w: Writer, model: Any, rows: Rows) -> Answers:
    """Write the mean of the trees; what leaves have in common is added at the end, in float64."""
    a, trees = Algebra(w.g), _members(model)
    values = [tree.tree_.value[:, :, 0] for tree in trees]
    width = values[0].shape[1]
    common = np.mean([value[0] for value in values], axis=0)
    each = [tree_of(tree, v - common) for tree, v in zip(trees, values, strict=True)]
    total = grown(w.g, narrow(w, rows), each, width)
    mean = a.div(total, float(len(trees)))
    return w.predicted(a.add(mean, common), "double", width)


def _classifier(w: Writer, model: Any, rows: Rows) -> Answers:
    """Write the mean of the trees' shares of classes, output by output."""
    a, trees = Algebra(w.g), _members(model)
    one = not isinstance(model.classes_, list)
    each = [model.classes_] if one else model.classes_
    counts = [len(classes) for classes in each]
    values = [_shares(tree.tree_.value, counts) for tree in trees]
    grown_trees = [tree_of(tree, v) for tree, v in zip(trees, values, strict=True)]
    total = grown(w.g, narrow(w, rows), grown_trees, sum(counts))
    shares = a.div(total, float(len(trees)))
    said, start = [], 0
    for classes in each:
        columns = a.ints(*range(start, start + len(classes)))
        part = shares if one else w.g.op("Gather", shares, columns, axis=1)
        said.append(w.labelled(part, classes))
        start += len(classes)
    return said[0] if one else several(w, said)


def _shares(values: Any, counts: Sequence[int]) -> Any:
    """Return shares of classes (nodes, all classes): outputs with fewer classes are padded."""
    return np.hstack([values[:, k, :count] for k, count in enumerate(counts)])


def _embedding(w: Writer, model: Any, rows: Rows) -> Answers:
    """Write 1 for the leaf of each tree that a row falls into."""
    leaves = [np.asarray(known, dtype=int) for known in model.one_hot_encoder_.categories_]
    width, start, each = sum(map(len, leaves)), 0, []
    for tree, known in zip(model.estimators_, leaves, strict=True):
        hot = np.zeros((tree.tree_.node_count, width))
        hot[known, start + np.arange(len(known))] = 1.0
        each.append(tree_of(tree, hot))
        start += len(known)
    return w.transformed(grown(w.g, narrow(w, rows), each, width), "double", width)


RULES: dict[type, Rule] = by_unifml(
    dict.fromkeys(
        (
            tr.DecisionTreeClassifier,
            tr.ExtraTreeClassifier,
            en.RandomForestClassifier,
            en.ExtraTreesClassifier,
        ),
        _classifier,
    )
    | dict.fromkeys(
        (
            tr.DecisionTreeRegressor,
            tr.ExtraTreeRegressor,
            en.RandomForestRegressor,
            en.ExtraTreesRegressor,
        ),
        _regressor,
    )
    | {en.RandomTreesEmbedding: _embedding}
)

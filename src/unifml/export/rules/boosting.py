"""Boosted trees: a baseline and a sum of trees, in units of the link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import ensemble as en
from sklearn._loss.link import HalfLogitLink, IdentityLink, LogLink
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting

from unifml.export.algebra import Algebra
from unifml.export.forest import Tree, grown, tree_of
from unifml.export.own import by_unifml, halved, scored
from unifml.export.rules.linear import logistic
from unifml.export.rules.trees import narrow
from unifml.export.sets import HALF, Sets
from unifml.export.values import Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer


def _classifier(w: Writer, model: Any, rows: Rows) -> Answers:
    """Say the class of the largest raw score; where there are two, the sign of the only one."""
    a = Algebra(w.g)
    raw, width = _raw(w, model, rows)
    if width > 1:
        return scored(w, raw, model.classes_, a.op("Softmax", raw, axis=1))
    double = isinstance(model._loss.link, HalfLogitLink)  # of the exponential loss
    shares = logistic(a, a.mul(raw, 2.0) if double else raw)
    tie = isinstance(model, en.GradientBoostingClassifier)
    return halved(w, raw, model.classes_, shares, tie=tie)


def _regressor(w: Writer, model: Any, rows: Rows) -> Answers:
    raw, width = _raw(w, model, rows)
    link = model._loss.link if isinstance(model, BaseHistGradientBoosting) else IdentityLink()
    if isinstance(link, LogLink):
        raw = w.g.op("Exp", raw)
    elif not isinstance(link, IdentityLink):
        raise w.refusal(model, f"link {type(link).__name__}", rule="the link is log or identity")
    return w.predicted(raw, "double", width)


def _raw(w: Writer, model: Any, rows: Rows) -> tuple[str, int]:
    if isinstance(model, BaseHistGradientBoosting):
        return _binned(w, model, rows)
    return _plain(w, model, rows)


def _plain(w: Writer, model: Any, rows: Rows) -> tuple[str, int]:
    """Write the sum of a gradient boosting's trees, and of what it started from."""
    stages, width = model.estimators_.shape
    trees = []
    for tree, k in ((model.estimators_[i, k], k) for i in range(stages) for k in range(width)):
        values = np.zeros((tree.tree_.node_count, width))
        values[:, k] = model.learning_rate * tree.tree_.value[:, 0, 0]
        trees.append(tree_of(tree, values))
    total = grown(w.g, narrow(w, rows), trees, width)
    return Algebra(w.g).add(total, _start(w, model, rows), name="raw"), width


def _start(w: Writer, model: Any, rows: Rows) -> Any:
    """Return the raw scores that trees are added to: constants, or a regressor's prediction."""
    if isinstance(model.init_, str | DummyClassifier | DummyRegressor):
        row = np.zeros((1, model.n_features_in_), dtype=np.float32)
        return model._raw_predict_init(row)
    seen = Rows((rows.joined(w.g, "float"),))  # as scikit-learn rounds the rows before
    said = w.write(model.init_, seen, "init").prediction
    if said is None or not isinstance(model, en.GradientBoostingRegressor):
        raise w.refusal(model, f"init={model.init_!r}", rule="init is None, 'zero' or a regressor")
    return said.cast(w.g, "double").name


def _binned(w: Writer, model: Any, rows: Rows) -> tuple[str, int]:
    """Write the sum of a histogram gradient boosting's trees."""
    width = model.n_trees_per_iteration_
    x = _preprocessed(w, model, rows)
    sets = Sets(rows.width)
    trees = [
        _tree(sets, model, predictor, k)
        for stage in model._predictors
        for k, predictor in enumerate(stage)
    ]
    total = grown(w.g, sets.beside(w, x), sets.placed(trees), width)
    base = np.asarray(model._baseline_prediction, dtype=np.float64).reshape(1, -1)
    return Algebra(w.g).add(total, base, name="raw"), width


def _preprocessed(w: Writer, model: Any, rows: Rows) -> str:
    """Write categories as numbers, before the columns of numbers, as the model orders them."""
    pre = getattr(model, "_preprocessor", None)
    if pre is None:
        return rows.joined(w.g, "double").name
    places = pre._transformer_to_input_indices
    parts = []
    for name, step, _ in pre.transformers_:
        if not len(places.get(name, ())):
            continue
        part = rows.pick(w.g, [int(place) for place in places[name]])
        if name == "encoder":
            part = w.write(step, part, name).transformed or part
        parts.append(part.joined(w.g, "double").name)
    return parts[0] if len(parts) == 1 else w.g.op("Concat", *parts, axis=1)


def _tree(sets: Sets, model: Any, predictor: Any, k: int) -> Tree:
    """Return a tree whose splits all compare numbers."""
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(bool)
    feature = np.where(leaf, 0, nodes["feature_idx"]).astype(int)
    threshold = np.where(leaf, 0.0, nodes["num_threshold"])
    for i in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~leaf):
        feature[i], threshold[i] = _set(sets, model, predictor, nodes[i]), HALF
    values = np.zeros((len(nodes), model.n_trees_per_iteration_))
    values[:, k] = nodes["value"]
    left, right = (np.where(leaf, 0, nodes[side]).astype(int) for side in ("left", "right"))
    missing = nodes["missing_go_to_left"].astype(bool) & ~leaf
    return Tree(left, right, feature, threshold, missing, leaf, values)


def _set(sets: Sets, model: Any, predictor: Any, node: Any) -> int:
    """Return the column that says where each category goes; those not known go as missing ones."""
    known, rows = model._bin_mapper.make_known_categories_bitsets()
    feature, other = int(node["feature_idx"]), not node["missing_go_to_left"]
    left = _bits(predictor.raw_left_cat_bitsets[int(node["bitset_idx"])])
    right = ~left & (_bits(known[rows[feature]]) | other)
    return sets.column(feature, right, other=other, missing=other)


def _bits(words: Any) -> Any:
    """Return the bits of 8 words of 32, lowest first."""
    bits = (np.asarray(words, np.uint32)[:, None] >> np.arange(32, dtype=np.uint32)) & 1
    return bits.ravel().astype(bool)


RULES: dict[type, Rule] = by_unifml(
    {
        en.GradientBoostingClassifier: _classifier,
        en.GradientBoostingRegressor: _regressor,
        en.HistGradientBoostingClassifier: _classifier,
        en.HistGradientBoostingRegressor: _regressor,
    }
)

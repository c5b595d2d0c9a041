"""Outlier detectors: scores above an offset are inliers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.covariance import EllipticEnvelope
from sklearn.ensemble import IsolationForest
from sklearn.ensemble._iforest import _average_path_length
from sklearn.neighbors import LocalOutlierFactor

from unifml.export.forest import grown, tree_of
from unifml.export.own import by_unifml, dense, doubles, judged
from unifml.export.rules.neighbours import nearest
from unifml.export.rules.trees import narrow
from unifml.export.values import Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer


def _envelope(w: Writer, model: Any, rows: Rows) -> Answers:
    """Score by the squared distance from the center, in units of the spread."""
    a, x = doubles(w, rows)
    apart = a.sub(x, dense(model.location_))
    lengths = a.sum(a.mul(a.dot(apart, dense(model.get_precision())), apart), keep=True)
    return judged(w, a.sub(-float(model.offset_), lengths))


def _local(w: Writer, model: Any, rows: Rows) -> Answers:
    """Score by how dense it is around a row, and around its neighbours."""
    if not model.novelty:
        raise w.refusal(
            model, "novelty=False", rule="it says nothing of new rows", fix="novelty=True"
        )
    a, x = doubles(w, rows)
    k = int(model.n_neighbors_)
    far, order = nearest(w, model, x, k)
    reach = w.g.op("Max", far, a.take(dense(model._distances_fit_X_)[:, k - 1], order))
    mine = a.add(a.sum(reach, keep=True, kind="ReduceMean"), 1e-10)  # its density's inverse
    theirs = a.sum(a.take(dense(model._lrd), order), keep=True, kind="ReduceMean")
    return judged(w, a.sub(-float(model.offset_), a.mul(theirs, mine)))


def _isolation(w: Writer, model: Any, rows: Rows) -> Answers:
    """Score by how many splits isolate a row, on average."""
    a, trees = doubles(w, rows)[0], []
    whole = model._max_features == rows.width
    for i, (tree, features) in enumerate(
        zip(model.estimators_, model.estimators_features_, strict=True)
    ):
        depth = model._decision_path_lengths[i] + model._average_path_length_per_tree[i] - 1.0
        trees.append(tree_of(tree, depth, None if whole else features))
    depths = grown(w.g, narrow(w, rows), trees, 1)
    most = len(trees) * float(_average_path_length([model._max_samples])[0])
    share = a.div(depths, most) if most else a.add(a.mul(depths, 0.0), 1.0)
    power = a.op("Exp", a.mul(share, -np.log(2.0)))
    return judged(w, a.sub(-float(model.offset_), power))


RULES: dict[type, Rule] = by_unifml(
    {EllipticEnvelope: _envelope, LocalOutlierFactor: _local, IsolationForest: _isolation}
)

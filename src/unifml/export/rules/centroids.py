"""Models whose answer is the nearest of some centers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import cluster as cl
from sklearn.neighbors import NearestCentroid

from unifml.export.algebra import Algebra
from unifml.export.own import by_unifml, dense, doubles
from unifml.export.pairwise import distances, euclidean, squared
from unifml.export.values import Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer


def _nearest(a: Algebra, far: str) -> str:
    """Return the number of the smallest column (n,); the first wins."""
    return a.g.op("ArgMin", far, axis=1, keepdims=0, name="nearest")


def _labelled(w: Writer, codes: str, labels: Any) -> str:
    return w.g.op("Gather", w.g.constant("labels", labels, np.int64), codes, name="label")


def _k_means(w: Writer, model: Any, rows: Rows) -> Answers:
    a, x = doubles(w, rows)
    centers = dense(model.cluster_centers_)
    far = euclidean(a, x, centers)
    table = w.transformed(far, "double", len(centers)).transformed
    return Answers(_nearest(a, squared(a, x, centers)), transformed=table)


def _shifted(w: Writer, model: Any, rows: Rows) -> Answers:
    a, x = doubles(w, rows)
    if not hasattr(model, "cluster_centers_"):
        raise w.refusal(model, "affinity='precomputed'", rule="it must have cluster centers")
    centers = dense(model.cluster_centers_)
    if len(centers) == 0:  # affinity propagation that did not converge
        return Answers(a.flat(a.whole(a.filled(x, [-1.0]))))
    return Answers(_nearest(a, squared(a, x, centers)))


def _birch(w: Writer, model: Any, rows: Rows) -> Answers:
    """Take the label of the nearest subcluster."""
    a, x = doubles(w, rows)
    centers = dense(model.subcluster_centers_)
    label = _labelled(w, _nearest(a, squared(a, x, centers)), model.subcluster_labels_)
    table = w.transformed(euclidean(a, x, centers), "double", len(centers)).transformed
    return Answers(label, transformed=table)


def _bisecting(w: Writer, model: Any, rows: Rows) -> Answers:
    """Go down the tree of centers: a leaf is right where all turns on its way are taken."""
    a, x = doubles(w, rows)
    centers = dense(model.cluster_centers_)
    table = w.transformed(euclidean(a, x, centers), "double", len(centers)).transformed
    forks: list[Any] = []
    leaves = _leaves(model._bisecting_tree, (), forks)
    labels = [label for label, _ in leaves]
    if not forks:
        return Answers(a.flat(a.whole(a.filled(x, [float(labels[0])]))), transformed=table)
    right = _turns(a, x, forks, getattr(model, "_X_mean", 0.0))
    wanted = np.zeros((len(forks), len(leaves)))
    missed = np.zeros(len(leaves))
    for i, (_, turns) in enumerate(leaves):
        for fork, turn in turns:
            wanted[fork, i] = 1.0 if turn else -1.0
            missed[i] -= turn
    code = w.argmax(a.affine(right, wanted, missed, name="taken"))
    return Answers(_labelled(w, code, labels), transformed=table)


def _leaves(node: Any, turns: tuple[Any, ...], forks: list[Any]) -> list[tuple[int, Any]]:
    """Return label and turns of each leaf, and note the forks."""
    if node.left is None:
        return [(int(node.label), turns)]
    fork = len(forks)
    forks.append(node)
    left = _leaves(node.left, (*turns, (fork, 0)), forks)
    return left + _leaves(node.right, (*turns, (fork, 1)), forks)


def _turns(a: Algebra, x: str, forks: list[Any], mean: Any) -> str:
    """Write 1 for each fork where the right center is nearer, else 0 (n, forks)."""
    left = np.stack([dense(fork.left.center) for fork in forks]) + mean
    right = np.stack([dense(fork.right.center) for fork in forks]) + mean
    sizes = (right**2).sum(axis=1) - (left**2).sum(axis=1)
    apart = a.affine(x, -2.0 * (right - left).T, sizes)
    return a.number(a.g.op("Less", apart, a.of(0.0)))


def _nearest_centroid(w: Writer, model: Any, rows: Rows) -> Answers:
    """Say the nearest centroid, or the best score where classes are not equally frequent."""
    a, x = doubles(w, rows)
    scores = _scores(w, a, model, x)
    if np.isclose(model.class_prior_, 1 / len(model.classes_)).all():
        far = distances(w, model, x, model.centroids_, model.metric)
        code = _nearest(a, far)
    else:
        code = w.argmax(scores)
    label, classes = w.labels(code, model.classes_), np.asarray(model.classes_)
    if model.metric != "euclidean":
        return Answers(label, classes=classes)
    return Answers(
        label, a.op("Softmax", scores, axis=1), one_score(a, scores, classes), classes=classes
    )


def _scores(w: Writer, a: Algebra, model: Any, x: str) -> str:
    """Write discriminants: how near each centroid is in units of the spread, and how frequent."""
    spread = dense(model.within_class_std_dev_)
    scale = np.where(spread == 0, 1.0, spread)
    kept = dense(model.centroids_) / scale
    far = distances(w, model, a.div(x, scale), kept, model.metric)
    return a.sub(2.0 * np.log(dense(model.class_prior_)), a.mul(far, far))


def one_score(a: Algebra, scores: str, classes: Any) -> str:
    """Return scores as ``decision_function`` does: of two classes, how far the second leads."""
    if len(classes) != 2:
        return scores
    return a.sub(a.at(scores, 1), a.at(scores, 0))


RULES: dict[type, Rule] = by_unifml(
    {
        cl.KMeans: _k_means,
        cl.MiniBatchKMeans: _k_means,
        cl.MeanShift: _shifted,
        cl.AffinityPropagation: _shifted,
        cl.Birch: _birch,
        cl.BisectingKMeans: _bisecting,
        NearestCentroid: _nearest_centroid,
    }
)

"""Mixtures of Gaussians, and classifiers that give each class a Gaussian."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.mixture._gaussian_mixture import _compute_log_det_cholesky

from unifml.export.algebra import Algebra
from unifml.export.own import by_unifml, dense, doubles, halved, scored
from unifml.export.rules.centroids import one_score
from unifml.export.rules.linear import linear_scores, logistic
from unifml.export.values import Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer


def squared_lengths(a: Algebra, x: str, means: Any, roots: Any) -> str:
    """Write |(x - mean) @ root|^2 for each mean (n, means).

    Parameters
    ----------
    a : Algebra
        Writes the nodes.
    x : str
        Rows (n, width).
    means : array of shape (means, width)
        What is taken off.
    roots : array of shape (means, width, k), (width, k), (means, width) or (means,)
        Of precisions: matrices, one matrix for all, diagonals, or single numbers.
    """
    apart = a.sub(a.g.op("Unsqueeze", x, a.ints(1)), dense(means))
    if roots.ndim == 1:
        return a.mul(a.sum(apart, 2, kind="ReduceSumSquare"), roots**2)
    if roots.ndim == 2 and roots.shape == np.shape(means):
        return a.sum(a.mul(apart, roots), 2, kind="ReduceSumSquare")
    if roots.ndim == 2:
        return a.sum(a.dot(apart, roots), 2, kind="ReduceSumSquare")
    turned = a.dot(a.g.op("Transpose", apart, perm=[1, 0, 2]), roots)
    lengths = a.sum(turned, 2, kind="ReduceSumSquare")
    return a.g.op("Transpose", lengths, perm=[1, 0])


def _mixture(w: Writer, model: Any, rows: Rows) -> Answers:
    a, x = doubles(w, rows)
    roots = dense(model.precisions_cholesky_)
    if model.covariance_type == "tied":  # told from diagonals of a square table by its own rank
        roots = np.broadcast_to(roots, (len(model.means_), *roots.shape))
    lengths = squared_lengths(a, x, model.means_, roots)
    joint = a.add(a.mul(lengths, -0.5), _constants(model), name="joint")
    return Answers(w.argmax(joint), a.op("Softmax", joint, axis=1, name="probabilities"))


def _constants(model: Any) -> Any:
    """Return what is added for each component: its weight, and the size of its Gaussian."""
    width = np.shape(model.means_)[1]
    det = _compute_log_det_cholesky(model.precisions_cholesky_, model.covariance_type, width)
    constants = np.broadcast_to(det, (len(model.means_),)) + model._estimate_log_weights()
    if isinstance(model, BayesianGaussianMixture):
        constants = constants + _uncertain(model, width)
    return constants


def _uncertain(model: Any, width: int) -> Any:
    """Return what the spread of precisions adds (Bishop, Pattern Recognition, 10.64 to 10.65)."""
    from scipy.special import digamma

    freedom = np.broadcast_to(model.degrees_of_freedom_, (len(model.means_),))
    sums = digamma(0.5 * (freedom - np.arange(width)[:, None])).sum(axis=0)
    spread = sums + width * np.log(2.0) - width / model.mean_precision_
    return 0.5 * spread - 0.5 * width * np.log(freedom)


def _quadratic(w: Writer, model: Any, rows: Rows) -> Answers:
    a, x = doubles(w, rows)
    pairs = zip(model.rotations_, model.scalings_, strict=True)
    roots = np.stack([dense(r) * dense(s) ** -0.5 for r, s in pairs])
    sizes = np.array([np.log(s).sum() for s in model.scalings_])
    lengths = squared_lengths(a, x, model.means_, roots)
    scores = a.add(a.mul(lengths, -0.5), np.log(dense(model.priors_)) - 0.5 * sizes)
    said = scored(w, scores, model.classes_, a.op("Softmax", scores, axis=1))
    flat = one_score(a, scores, model.classes_)
    return Answers(said.label, said.probabilities, flat, classes=said.classes)


def _linear(w: Writer, model: Any, rows: Rows) -> Answers:
    """Write classes, and the projection that separates them."""
    a, x = doubles(w, rows)
    scores, width = linear_scores(a, model, x)
    if width == 1:
        said = halved(w, scores, model.classes_, logistic(a, scores))
    else:
        said = scored(w, scores, model.classes_, a.op("Softmax", scores, axis=1))
    table = None if model.solver == "lsqr" else _discriminants(w, a, model, x)
    return Answers(said.label, said.probabilities, said.scores, None, table, (), said.classes)


def _discriminants(w: Writer, a: Algebra, model: Any, x: str) -> Rows | None:
    weights = dense(model.scalings_)[:, : model._max_components]
    centered = a.sub(x, dense(model.xbar_)) if model.solver == "svd" else x
    return w.transformed(a.dot(centered, weights), "double", weights.shape[1]).transformed


RULES: dict[type, Rule] = by_unifml(
    {
        GaussianMixture: _mixture,
        BayesianGaussianMixture: _mixture,
        QuadraticDiscriminantAnalysis: _quadratic,
        LinearDiscriminantAnalysis: _linear,
    }
)

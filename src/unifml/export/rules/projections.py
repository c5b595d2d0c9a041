"""Transformers that are one product of matrices, and feature maps of random weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import linalg
from sklearn import decomposition as dc
from sklearn import random_projection as rp
from sklearn.cluster import FeatureAgglomeration
from sklearn.cross_decomposition import CCA, PLSSVD, PLSCanonical, PLSRegression
from sklearn.decomposition._base import _BasePCA
from sklearn.neighbors import NeighborhoodComponentsAnalysis
from sklearn.neural_network import BernoulliRBM

from unifml.export.own import by_unifml, dense, doubles
from unifml.export.values import Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer

Array = Any
Projection = Callable[[Any], tuple[Array, Array]]
"""Model -> what is taken off the rows (width,), and what they are multiplied by (width, k)."""


def _projected(projection: Projection) -> Rule:
    """Return the rule of a transformer that gives (x - center) @ weights."""

    def rule(w: Writer, model: Any, rows: Rows) -> Answers:
        a, x = doubles(w, rows)
        center, weights = projection(model)
        if np.any(center):
            x = a.sub(x, center, name="centered")
        return w.transformed(a.dot(x, weights, name="projected"), "double", weights.shape[1])

    return rule


def _pca(model: Any) -> tuple[Array, Array]:
    weights = dense(model.components_).T
    if model.whiten:
        spread = np.sqrt(dense(model.explained_variance_))
        weights = weights / np.maximum(spread, np.finfo(model.explained_variance_.dtype).eps)
    return dense(model.mean_), weights


def _components(model: Any) -> tuple[Array, Array]:
    return np.zeros(1), dense(model.components_).T


def _fast_ica(model: Any) -> tuple[Array, Array]:
    center = dense(model.mean_) if model.whiten else np.zeros(1)
    return center, dense(model.components_).T


def _factors(model: Any) -> tuple[Array, Array]:
    """Return the weights of the expected latent variables (Bishop, Machine Learning, 12.66)."""
    components = dense(model.components_)
    scaled = components / dense(model.noise_variance_)
    inner = np.eye(len(components)) + scaled @ components.T
    return dense(model.mean_), scaled.T @ linalg.inv(inner)


def _sparse_pca(model: Any) -> tuple[Array, Array]:
    """Return the weights of a ridge regression onto the components."""
    components = dense(model.components_)
    inner = components @ components.T + model.ridge_alpha * np.eye(len(components))
    return dense(model.mean_), linalg.solve(inner, components, assume_a="pos").T


def _pls(model: Any) -> tuple[Array, Array]:
    return dense(model._x_mean), model.x_rotations_ / dense(model._x_std)[:, None]


def _pls_svd(model: Any) -> tuple[Array, Array]:
    return dense(model._x_mean), model.x_weights_ / dense(model._x_std)[:, None]


def _pls_model(w: Writer, model: Any, rows: Rows) -> Answers:
    """Write the targets and the scores of a partial least squares model."""
    transformed = _projected(_pls)(w, model, rows).transformed
    a, x = doubles(w, rows)
    centered = a.sub(x, dense(model._x_mean))
    values = a.affine(centered, dense(model.coef_).T, dense(model.intercept_))
    prediction = w.predicted(values, "double", len(model.coef_)).prediction
    return Answers(prediction=prediction, transformed=transformed)


def _agglomerated(w: Writer, model: Any, rows: Rows) -> Answers:
    """Pool the columns of each cluster of columns."""
    reduce = _POOLS.get(model.pooling_func)
    if reduce is None:
        raise w.refusal(
            model,
            f"pooling_func={model.pooling_func!r}",
            rule="pooling_func is one of numpy.mean, sum, min, max",
        )
    a, x = doubles(w, rows)
    members = [np.flatnonzero(model.labels_ == label) for label in np.unique(model.labels_)]
    pools = [_pool(a.g, x, columns, reduce) for columns in members]
    return w.transformed(a.stack(*pools, name="pooled"), "double", len(pools))


def _pool(g: Any, x: str, columns: Array, reduce: str) -> str:
    picked = g.op("Gather", x, g.constant("columns", columns, np.int64), axis=1)
    return str(g.op(reduce, picked, g.constant("axes", [1], np.int64), keepdims=1))


def _mean_hidden(w: Writer, model: Any, rows: Rows) -> Answers:
    a, x = doubles(w, rows)
    inner = a.affine(x, dense(model.components_).T, dense(model.intercept_hidden_))
    return w.transformed(a.sigmoid(inner), "double", len(model.components_))


_POOLS: dict[Any, str] = {
    np.mean: "ReduceMean",
    np.sum: "ReduceSum",
    np.min: "ReduceMin",
    np.max: "ReduceMax",
}
_PROJECTIONS: dict[type, Projection] = {
    _BasePCA: _pca,
    dc.PCA: _pca,
    dc.IncrementalPCA: _pca,
    dc.TruncatedSVD: _components,
    dc.FastICA: _fast_ica,
    dc.FactorAnalysis: _factors,
    dc.SparsePCA: _sparse_pca,
    dc.MiniBatchSparsePCA: _sparse_pca,
    NeighborhoodComponentsAnalysis: _components,
    rp.GaussianRandomProjection: _components,
    rp.SparseRandomProjection: _components,
    PLSSVD: _pls_svd,
}

RULES: dict[type, Rule] = by_unifml(
    {kind: _projected(projection) for kind, projection in _PROJECTIONS.items()}
    | dict.fromkeys((PLSRegression, PLSCanonical, CCA), _pls_model)
    | {FeatureAgglomeration: _agglomerated, BernoulliRBM: _mean_hidden}
)

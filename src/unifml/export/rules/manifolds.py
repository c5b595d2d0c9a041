"""Embeddings that place new rows by the training rows near them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.manifold import Isomap

from unifml.export.algebra import Algebra
from unifml.export.own import by_unifml, dense, doubles
from unifml.export.pairwise import by_columns
from unifml.export.rules.kernels import centered_pca
from unifml.export.rules.neighbours import all_distances, nearest
from unifml.export.values import Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer


def _isomap(w: Writer, model: Any, rows: Rows) -> Answers:
    """Go by a neighbour to every training row, by the shortest way."""
    a, x = doubles(w, rows)
    ways = dense(model.dist_matrix_)
    route = _by_radius if model.n_neighbors is None else _by_nearest
    shortest = route(w, model, x, ways)
    pairs = a.mul(a.mul(shortest, shortest), -0.5)
    pca = model.kernel_pca_
    return w.transformed(centered_pca(w, pca, pairs), "double", len(pca.eigenvalues_))


def _by_nearest(w: Writer, model: Any, x: str, ways: Any) -> str:
    a = Algebra(w.g)
    far, order = nearest(w, model.nbrs_, x)
    kept = a.of(ways, "ways")
    each = [
        a.add(a.take(kept, a.at(order, j)), a.column(a.at(far, j)))
        for j in range(model.nbrs_.n_neighbors)
    ]
    return w.g.op("Min", *each, name="shortest")


def _by_radius(w: Writer, model: Any, x: str, ways: Any) -> str:
    a = Algebra(w.g)
    far = all_distances(w, model.nbrs_, x)
    near = w.g.op("LessOrEqual", far, a.of(float(model.nbrs_.radius or 0.0)))

    def step(b: Algebra, total: str, mine: str, theirs: str) -> str:
        return b.op("Min", total, b.add(mine, theirs))

    return by_columns(a, a.where(near, far, np.inf), ways.T, step, np.inf)


RULES: dict[type, Rule] = by_unifml({Isomap: _isomap})

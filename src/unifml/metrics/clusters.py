"""Metrics of clusters: against a truth, or by how they lie."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn import metrics as sk

from unifml.errors import DataError
from unifml.metrics.metric import Metric, Recipe, Target

_CLUSTERS = frozenset({"clusters"})


def _agreement(function: Callable[..., float], low: float, name: str, target: Target) -> Metric:
    """Make a metric that compares clusters with true groups, whatever they are called."""
    return Metric(name, sk.make_scorer(function), bounds=(low, 1))


def _shape(
    function: Callable[..., float],
    greater: bool,
    bounds: tuple[float, float],
    name: str,
    target: Target,
) -> Metric:
    """Make a metric of the rows and their clusters alone."""

    def scorer(estimator: Any, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        labels = np.asarray(estimator.predict(X))
        found = len(np.unique(labels))
        if not 2 <= found < len(labels):
            raise DataError(
                f"metric {name!r}",
                found=f"{found} cluster(s) on {len(labels)} rows",
                rule="at least 2 clusters, and fewer than rows",
            )
        return float(function(X, labels))

    return Metric(name, scorer, greater, recorded=False, bounds=bounds, truth=False)


def _inertia(name: str, target: Target) -> Metric:
    """Make the sum of squared distances to the nearest centre, as k-means has it."""

    def scorer(estimator: Any, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        nearest = np.asarray(estimator.transform(X), dtype=np.float64).min(axis=1) ** 2
        weight = np.ones(len(nearest)) if sample_weight is None else np.asarray(sample_weight)
        return float((weight * nearest).sum())

    return Metric(
        name, scorer, False, ("transform",), recorded=False, bounds=(0, np.inf), truth=False
    )


def _of_truth(function: Callable[..., float], low: float = 0.0) -> Recipe:
    return Recipe(partial(_agreement, function, low), _CLUSTERS)


def _of_shape(function: Callable[..., float], greater: bool, bounds: tuple[float, float]) -> Recipe:
    return Recipe(partial(_shape, function, greater, bounds), _CLUSTERS)


RECIPES: dict[str, Recipe] = {
    "silhouette": _of_shape(sk.silhouette_score, True, (-1, 1)),
    "davies_bouldin": _of_shape(sk.davies_bouldin_score, False, (0, np.inf)),
    "calinski_harabasz": _of_shape(sk.calinski_harabasz_score, True, (0, np.inf)),
    "inertia": Recipe(_inertia, _CLUSTERS),
    "adjusted_rand": _of_truth(sk.adjusted_rand_score, -1.0),
    "rand": _of_truth(sk.rand_score),
    "mutual_info": Recipe(
        lambda name, target: Metric(name, sk.make_scorer(sk.mutual_info_score), bounds=(0, np.inf)),
        _CLUSTERS,
    ),
    "adjusted_mutual_info": _of_truth(sk.adjusted_mutual_info_score, -1.0),
    "normalized_mutual_info": _of_truth(sk.normalized_mutual_info_score),
    "homogeneity": _of_truth(sk.homogeneity_score),
    "completeness": _of_truth(sk.completeness_score),
    "v_measure": _of_truth(sk.v_measure_score),
}

"""Metrics of predicted numbers; of several outputs their mean is taken."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn import metrics as sk

from unifml.metrics.metric import Metric, Recipe, Target

_NUMBERS = frozenset({"numbers"})


def _error(function: Callable[..., float], name: str, target: Target) -> Metric:
    """Make a metric that is better when smaller, in its natural sign."""
    return Metric(name, sk.make_scorer(function), False, bounds=(0, np.inf))


def _share(function: Callable[..., float], name: str, target: Target) -> Metric:
    """Make a metric of what is explained, at most 1."""
    return Metric(name, sk.make_scorer(function), bounds=(-np.inf, 1))


def _recipe(make: Any, function: Callable[..., float]) -> Recipe:
    return Recipe(partial(make, function), _NUMBERS)


def pinball(alpha: float) -> Recipe:
    """Return the recipe of the loss of a quantile."""
    return _recipe(_error, partial(sk.mean_pinball_loss, alpha=alpha))


RECIPES: dict[str, Recipe] = {
    "r2": _recipe(_share, sk.r2_score),
    "rmse": _recipe(_error, sk.root_mean_squared_error),
    "mae": _recipe(_error, sk.mean_absolute_error),
    "mse": _recipe(_error, sk.mean_squared_error),
    "mape": _recipe(_error, sk.mean_absolute_percentage_error),
    "median_absolute_error": _recipe(_error, sk.median_absolute_error),
    "max_error": _recipe(_error, sk.max_error),
    "msle": _recipe(_error, sk.mean_squared_log_error),
    "rmsle": _recipe(_error, sk.root_mean_squared_log_error),
    "pinball": pinball(0.5),
    "explained_variance": _recipe(_share, sk.explained_variance_score),
    "d2_absolute_error": _recipe(_share, sk.d2_absolute_error_score),
    "poisson_deviance": _recipe(_error, sk.mean_poisson_deviance),
    "gamma_deviance": _recipe(_error, sk.mean_gamma_deviance),
}

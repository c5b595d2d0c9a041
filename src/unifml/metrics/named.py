"""Metrics by name: scikit-learn's functions, with one spelling and no surprises."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from inspect import Parameter, signature
from typing import Any

from sklearn import metrics as sk

from unifml.errors import CapabilityError, DataTypeError, UnknownNameError
from unifml.metrics import classes, clusters, numbers
from unifml.metrics.metric import Measured, Metric, Recipe, Target


def make_metrics(
    metrics: Any, estimator: Any, y: Any, kind: Measured, classes: Any = None
) -> tuple[Metric, ...]:
    """Return the metrics asked for, checked against task and estimator before any work.

    Parameters
    ----------
    metrics : None, str, callable, list of those, or dict of name to those
        None takes the usual ones, as far as the estimator can give them.
    estimator : Estimator
        Which is asked what it can give.
    y : array-like
        What is true.
    kind : {"classification", "regression", "clustering"}
        What is learned.
    classes : array or None
        Those of an estimator that is scored as fitted; None takes those of `y`.

    Raises
    ------
    UnknownNameError
        For a name that nobody knows.
    CapabilityError
        For a metric that the task or the estimator cannot give.
    """
    target = Target.of(y, kind, classes)
    if metrics is None:
        names = [name for name in _USUAL[kind] if target.kind in _RECIPES[name].kinds]
        usual = [_ours(name, name, target, _RECIPES[name]) for name in names]
        return tuple(metric for metric in usual if metric.method(estimator))
    found = tuple(_metric(name, given, target) for name, given in _named(metrics))
    for metric in found:
        _check(metric, estimator)
    return found


def known_metrics(kind: Measured) -> list[str]:
    """Return our own names of metrics for a task, without the aliases."""
    return [name for name, recipe in _RECIPES.items() if recipe.kinds & _KINDS[kind]]


_RECIPES: dict[str, Recipe] = classes.RECIPES | numbers.RECIPES | clusters.RECIPES
_KINDS: dict[Measured, set[str]] = {
    "classification": {"binary", "classes", "labels"},
    "regression": {"numbers"},
    "clustering": {"clusters"},
}
_ALIASES = {
    "average_precision": "pr_auc",
    "matthews_corrcoef": "mcc",
    "brier_score_loss": "brier",
    "mean_squared_error": "mse",
    "root_mean_squared_error": "rmse",
    "mean_absolute_error": "mae",
    "mean_absolute_percentage_error": "mape",
    "mean_squared_log_error": "msle",
    "root_mean_squared_log_error": "rmsle",
    "mean_pinball_loss": "pinball",
    "mean_poisson_deviance": "poisson_deviance",
    "mean_gamma_deviance": "gamma_deviance",
}
_USUAL: dict[Measured, tuple[str, ...]] = {
    "classification": ("accuracy", "precision", "recall", "f1", "roc_auc", "pr_auc"),
    "regression": ("r2", "rmse", "mae", "mse"),
    "clustering": ("silhouette", "davies_bouldin", "calinski_harabasz", "inertia"),
}
_WITH_NUMBER = re.compile(r"(?:top_(?P<k>[1-9][0-9]*)_accuracy|pinball_(?P<alpha>0?\.[0-9]+))")


def _recipe(short: str) -> Recipe | None:
    """Return the recipe of a name; ``top_3_accuracy`` and ``pinball_0.9`` hold a number."""
    found = _WITH_NUMBER.fullmatch(short)
    if found is None:
        return _RECIPES.get(short)
    if found["k"]:
        return classes.top_k(int(found["k"]))
    return numbers.pinball(float(found["alpha"]))


def _named(metrics: Any) -> list[tuple[str, Any]]:
    if isinstance(metrics, str) or callable(metrics):
        metrics = [metrics]
    named: dict[str, Any] = {}
    if isinstance(metrics, Mapping):
        named = dict(metrics)
    elif isinstance(metrics, Iterable):
        named = {_name_of(metric): metric for metric in metrics}
    if not named:
        raise DataTypeError(
            f"metrics={metrics!r}", rule="a name, a scorer, a function, or a list or dict of them"
        )
    return list(named.items())


def _name_of(metric: Any) -> str:
    if isinstance(metric, str):
        return metric
    function = getattr(metric, "_score_func", metric)
    return getattr(function, "__name__", type(function).__name__)


def _metric(name: str, given: Any, target: Target) -> Metric:
    if isinstance(given, Metric):
        return given
    if isinstance(given, str):
        return _by_name(name, given, target)
    if hasattr(given, "_score_func"):
        return _from_scorer(name, given)
    if not callable(given):
        raise DataTypeError(f"metric {given!r}", rule="a name, a scorer or a function")
    return _from_function(name, given, target)


def _by_name(name: str, word: str, target: Target) -> Metric:
    short = word.removesuffix("_score")
    short = _ALIASES.get(short, short)
    recipe = _recipe(short)
    if recipe is not None:
        if target.kind not in recipe.kinds:
            raise _unfit(word, target)
        return _ours(short, name, target, recipe)
    if word not in sk.get_scorer_names():
        raise UnknownNameError.among("metric", word, _known(target))
    return _from_scorer(name, sk.get_scorer(word))


def _ours(short: str, name: str, target: Target, recipe: Recipe) -> Metric:
    return replace(recipe.make(name, target), formula=short)


def _known(target: Target) -> list[str]:
    return [own for own, recipe in _RECIPES.items() if target.kind in recipe.kinds]


def _from_scorer(name: str, scorer: Any) -> Metric:
    needs = getattr(scorer, "_response_method", "predict")
    return Metric(name, scorer, needs=(needs,) if isinstance(needs, str) else tuple(needs))


def _from_function(name: str, function: Any, target: Target) -> Metric:
    if getattr(function, "__module__", "").startswith("sklearn.metrics"):
        return _by_name(name, function.__name__, target)
    required = [
        p
        for p in signature(function).parameters.values()
        if p.default is Parameter.empty
        and p.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    ]
    if len(required) == 2:
        return Metric(name, sk.make_scorer(function), greater=None)
    if len(required) == 3:
        return Metric(name, function, recorded=False)
    raise DataTypeError(
        f"metric {name}",
        found=f"{len(required)} required arguments",
        rule="a function of (y_true, y_pred), or of (estimator, X, y)",
    )


def _unfit(word: str, target: Target) -> CapabilityError:
    return CapabilityError(
        f"metric {word!r} for {target.words}",
        rule=f"metrics for them: {', '.join(_known(target))}",
    )


def _check(metric: Metric, estimator: Any) -> None:
    if not metric.method(estimator):
        raise CapabilityError(
            f"metric {metric.name!r} for {type(estimator).__name__}",
            found=f"it has no {' or '.join(metric.needs)}",
            fix="leave the metric out, or take an estimator that gives probabilities",
        )

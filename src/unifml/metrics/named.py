"""Metrics by name: scikit-learn's functions, with one spelling and no surprises."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from inspect import Parameter, signature
from typing import Any

import numpy as np
from sklearn import metrics as sk
from sklearn.utils.multiclass import type_of_target

from unifml.core.task import Kind
from unifml.errors import CapabilityError, DataTypeError, UnknownNameError

BOUND = ("decision_function", "predict_proba")  # scores of classes, as scikit-learn looks for them


@dataclass(frozen=True)
class Metric:
    """One number about how good predictions are.

    Attributes
    ----------
    name : str
        What it is called in results.
    scorer : callable
        ``scorer(estimator, X, y, sample_weight=...)``.
    greater : bool or None
        Whether more is better; None for a user's function that does not say.
    needs : tuple of str
        Methods of the estimator, any one of which is enough.
    every_class : bool
        Undefined where a class has no rows.
    recorded : bool
        Computed from recorded outputs; else it asks the estimator itself.
    bounds : (float, float)
        What it can be.
    formula : str
        Its name in `unifml.tasks.resampling`, if it is one of ours.
    """

    name: str
    scorer: Callable[..., float]
    greater: bool | None = True
    needs: tuple[str, ...] = ("predict",)
    every_class: bool = False
    recorded: bool = True
    bounds: tuple[float, float] = (-np.inf, np.inf)
    formula: str = ""

    def method(self, estimator: Any) -> str:
        """Return the method of `estimator` that is to be asked, or an empty string."""
        return next((name for name in self.needs if hasattr(estimator, name)), "")


def make_metrics(
    metrics: Any, estimator: Any, y: Any, kind: Kind, classes: Any = None
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
    kind : {"classification", "regression"}
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
    target = _target(y, kind, classes)
    if metrics is None:
        usual = [_ours(name, name, target) for name in _USUAL[kind] if target.fits(name)]
        return tuple(metric for metric in usual if metric.method(estimator))
    found = tuple(_metric(name, given, target) for name, given in _named(metrics))
    for metric in found:
        _check(metric, estimator)
    return found


def known_metrics(kind: Kind) -> list[str]:
    """Return our own names of metrics for a task, without the aliases."""
    return [name for name, kinds in _KINDS.items() if kinds & _TARGETS[kind]]


@dataclass(frozen=True)
class _Target:
    """What y is: binary, multiclass, several labels, or numbers; and its classes."""

    kind: str
    classes: Any = None

    def fits(self, name: str) -> bool:
        return self.kind in _KINDS[name]

    @property
    def averaging(self) -> dict[str, Any]:
        if self.kind == "binary":
            return {"average": "binary", "pos_label": self.classes[-1]}
        return {"average": "macro"}


def _target(y: Any, kind: Kind, classes: Any) -> _Target:
    """Look at y; the classes given go before those found."""
    if kind == "regression":
        return _Target("numbers")
    if type_of_target(y) == "multilabel-indicator":
        return _Target("labels")
    classes = np.unique(np.asarray(y)) if classes is None else np.asarray(classes)
    return _Target("binary" if len(classes) <= 2 else "classes", classes)


def _labels(function: Callable[..., float], name: str, target: _Target) -> Metric:
    """Make a metric of predicted labels, averaged over the classes where it is one a class."""
    scorer = sk.make_scorer(function, zero_division=0.0, **target.averaging)
    return Metric(name, scorer, bounds=(0, 1))


def _plain(
    function: Callable[..., float],
    name: str,
    target: _Target,
    *,
    bounds: tuple[float, float] = (0, 1),
) -> Metric:
    return Metric(name, sk.make_scorer(function), bounds=bounds)


def _roc_auc(name: str, target: _Target) -> Metric:
    if target.kind == "classes":
        scorer = sk.make_scorer(
            sk.roc_auc_score,
            response_method="predict_proba",
            multi_class="ovr",
            average="macro",
            labels=target.classes,
        )
        return Metric(name, scorer, needs=("predict_proba",), every_class=True, bounds=(0, 1))
    scorer = sk.make_scorer(sk.roc_auc_score, response_method=BOUND)
    return Metric(name, scorer, needs=BOUND, every_class=True, bounds=(0, 1))


def _pr_auc(name: str, target: _Target) -> Metric:
    positive = {"pos_label": target.classes[-1]} if target.kind == "binary" else {}
    scorer = sk.make_scorer(sk.average_precision_score, response_method=BOUND, **positive)
    return Metric(name, scorer, needs=BOUND, every_class=True, bounds=(0, 1))


def _log_loss(name: str, target: _Target) -> Metric:
    scorer = sk.make_scorer(sk.log_loss, response_method="predict_proba", labels=target.classes)
    return Metric(name, scorer, False, ("predict_proba",), bounds=(0, np.inf))


def _error(function: Callable[..., float], name: str, target: _Target) -> Metric:
    """Make a metric of regression that is better when smaller, in its natural sign."""
    return Metric(name, sk.make_scorer(function), False, bounds=(0, np.inf))


_ONE_LABEL = {"binary", "classes"}
_ANY_CLASSES = {"binary", "classes", "labels"}
_TARGETS: dict[Kind, set[str]] = {"classification": _ANY_CLASSES, "regression": {"numbers"}}
_KINDS: dict[str, set[str]] = {
    "accuracy": _ANY_CLASSES,
    "balanced_accuracy": _ONE_LABEL,
    "precision": _ANY_CLASSES,
    "recall": _ANY_CLASSES,
    "f1": _ANY_CLASSES,
    "roc_auc": _ANY_CLASSES,
    "pr_auc": _ANY_CLASSES,
    "log_loss": _ONE_LABEL,
    "mcc": _ONE_LABEL,
    "mse": {"numbers"},
    "rmse": {"numbers"},
    "mae": {"numbers"},
    "r2": {"numbers"},
}
_MAKERS: dict[str, Callable[[str, _Target], Metric]] = {
    "accuracy": partial(_plain, sk.accuracy_score),
    "balanced_accuracy": partial(_plain, sk.balanced_accuracy_score),
    "precision": partial(_labels, sk.precision_score),
    "recall": partial(_labels, sk.recall_score),
    "f1": partial(_labels, sk.f1_score),
    "roc_auc": _roc_auc,
    "pr_auc": _pr_auc,
    "log_loss": _log_loss,
    "mcc": partial(_plain, sk.matthews_corrcoef, bounds=(-1, 1)),
    "mse": partial(_error, sk.mean_squared_error),
    "rmse": partial(_error, sk.root_mean_squared_error),
    "mae": partial(_error, sk.mean_absolute_error),
    "r2": partial(_plain, sk.r2_score, bounds=(-np.inf, 1)),
}
_ALIASES = {
    "average_precision": "pr_auc",
    "matthews_corrcoef": "mcc",
    "mean_squared_error": "mse",
    "root_mean_squared_error": "rmse",
    "mean_absolute_error": "mae",
}
_USUAL: dict[Kind, tuple[str, ...]] = {
    "classification": ("accuracy", "precision", "recall", "f1", "roc_auc", "pr_auc"),
    "regression": ("r2", "rmse", "mae", "mse"),
}


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


def _metric(name: str, given: Any, target: _Target) -> Metric:
    if isinstance(given, Metric):
        return given
    if isinstance(given, str):
        return _by_name(name, given, target)
    if hasattr(given, "_score_func"):
        return _from_scorer(name, given)
    if not callable(given):
        raise DataTypeError(f"metric {given!r}", rule="a name, a scorer or a function")
    return _from_function(name, given, target)


def _by_name(name: str, word: str, target: _Target) -> Metric:
    short = word.removesuffix("_score")
    short = _ALIASES.get(short, short)
    if short in _MAKERS:
        if not target.fits(short):
            raise _unfit(word, target)
        return _ours(short, name, target)
    if word not in sk.get_scorer_names():
        known = [own for own in _MAKERS if target.fits(own)]
        raise UnknownNameError.among("metric", word, known)
    return _from_scorer(name, sk.get_scorer(word))


def _ours(short: str, name: str, target: _Target) -> Metric:
    return replace(_MAKERS[short](name, target), formula=short)


def _from_scorer(name: str, scorer: Any) -> Metric:
    needs = getattr(scorer, "_response_method", "predict")
    return Metric(name, scorer, needs=(needs,) if isinstance(needs, str) else tuple(needs))


def _from_function(name: str, function: Any, target: _Target) -> Metric:
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


def _unfit(word: str, target: _Target) -> CapabilityError:
    words = {"binary": "two classes", "classes": "classes", "labels": "several labels per row"}
    return CapabilityError(
        f"metric {word!r} for {words.get(target.kind, 'numbers')}",
        rule=f"metrics for them: {', '.join(own for own in _MAKERS if target.fits(own))}",
    )


def _check(metric: Metric, estimator: Any) -> None:
    if not metric.method(estimator):
        raise CapabilityError(
            f"metric {metric.name!r} for {type(estimator).__name__}",
            found=f"it has no {' or '.join(metric.needs)}",
            fix="leave the metric out, or take an estimator that gives probabilities",
        )

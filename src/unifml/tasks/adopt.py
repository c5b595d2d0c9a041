"""Estimators of scikit-learn that are exactly a network of ours, read as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import (
    BayesianRidge,
    ElasticNet,
    ElasticNetCV,
    HuberRegressor,
    Lasso,
    LassoCV,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    Ridge,
    RidgeCV,
    SGDRegressor,
)
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from unifml.core.adapter import Adapter
from unifml.core.fitted import Fitted, Scaling
from unifml.core.plan import Plan
from unifml.core.registry import owner
from unifml.core.seeds import Seeds
from unifml.core.signature import Signature
from unifml.core.task import Task
from unifml.errors import CapabilityError
from unifml.estimators import Classifier, Regressor
from unifml.estimators.carry import taken_in
from unifml.models import MLP, Linear, Model
from unifml.models.capable import find_road
from unifml.training import Training

Array = npt.NDArray[Any]

LINES = (
    *(BayesianRidge, ElasticNet, ElasticNetCV, HuberRegressor, Lasso, LassoCV, LinearRegression),
    *(Ridge, RidgeCV, SGDRegressor),
)
LOGISTIC = (LogisticRegression, LogisticRegressionCV)
PERCEPTRONS = (MLPClassifier, MLPRegressor)
_ROWS = 256  # how many rows were fitted is not known; settings that depend on it assume so many
_ACTIVATIONS = {"logistic": "sigmoid"}


def adoptable(estimator: Any) -> bool:
    """Say whether an estimator, alone or behind a `StandardScaler`, is a network of ours."""
    native = _parts(estimator)[1]
    if type(native) is MultiOutputClassifier:
        return all(_is_logistic(each) for each in native.estimators_)
    if type(native) is MLPRegressor:
        return bool(native.out_activation_ == "identity")  # not so where its loss is Poisson's
    return type(native) in (*LINES, MLPClassifier) or _is_logistic(native)


def adopt(estimator: Any) -> Classifier | Regressor:
    """Return a fitted `Classifier` or `Regressor` that predicts what `estimator` does.

    Parameters
    ----------
    estimator : fitted estimator of scikit-learn
        One that is `adoptable`.
    """
    scaler, native = _parts(estimator)
    here, found = owner(native), _describe(native)
    assert here is not None
    seed = getattr(native, "random_state", None)
    seed = int(seed) if isinstance(seed, int | np.integer) and seed >= 0 else 0
    face = Regressor if found.classes is None else Classifier
    ours = face(found.model, backend=here.name, random_state=getattr(native, "random_state", None))
    plan = _plan(here, found, Seeds(seed), getattr(estimator, "feature_names_in_", None))
    learned: dict[str, Any] = {"_flat": found.task.n_targets == 1}
    if found.classes is not None:
        learned = {"_fitted_codes": None, "classes_": found.classes}
    return taken_in(ours, _state(here, plan, scaler, native), estimator, **learned)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class _Found:
    """What an estimator is, in our words."""

    model: Model
    task: Task
    features: int
    dtype: str
    classes: Array | None = None


def _parts(estimator: Any) -> tuple[StandardScaler | None, Any]:
    """Split a pipeline of a scaler and a model; anything else is the model."""
    if isinstance(estimator, Pipeline) and len(estimator.steps) == 2:
        scaler, native = (step for _, step in estimator.steps)
        if type(scaler) is StandardScaler:
            return scaler, native
    return None, estimator


def _is_logistic(native: Any) -> bool:
    """Say whether probabilities are a sigmoid of one score, or a softmax of several."""
    if type(native) not in LOGISTIC:
        return False
    way = getattr(native, "multi_class", "deprecated")  # gone from scikit-learn 1.8 on
    if len(native.classes_) == 2:
        return way != "multinomial"
    return way != "ovr" and native.solver != "liblinear"


def _describe(native: Any) -> _Found:
    if type(native) is MultiOutputClassifier:
        return _labels(native)
    perceptron = type(native) in PERCEPTRONS
    weight = native.coefs_[0] if perceptron else native.coef_
    model = _perceptron(native) if perceptron else Linear()
    facts: tuple[int, str] = (native.n_features_in_, weight.dtype.name)
    if not hasattr(native, "classes_"):
        outputs = native.n_outputs_ if perceptron else len(np.atleast_2d(weight))
        return _Found(model, Task("regression", outputs), *facts)
    classes = np.asarray(native.classes_)
    multilabel = perceptron and native.out_activation_ == "logistic" and native.n_outputs_ > 1
    task = Task("classification", *((len(classes), 2) if multilabel else (1, len(classes))))
    return _Found(model, task, *facts, classes)


def _labels(native: MultiOutputClassifier) -> _Found:
    count, first = len(native.estimators_), native.estimators_[0]
    if any(list(each.classes_) != [0, 1] for each in native.estimators_):
        raise CapabilityError(
            "moving a MultiOutputClassifier",
            found="targets that are no labels",
            rule="several targets of classes are labels, 0 or 1",
        )
    facts = (first.n_features_in_, first.coef_.dtype.name)
    return _Found(Linear(), Task("classification", count, 2), *facts, np.arange(count))


def _perceptron(native: Any) -> MLP:
    hidden = tuple(len(bias) for bias in native.intercepts_[:-1])
    return MLP(hidden, activation=_ACTIVATIONS.get(native.activation, native.activation))


def _plan(here: Adapter, found: _Found, seeds: Seeds, names: Any) -> Plan:
    task = found.task
    each = task.kind == "regression" or task.multilabel
    signature = Signature(
        input_shape=(found.features,),
        n_outputs=task.n_targets if each else max(task.n_classes, 2),
        n_classes=0 if each else task.n_classes,
        dtype=found.dtype,
        feature_names=None if names is None else tuple(map(str, names)),
    )
    settings = Training().resolve(found.model.training_defaults(task, _ROWS), task, _ROWS)
    facts = {"total_weight": float(_ROWS), "seed": seeds.integer("native")}
    road = find_road(found.model, here, task, signature, settings, **facts)  # type: ignore[arg-type]
    return Plan(
        model=found.model,
        task=task,
        signature=signature,
        settings=settings,
        seeds=seeds,
        procedure=road.procedure,
        output="values" if found.classes is None else "logits",
        network=road.network,
        translation=road.translation,
        classes=found.classes,
    )


def _state(here: Adapter, plan: Plan, scaler: StandardScaler | None, native: Any) -> Fitted:
    if plan.network is None:
        weights = here.get_weights(native, plan)
        if scaler is not None:
            weights = _folded(weights, scaler, plan)
        return Fitted(plan, here.name, native=here.build(plan, weights))
    steps = [("standardize", _standard(scaler, plan.signature.n_features)), ("mlp", native)]
    weights = here.get_weights(Pipeline(steps), plan)
    target = None
    if plan.task.kind == "regression":  # targets were learned as they are
        target = Scaling(np.zeros(plan.task.n_targets), np.ones(plan.task.n_targets))
    return Fitted(plan, here.name, weights=weights, target=target)


def _standard(scaler: StandardScaler | None, features: int) -> StandardScaler:
    """Return a scaler that has both a mean and a scale, in float64."""
    full = StandardScaler()
    full.mean_, full.scale_ = np.zeros(features), np.ones(features)
    if scaler is not None and scaler.with_mean:
        full.mean_ = np.asarray(scaler.mean_, dtype=np.float64)
    if scaler is not None and scaler.with_std:
        full.scale_ = np.asarray(scaler.scale_, dtype=np.float64)
    return full


def _folded(weights: dict[str, Array], scaler: StandardScaler, plan: Plan) -> dict[str, Array]:
    """Return the weights of a line that takes its inputs unscaled."""
    full = _standard(scaler, plan.signature.n_features)
    (kernel, value), (bias, offset) = weights.items()
    steeper = np.asarray(value, np.float64) / full.scale_[:, None]
    moved = np.asarray(offset, np.float64) - full.mean_ @ steeper
    return {kernel: steeper.astype(value.dtype), bias: moved.astype(offset.dtype)}

"""Estimators of the user, and of models that scikit-learn has itself."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import get_config
from sklearn.base import clone, is_classifier
from sklearn.metrics import log_loss, mean_squared_error, zero_one_loss
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing

from unifml.adapters.sklearn.rng import seeded
from unifml.adapters.sklearn.tensors import fit_on_device, require_cpu
from unifml.core.adapter import Weights
from unifml.core.capabilities import NativeTraits
from unifml.core.plan import Plan, Translation
from unifml.core.seeds import Seeds
from unifml.core.table import BatchOrder, FloatArray, Table
from unifml.errors import CapabilityError, DataTypeError
from unifml.models import Native
from unifml.models.native import call_factory, is_factory

PICKLE_PROTOCOL = 5


def build(plan: Plan) -> Any:
    """Return the estimator of a plan, not fitted.

    A translated model is constructed as its translation says. An instance of the user is cloned,
    a class or function called; what random states they leave None come from the plan's seeds.
    """
    if plan.translation is not None:
        return construct(plan.translation)
    model = plan.model if isinstance(plan.model, Native) else Native(plan.model)
    if is_factory(model.factory):
        with seeded(plan.seeds.integer("native")):
            native = call_factory(model.factory, model.params, plan.signature)
        _check(native, model)
    else:
        native = clone(model.factory)
        if model.params:
            native.set_params(**model.params)
    return _seed(native, plan.seeds)


def _check(native: Any, model: Native) -> None:
    if not (hasattr(native, "fit") and hasattr(native, "get_params")):
        raise DataTypeError(
            f"{model!r} on backend 'sklearn'",
            found=f"it built a {type(native).__name__}",
            rule="a scikit-learn compatible estimator is needed",
        )


def construct(translation: Translation) -> Any:
    """Construct what a translation says; a parameter may be a translation itself."""
    params = {
        name: construct(value) if isinstance(value, Translation) else value
        for name, value in translation.params
    }
    return estimator_class(translation.estimator)(**params)


def estimator_class(path: str) -> Any:
    """Return the class of an import path."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def traits(native: Any) -> NativeTraits:
    """Describe an estimator: whether it learns in steps, and whether it needs codes as labels."""
    steps = hasattr(native, "partial_fit") and not isinstance(native, Pipeline)
    return NativeTraits(steps=steps, label_codes=_needs_codes(native))


class NativeProgram:
    """An estimator that is fitted by its own ``fit``, or epoch by epoch by ``partial_fit``."""

    def __init__(self, native: Any, plan: Plan, data: Table | None = None) -> None:
        self._native, self._plan, self._data = native, plan, data

    def fit(self) -> None:
        """Fit on all rows; weights of rows go to an estimator that takes them."""
        data = self._rows()
        extra = _weights(self._native, "fit", data.weight)
        with _repeatable(self._native, self._plan.seeds.integer("native")):
            if self._plan.device == "cpu":
                self._native.fit(data.X, data.y, **extra)
            else:
                self._native = fit_on_device(
                    self._native, data.X, data.y, self._plan.device, **extra
                )

    def take(self, data: Table) -> None:
        """Learn from other rows from now on."""
        self._data = data

    def row_losses(self, outputs: FloatArray, y: Any) -> FloatArray:
        raise CapabilityError("a loss of the user's own for an estimator of scikit-learn")

    def run_epoch(self, order: BatchOrder, rates: FloatArray, seed: int | None) -> FloatArray:
        """Call ``partial_fit`` once, on the rows in order, unshuffled.

        The estimator cuts its own batches and takes its own learning rate, so there is one loss
        an epoch, repeated for each step: the estimator's ``loss_`` if it has one, else, after the
        epoch, the log loss of its probabilities, the share of wrong labels where it has none, or
        half the squared error.
        """
        require_cpu(self._plan, "partial_fit")
        if not hasattr(self._native, "partial_fit"):
            raise CapabilityError(
                f"training {type(self._native).__name__} epoch by epoch",
                rule="an estimator that learns in steps has partial_fit",
                fix="leave the fields of Training out",
            )
        rows = _take(self._rows(), order.rows)
        extra = _weights(self._native, "partial_fit", rows.weight)
        if _takes(self._native, "partial_fit", "classes"):
            extra["classes"] = self._classes()
        seed = self._plan.seeds.integer("native") if seed is None else seed
        with _Unshuffled(self._native), _repeatable(self._native, seed):
            self._native.partial_fit(rows.X, rows.y, **extra)
        own = getattr(self._native, "loss_", None)
        loss = own if isinstance(own, float | np.floating) else self._loss(rows)
        return np.full(order.steps, loss, dtype=np.float64)

    def forward(self, X: Any) -> FloatArray:
        """Return probabilities (n, classes), (n, labels) if multilabel, or values (n, outputs)."""
        if self._plan.task.kind == "regression":
            values = np.asarray(self._native.predict(X))
            return values.reshape(len(values), -1)
        if not hasattr(self._native, "predict_proba"):
            raise CapabilityError(
                f"probabilities of {type(self._native).__name__}",
                found="it has no predict_proba",
                fix="wrap it in sklearn.calibration.CalibratedClassifierCV",
            )
        found = self._native.predict_proba(X)
        if isinstance(found, list):  # several labels: a table of two columns for each
            found = np.stack([label[:, -1] for label in found], axis=1)
        return np.asarray(found)

    def loss_and_gradient(self, weights: Weights) -> tuple[float, dict[str, FloatArray]]:
        raise CapabilityError("loss and gradient of a native estimator", rule="it has its own fit")

    def result(self) -> Any:
        return self._native

    def state(self) -> dict[str, npt.NDArray[Any]]:
        return {"pickle": np.frombuffer(pickle.dumps(self._native, PICKLE_PROTOCOL), np.uint8)}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        self._native = pickle.loads(state["pickle"].tobytes())

    def _rows(self) -> Table:
        if self._data is None:
            raise CapabilityError("fitting", found="a program without rows to learn from")
        return self._data

    def _classes(self) -> npt.NDArray[Any]:
        task, classes = self._plan.task, self._plan.classes
        if task.multilabel:
            return np.arange(task.n_targets)
        return np.unique(self._rows().y) if classes is None else classes

    def _loss(self, rows: Table) -> float:
        if self._plan.task.kind == "regression":
            predicted = self._native.predict(rows.X)
            return 0.5 * float(mean_squared_error(rows.y, predicted, sample_weight=rows.weight))
        if not hasattr(self._native, "predict_proba") or np.ndim(rows.y) > 1:
            labels = self._native.predict(rows.X)
            return float(zero_one_loss(rows.y, labels, sample_weight=rows.weight))
        proba, known = self._native.predict_proba(rows.X), self._classes()
        return float(log_loss(rows.y, proba, sample_weight=rows.weight, labels=known))


class _Unshuffled:
    """Inside the block an estimator takes rows as they come; its parameter is put back after."""

    def __init__(self, native: Any) -> None:
        self.native = native
        self.own = {k: v for k, v in native.get_params(deep=False).items() if k == "shuffle"}

    def __enter__(self) -> None:
        if self.own:
            self.native.set_params(shuffle=False)

    def __exit__(self, *_: object) -> None:
        if self.own:
            self.native.set_params(**self.own)


def _seed(native: Any, seeds: Seeds) -> Any:
    """Set the random states that are None, nested ones too; return the estimator."""
    ours = sorted(key for key, value in _random_states(native).items() if value is None)
    if ours:
        native.set_params(**{k: seeds.integer("native", i) for i, k in enumerate(ours)})
    return native


def _repeatable(native: Any, seed: int) -> AbstractContextManager[None]:
    """Seed the global generators for an estimator that knows no random state, and may use them.

    Others are left alone, so that those that fit further estimators in threads never wait for a
    lock that they hold themselves.
    """
    return nullcontext() if _random_states(native) else seeded(seed)


def _random_states(native: Any) -> dict[str, Any]:
    params = native.get_params(deep=True)
    return {key: value for key, value in params.items() if key.split("__")[-1] == "random_state"}


def _weights(native: Any, method: str, weight: FloatArray | None) -> dict[str, Any]:
    """Return the keyword that hands weights of rows over; nothing where there are none."""
    return {} if weight is None else {_weight_key(native, method): weight}


def _weight_key(native: Any, method: str) -> str:
    if isinstance(native, Pipeline) and not get_config()["enable_metadata_routing"]:
        name, last = native.steps[-1]
        return f"{name}__{_weight_key(last, method)}"
    if _takes(native, method, "sample_weight") or _takes_any(native, method):
        return "sample_weight"
    raise CapabilityError(
        f"sample_weight for {native!r}",
        rule=f"its {method} takes no sample_weight",
        fix="leave the weights (and class_weight) out, or take another estimator",
    )


def _takes(native: Any, method: str, name: str) -> bool:
    return name in _parameters(native, method)


def _takes_any(native: Any, method: str) -> bool:
    """Whether a method hands further arguments on, as those of search and ensembles do."""
    return any(p.kind is p.VAR_KEYWORD for p in _parameters(native, method).values())


def _parameters(native: Any, method: str) -> Mapping[str, inspect.Parameter]:
    found = getattr(native, method, None)
    return {} if found is None else inspect.signature(found).parameters


def _take(data: Table, rows: npt.NDArray[np.int64]) -> Table:
    """Return rows of arrays, frames or sparse matrices."""
    weight = None if data.weight is None else data.weight[rows]
    return Table(_safe_indexing(data.X, rows), _safe_indexing(data.y, rows), weight)


def _needs_codes(native: Any) -> bool:
    if isinstance(native, Pipeline):
        return _needs_codes(native.steps[-1][1])
    cls = native if isinstance(native, type) else type(native)
    if cls.__module__.partition(".")[0] != "xgboost":
        return False
    return "Classifier" in cls.__name__ if isinstance(native, type) else bool(is_classifier(native))

"""What was learned, read, replaced, and carried to another backend."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import clone

from unifml.core.adapter import Adapter, Weights
from unifml.core.fitted import Fitted, Scaling, body_weights
from unifml.core.history import History
from unifml.core.plan import Plan
from unifml.core.registry import get_adapter, require
from unifml.errors import CapabilityError, DataError, DataTypeError
from unifml.estimators.nature import Nature
from unifml.estimators.resolve import resolve_device
from unifml.models import Model
from unifml.models.capable import find_road

Arrays = dict[str, npt.NDArray[Any]]


class Carry(Nature):
    """The weights of an estimator, by names that mean the same on every backend."""

    @property
    def target_scaling_(self) -> Scaling | None:
        """Mean and scale of the targets; None where the network learned them as they were.

        What `model_` returns, times ``scale``, plus ``mean``, is in the units of ``y``.
        """
        return self._state().target

    def get_weights(self) -> Arrays:
        """Return copies of all weights by name.

        A network of unifml has the names and the layout of its layers, ``layer.kernel`` of shape
        ``(in, out)``, on every backend. A native network has its framework's: the keys of
        ``state_dict()`` in torch, place and name such as ``0.kernel`` in Keras.

        Returns
        -------
        dict of str to array

        Raises
        ------
        CapabilityError
            For an estimator of scikit-learn that is no network.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from unifml import Classifier
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = Classifier("linear", backend="sklearn").fit(X, y)
        >>> {name: weight.shape for name, weight in clf.get_weights().items()}
        {'output.kernel': (4, 3), 'output.bias': (3,)}
        """
        return read_weights(self._state())

    def set_weights(self, weights: Weights) -> Self:
        """Replace all weights; predictions follow.

        The optimizer's memory goes, so that `partial_fit` begins with a fresh one. ``history_``
        stays that of the fit.

        Parameters
        ----------
        weights : mapping of str to array
            What `get_weights` returns: the same names, the same shapes.

        Returns
        -------
        object
            The estimator itself; writes the state behind ``model_``.

        Raises
        ------
        DataError
            For missing, unexpected, misshapen or infinite weights; nothing is changed then.
        CapabilityError
            For an estimator of scikit-learn that is no network.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from unifml import Classifier
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = Classifier("linear", backend="sklearn").fit(X, y)
        >>> weights = clf.get_weights()
        >>> weights["output.bias"][:] = (100, 0, 0)
        >>> set(clf.set_weights(weights).predict(X).tolist())
        {0}
        """
        fitted = self._state()
        self._fitted = relearned(fitted, checked(read_weights(fitted), weights))
        return self


def read_weights(fitted: Fitted) -> Arrays:
    """Return copies of the weights of a fitted state."""
    if fitted.weights is None:
        return fitted.adapter.get_weights(fitted.model, fitted.plan)
    return {name: np.array(value) for name, value in fitted.weights.items()}


def checked(own: Weights, weights: Any) -> Arrays:
    """Return copies of `weights` in the dtypes of `own`, if names and shapes are the same."""
    if not isinstance(weights, Mapping):
        raise DataTypeError(f"weights of type {type(weights).__name__}", rule="a dict of arrays")
    faults = [
        *(f"{name} is missing" for name in own if name not in weights),
        *(f"{name} is unexpected" for name in weights if name not in own),
        *(
            f"{name} has shape {np.shape(weights[name])}, not {value.shape}"
            for name, value in own.items()
            if name in weights and np.shape(weights[name]) != value.shape
        ),
    ]
    found = {} if faults else {k: np.array(weights[k], dtype=v.dtype) for k, v in own.items()}
    faults += [f"{name} is not finite" for name, value in found.items() if not _finite(value)]
    if faults:
        raise DataError(
            f"{len(weights)} weights",
            found="; ".join(faults[:5]),
            rule="names and shapes are those of get_weights()",
        )
    return found


def relearned(fitted: Fitted, weights: Arrays) -> Fitted:
    """Return a state with other weights; what was built for the old ones goes with them."""
    plan, memory = fitted.plan, without_program(fitted.memory)
    if fitted.weights is None:
        native = fresh(fitted)
        fitted.adapter.set_weights(native, plan, weights)
        return replace(_kept(fitted), plan=plan, native=native, memory=memory)
    outside = fitted.weights.keys() - body_weights(plan, fitted.weights).keys()
    for name in outside:
        if name.endswith(".scale") and not (weights[name] > 0).all():
            raise DataError(f"weight {name!r}", rule="inputs are divided by it: all of it is > 0")
    if any(not np.array_equal(fitted.weights[name], weights[name]) for name in outside):
        memory = _without("x.", memory)  # statistics of rows that are not those of the weights
    return replace(_kept(fitted), plan=plan, weights=weights, memory=memory)


def _kept(fitted: Fitted) -> Fitted:
    """Return what stays of a state when weights or backend change: how targets were scaled."""
    return Fitted(fitted.plan, fitted.backend, target=fitted.target, bounds=fitted.bounds)


def fresh(fitted: Fitted) -> Any:
    """Return the plain native model, built or copied anew: it shares nothing with the state."""
    adapter, plan = fitted.adapter, fitted.plan
    if fitted.weights is not None:
        return adapter.build(plan, fitted.weights)
    return adapter.load(copy.deepcopy(adapter.dump(fitted.model, plan)), plan)


def carried(estimator: Any, backend: str, device: str | None = None) -> Any:
    """Return a copy of a fitted estimator on another backend.

    Raises
    ------
    CapabilityError
        Where that backend cannot have the model; the message names those that can.
    """
    fitted: Fitted = estimator._state()
    adapter = require(get_adapter(backend))
    params = {"backend": backend} | ({} if device is None else {"device": device})
    there = resolve_device(adapter, estimator.device if device is None else device)
    return twin(estimator, _moved(fitted, adapter, there), **params)


def twin(estimator: Any, fitted: Fitted, **params: Any) -> Any:
    """Return a copy of an estimator with another state and some other parameters."""
    copied = clone(estimator).set_params(**params)
    known = {**vars(copied), "_fitted": fitted}
    vars(copied).update(vars(estimator) | known)
    return copied


def taken_in(estimator: Any, fitted: Fitted, source: Any, **learned: Any) -> Any:
    """Give an estimator a state learned elsewhere, and what else it learned; return it.

    Names and number of features come from `source`.
    """
    vars(estimator).update(learned)
    return estimator._keep(fitted, History(), source)


def without_program(memory: Arrays | None) -> Arrays | None:
    """Return the memory of `partial_fit` without that of one backend's optimizer."""
    return _without("program/", memory)


def _moved(fitted: Fitted, adapter: Adapter, device: str) -> Fitted:
    if adapter.name == fitted.backend:
        plan, memory = replace(fitted.plan, device=device), fitted.memory
        if fitted.weights is None:
            return Fitted(plan, fitted.backend, native=fresh(fitted), memory=memory)
    else:
        plan, memory = _plan_there(fitted, adapter, device), without_program(fitted.memory)
    weights = read_weights(fitted)
    inside = body_weights(fitted.plan, weights)  # statistics of inputs stay float64
    dtype = plan.signature.dtype
    weights = {k: v.astype(dtype) if k in inside else v for k, v in weights.items()}
    if plan.network is None:
        return Fitted(plan, adapter.name, native=adapter.build(plan, weights))
    kept = replace(_kept(fitted), plan=plan, backend=adapter.name)
    return replace(kept, weights=weights, memory=memory)


def _plan_there(fitted: Fitted, adapter: Adapter, device: str) -> Plan:
    plan = fitted.plan
    if not isinstance(plan.model, Model):
        raise CapabilityError(
            f"{plan.model!r} on backend {adapter.name!r}",
            found=f"it is a native model of backend {fitted.backend!r}",
            rule="networks of unifml.layers move; a native model belongs to its framework",
            fix="write it as a unifml.models.Model, or export it with unifml.export_onnx",
        )
    able = plan.signature.dtype in adapter.capabilities.precisions
    signature = replace(plan.signature, dtype=plan.signature.dtype if able else "float32")
    road = find_road(
        plan.model,
        adapter,
        plan.task,
        signature,
        plan.settings,
        total_weight=_total_weight(plan),
        seed=plan.seeds.integer("native"),
    )
    return replace(
        plan,
        signature=signature,
        device=device,
        procedure=road.procedure,
        network=road.network,
        translation=road.translation,
    )


def _total_weight(plan: Plan) -> float:
    """Return the weight of the rows of the fit, as far as the settings tell: l2 is one over it."""
    if "l2" in plan.settings.explicit or not plan.settings.l2:
        return 1.0
    return 1.0 / (plan.settings.l2 * plan.task.n_targets)


def _without(prefix: str, memory: Arrays | None) -> Arrays | None:
    if memory is None:
        return None
    return {name: value for name, value in memory.items() if not name.startswith(prefix)}


def _finite(value: npt.NDArray[Any]) -> bool:
    return value.dtype.kind != "f" or bool(np.isfinite(value).all())

"""The fitted state of an estimator: what predict, export, copying and saving work on."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.adapter import Adapter, Program, Weights
from unifml.core.plan import Plan
from unifml.core.registry import get_adapter
from unifml.core.table import FloatArray


@dataclass(frozen=True)
class Scaling:
    """Mean and standard deviation of each column."""

    mean: FloatArray
    scale: FloatArray

    def apply(self, values: Any) -> FloatArray:
        """Standardise, in float64."""
        return (np.asarray(values, dtype=np.float64) - self.mean) / self.scale

    def invert(self, values: FloatArray) -> FloatArray:
        """Undo `apply`."""
        return values * self.scale + self.mean


@dataclass
class Fitted:
    """What a fit leaves behind.

    A network is its canonical weights, in NumPy; what computes on them is built when asked for,
    kept, and never pickled. A native model of the user, or a translated one, is kept as it is.

    Attributes
    ----------
    plan : Plan
        What was fitted, and how.
    backend : str
        Name of the adapter.
    weights : dict of str to array, or None
        Canonical weights of a network.
    native : object or None
        The fitted native model, where there is no network.
    target : Scaling or None
        How the targets of a regression were scaled.
    memory : dict of str to array, or None
        The program's state, for `partial_fit` to go on from.
    """

    plan: Plan
    backend: str
    weights: Weights | None = None
    native: Any = None
    target: Scaling | None = None
    memory: dict[str, npt.NDArray[Any]] | None = None
    _program: Program | None = field(default=None, repr=False, compare=False)
    _model: Any = field(default=None, repr=False, compare=False)
    _dumped: Any = field(default=None, repr=False, compare=False)

    @property
    def adapter(self) -> Adapter:
        """The adapter that fitted it."""
        return get_adapter(self.backend)

    @property
    def model(self) -> Any:
        """The plain native model; changing a network's does not change this state."""
        with _building:
            if self._dumped is not None:
                self.native = self.adapter.load(self._dumped, self.plan)
                self._dumped = None
            if self.weights is None:
                return self.native
            if self._model is None:
                self._model = self.adapter.build(self.plan, self.weights)
            return self._model

    @property
    def program(self) -> Program:
        """The program that predicts."""
        source = self.model if self.weights is None else body_weights(self.plan, self.weights)
        with _building:
            if self._program is None:
                self._program = self.adapter.program(source, self.plan)
            return self._program

    def outputs(self, X: FloatArray) -> FloatArray:
        """Return raw outputs (n, width) for rows that passed the gate; targets unscaled."""
        outputs = self.program.forward(network_input(self.plan, self.weights, X))
        return outputs if self.target is None else self.target.invert(outputs)

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__ | {"_program": None, "_model": None}
        if self.native is not None:
            state |= {"native": None, "_dumped": self.adapter.dump(self.native, self.plan)}
        return state


_building = threading.RLock()


def body_weights(plan: Plan, weights: Weights) -> dict[str, npt.NDArray[Any]]:
    """Return the weights that programs compute with: all but the leading `Standardize`'s."""
    name = plan.network.standardize if plan.network else None
    return {k: v for k, v in weights.items() if name is None or not k.startswith(f"{name}.")}


def network_input(plan: Plan, weights: Weights | None, X: Any) -> Any:
    """Standardise X by the network's leading layer, if there is one, and cast to its dtype."""
    dtype = plan.signature.dtype
    if plan.network is None or weights is None or plan.network.standardize is None:
        return np.ascontiguousarray(X, dtype=dtype)
    name = plan.network.standardize
    scaled = Scaling(
        np.asarray(weights[f"{name}.mean"], np.float64),
        np.asarray(weights[f"{name}.scale"], np.float64),
    ).apply(X)
    return np.ascontiguousarray(scaled, dtype=dtype)

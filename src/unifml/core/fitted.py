"""The fitted state of an estimator: what predict, export, copying and saving work on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.adapter import Adapter, Program, Weights
from unifml.core.checks import check_rows
from unifml.core.inputs import by_name, is_lengths
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
    _parts: dict[str, Fitted] = field(default_factory=dict, repr=False, compare=False)

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

    def part(self, name: str, make: Callable[[], Fitted]) -> Fitted:
        """Return a state made of parts of this one: built when asked for, kept, never pickled."""
        with _building:
            if name not in self._parts:
                self._parts[name] = make()
            return self._parts[name]

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__ | {"_program": None, "_model": None, "_parts": {}}
        if self.native is not None:
            state |= {"native": None, "_dumped": self.adapter.dump(self.native, self.plan)}
        return state


_building = threading.RLock()


def body_weights(plan: Plan, weights: Weights) -> dict[str, npt.NDArray[Any]]:
    """Return the weights that programs compute with: all but those of `Standardize`."""
    names = set(plan.graph.standardized.values()) if plan.network else set()
    return {k: v for k, v in weights.items() if k.rpartition(".")[0] not in names}


def network_input(plan: Plan, weights: Weights | None, X: Any) -> Any:
    """Standardise the inputs that have a `Standardize`, and cast all to the network's dtype."""
    dtype = plan.signature.dtype
    names = plan.graph.standardized if plan.network and weights is not None else {}

    def ready(name: str, values: Any) -> Any:
        if is_lengths(name):
            return np.ascontiguousarray(values, dtype=np.int64)
        if name in names and weights is not None:
            values = scaling_of(names[name], weights).apply(values)
        return np.ascontiguousarray(values, dtype=dtype)

    if plan.network:
        check_rows(plan, by_name(X))
    done = {name: ready(name, values) for name, values in by_name(X).items()}
    return done if isinstance(X, Mapping) else done["X"]


def scaling_of(layer: str, weights: Weights) -> Scaling:
    """Return what a `Standardize` does."""
    mean, scale = (np.asarray(weights[f"{layer}.{part}"], np.float64) for part in _PARTS)
    return Scaling(mean, scale)


_PARTS = ("mean", "scale")

"""The fitted state of an estimator: what predict, export, copying and saving work on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.adapter import Adapter, Program, Weights
from unifml.core.checks import check_rows, has_demands
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
        found: FloatArray = np.subtract(values, self.mean, dtype=np.float64)
        found /= self.scale
        return found

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
    bounds : (array, array) or None
        The least and the greatest that is predicted.
    memory : dict of str to array, or None
        The program's state, for `partial_fit` to go on from.
    """

    plan: Plan
    backend: str
    weights: Weights | None = None
    native: Any = None
    target: Scaling | None = None
    bounds: tuple[FloatArray, FloatArray] | None = None
    memory: dict[str, npt.NDArray[Any]] | None = None
    _program: Program | None = field(default=None, repr=False, compare=False)
    _model: Any = field(default=None, repr=False, compare=False)
    _dumped: Any = field(default=None, repr=False, compare=False)
    _parts: dict[str, Fitted] = field(default_factory=dict, repr=False, compare=False)
    _entrance: Entrance | None = field(default=None, repr=False, compare=False)

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
        with _building:
            if self._program is None:
                whole = self.weights is None
                source = self.model if whole else body_weights(self.plan, self.weights or {})
                self._program = self.adapter.program(source, self.plan)
            return self._program

    @property
    def entrance(self) -> Entrance:
        """What rows go through before the program."""
        if self._entrance is None:
            self._entrance = Entrance(self.plan, self.weights)
        return self._entrance

    def outputs(self, X: FloatArray) -> FloatArray:
        """Return raw outputs (n, width) for rows that passed the gate; targets unscaled."""
        outputs = self.program.forward(self.entrance(X))
        if self.plan.output == "log_values":
            outputs = np.exp(outputs)
        outputs = outputs if self.target is None else self.target.invert(outputs)
        return outputs if self.bounds is None else np.clip(outputs, *self.bounds)

    def part(self, name: str, make: Callable[[], Fitted]) -> Fitted:
        """Return a state made of parts of this one: built when asked for, kept, never pickled."""
        with _building:
            if name not in self._parts:
                self._parts[name] = make()
            return self._parts[name]

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__ | {"_program": None, "_model": None, "_entrance": None, "_parts": {}}
        if self.native is not None:
            state |= {"native": None, "_dumped": self.adapter.dump(self.native, self.plan)}
        return state


_building = threading.RLock()


def body_weights(plan: Plan, weights: Weights) -> dict[str, npt.NDArray[Any]]:
    """Return the weights that programs compute with: all but those of `Standardize`."""
    names = set(plan.graph.standardized.values()) if plan.network else set()
    return {k: v for k, v in weights.items() if k.rpartition(".")[0] not in names}


class Entrance:
    """Standardises the inputs that have a `Standardize`, and casts all to the network's dtype.

    Parameters
    ----------
    plan : Plan
        What was or is to be fitted.
    weights : mapping or None
        Canonical weights, those of `Standardize` among them; None leaves inputs as they are.
    """

    def __init__(self, plan: Plan, weights: Weights | None) -> None:
        self.plan, self.dtype = plan, plan.signature.dtype
        self.checks = plan.network is not None and has_demands(plan)
        names = plan.graph.standardized if plan.network and weights is not None else {}
        self.scalings = {name: scaling_of(layer, weights or {}) for name, layer in names.items()}

    def __call__(self, X: Any) -> Any:
        """Return rows that a program takes."""
        if self.checks:
            check_rows(self.plan, by_name(X))
        if not isinstance(X, Mapping):
            return self._ready("X", X)
        return {name: self._ready(name, values) for name, values in X.items()}

    def _ready(self, name: str, values: Any) -> Any:
        if is_lengths(name):
            return np.ascontiguousarray(values, dtype=np.int64)
        if name in self.scalings:
            values = self.scalings[name].apply(values)
        return np.ascontiguousarray(values, dtype=self.dtype)


def network_input(plan: Plan, weights: Weights | None, X: Any) -> Any:
    """Return rows that a program takes: see `Entrance`."""
    return Entrance(plan, weights)(X)


def scaling_of(layer: str, weights: Weights) -> Scaling:
    """Return what a `Standardize` does."""
    mean, scale = (np.asarray(weights[f"{layer}.{part}"], np.float64) for part in _PARTS)
    return Scaling(mean, scale)


_PARTS = ("mean", "scale")

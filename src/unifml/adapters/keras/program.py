"""Networks at work: weights as tensors, whole epochs in one compiled call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.adapters.keras import engine
from unifml.adapters.keras.bindings import Binding
from unifml.adapters.keras.checks import check_training
from unifml.adapters.keras.compiled import START_SCALE, State
from unifml.adapters.keras.losses import row_losses
from unifml.adapters.keras.recipe import recipe
from unifml.adapters.keras.rng import layer_seeds
from unifml.adapters.keras.weights import prefixed, under
from unifml.core.adapter import Weights
from unifml.core.inputs import by_name, count, is_lengths
from unifml.core.plan import Plan
from unifml.core.table import BatchOrder, FloatArray, Table
from unifml.errors import CapabilityError

FORWARD_ROWS = 8192
FORWARD_VALUES = 2**24  # of the largest value inside a network, for the rows predicted at once
Arrays = dict[str, npt.NDArray[Any]]


class NetworkProgram:
    """A network at work on one set of rows.

    Parameters
    ----------
    weights : mapping
        Canonical weights to start from.
    plan : Plan
        What is being done.
    data : Table or None
        The rows to learn from.
    """

    def __init__(self, weights: Weights, plan: Plan, data: Table | None) -> None:
        self._plan, self._engine = plan, engine.load()
        self._recipe, self._dtype = recipe(plan), plan.signature.dtype
        self._compiled = self._recipe.compiled
        self._step, self._steps = 0, 0
        self._rest: Arrays = {}
        self._shown: list[Any] | None = None  # the weights that predict, one by one
        self._fixed: list[Any] = []
        self._data: Any = None
        self._state: State = {}  # of training; empty where only predictions are made
        with self._place():
            self._show(weights)
        if data is not None:
            check_training(plan, self._engine)
            batches = -(-len(data) // plan.settings.batch_size)
            self._steps = batches * plan.settings.epochs
            self.take(data)
            with self._place():
                self._begin(weights)

    def take(self, data: Table) -> None:
        if data.weight is not None and not self._recipe.per_row:
            raise CapabilityError(
                "weights of rows with a loss of your own",
                found="it returns one number for the batch",
                rule="a loss returns one number for each row, so that rows can have weights",
            )
        with self._place():
            self._data = self._rows(data)

    def run_epoch(self, order: BatchOrder, rates: FloatArray, seed: int | None) -> FloatArray:
        settings = self._plan.settings
        scalars = settings.optimizer.scalars(rates, self._step, settings.weight_decay)
        self._compiled.stepper.check(rates, settings.learning_rate)
        series = np.stack([*scalars, settings.ema_keeps(self._step, len(rates))])
        size = max(settings.batch_size, order.largest)
        rows = self._table()
        with self._place(training=True), engine.memory_for(order.largest, training=True):
            with self._recipe.lock:
                epoch = self._compiled.prepare_epoch(self._steps)
            if seed is not None:
                self._seed(seed)
            walk = (order.rows, order.edges, order.accumulate, size)
            state, losses = epoch(
                {**self._state, "fixed": self._fixed}, rows, walk, series, self._limits
            )
            losses = self._engine.to_numpy(losses)
        self._state, self._fixed, self._shown = dict(state), list(state["fixed"]), None
        self._step += order.updates
        return losses

    def forward(self, X: Any) -> FloatArray:
        arrays, rows = self._arrays(X), count(X)
        longest = max([arrays[name].shape[1] for name in self._recipe.ragged], default=1)
        step = rows_at_once(self._recipe.widest(longest))
        with self._place(), engine.memory_for(min(rows, step), training=False):
            trained, parts = self._present(), []
            for at in range(0, max(rows, 1), step):
                some = {name: values[at : at + step] for name, values in arrays.items()}
                outputs = self._compiled.forward(trained, self._fixed, self._inputs(some))
                parts.append(self._engine.to_numpy(outputs))
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def loss_and_gradient(self, weights: Weights) -> tuple[float, dict[str, FloatArray]]:
        rows, compiled = self._table(), self._compiled
        with self._place():
            with self._recipe.lock:
                compiled.prepare_gradient()
            self._show({**self._rest, **weights})
            loss, gradients = compiled.gradient(self._present(), self._fixed, rows)
            arrays = [self._engine.to_numpy(value) for value in gradients]
        return float(loss), _canonical(self._recipe.trained, arrays)

    def row_losses(self, outputs: FloatArray, y: Any) -> FloatArray:
        plan = self._plan
        with self._place():
            y = self._tensor(self._targets(y), self._compiled.y_dtype)
            found = row_losses(plan.settings.loss, self._tensor(outputs), y, plan.task, plan.output)
            return self._engine.to_numpy(found)

    def fit(self) -> None:
        raise CapabilityError("fitting a network by its own method", rule="it is run by epochs")

    def result(self) -> Arrays:
        return self._named(self._predicting())

    def state(self) -> Arrays:
        fixed = [self._engine.to_numpy(value) for value in self._fixed]
        seeds = {f"seeds/{i}": fixed[i] for i in self._seeded}
        if not self._state:
            return {**prefixed("weights", self.result()), **seeds, "step": np.array(self._step)}
        found = prefixed("weights", self._named(self._flat("weights"))) | seeds
        if "average" in self._state:
            average = _canonical(self._recipe.trained, self._flat("average"))
            found |= prefixed("average", average)
        found |= {n: self._engine.to_numpy(self._state[n]) for n in _OF_LOSS if n in self._state}
        slots = [self._engine.to_numpy(value) for value in self._state["slots"]]
        return {**found, **self._slots_by_name(slots), "step": np.array(self._step)}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        weights = under("weights/", state)
        with self._place():
            self._show(weights)
            for i in self._seeded:
                if f"seeds/{i}" in state:
                    self._fixed[i] = self._engine.tensor(state[f"seeds/{i}"])
            if self._state:
                self._begin(weights, state)
        self._step = int(state["step"])

    def _begin(self, weights: Weights, state: Mapping[str, npt.NDArray[Any]] | None = None) -> None:
        """Make the state of training: a fresh one, or that of a `state`."""
        known, techniques = state or {}, self._compiled.techniques
        slots = self._slots_from(known) if state else self._compiled.stepper.start()
        self._state = {
            "weights": self._joined(weights),
            "slots": [self._engine.tensor(slot) for slot in slots],
        }
        if techniques.averages:
            average = under("average/", known) or weights
            self._state["average"] = self._joined(average)
            self._shown = None
        if techniques.scales:
            self._state["scale"] = self._tensor(known.get("scale", START_SCALE))
            self._state["good"] = self._engine.tensor(known.get("good", 0), "int64")

    def _slots_by_name(self, slots: list[npt.NDArray[Any]]) -> Arrays:
        if not self._compiled.stepper.by_weight:
            return {f"slots/{i}": slot for i, slot in enumerate(slots)}
        found: Arrays = {}
        for i, slot in enumerate(slots):
            memory = _canonical(self._recipe.trained, self._compiled.parted_arrays(slot))
            found |= {f"slots/{name}/{i}": value for name, value in memory.items()}
        return found

    def _slots_from(self, state: Mapping[str, npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        start = self._compiled.stepper.start()
        if not self._compiled.stepper.by_weight:
            return [np.asarray(state[f"slots/{i}"], slot.dtype) for i, slot in enumerate(start)]
        memory = [under("slots/", state, f"/{i}") for i in range(len(start))]
        return [self._joined_array(part) for part in memory]

    @cached_property
    def _limits(self) -> FloatArray:
        settings = self._plan.settings
        bounds = settings.clip_value, settings.clip_norm
        return np.array([settings.l1, settings.l2, *(bound or 0.0 for bound in bounds)])

    @cached_property
    def _seeded(self) -> list[int]:
        """The places of the states of seed generators."""
        return [place for place, binding in enumerate(self._recipe.fixed) if binding is None]

    def _place(self, *, training: bool = False) -> Any:
        settings = self._plan.settings
        return self._engine.place(
            self._plan.device,
            self._dtype,
            tf32=training and settings.precision == "tf32",
            deterministic=training and settings.deterministic,
        )

    def _tensor(self, values: Any, dtype: str | None = None) -> Any:
        return self._engine.tensor(values, dtype or self._dtype)

    def _arrays(self, X: Any) -> Arrays:
        """Return contiguous arrays by name, in the dtypes of the network."""
        return {
            name: np.ascontiguousarray(values, "int64" if is_lengths(name) else self._dtype)
            for name, values in by_name(X).items()
        }

    def _inputs(self, arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:
        return {name: self._tensor(a, str(a.dtype)) for name, a in arrays.items()}

    def _rows(self, data: Table) -> tuple[Any, Any, Any]:
        weight = np.ones(len(data)) if data.weight is None else data.weight
        X, y, w = self._compiled.held((self._arrays(data.X), self._targets(data.y), weight))
        return self._inputs(X), self._tensor(y, self._compiled.y_dtype), self._tensor(w)

    def _targets(self, y: Any) -> npt.NDArray[Any]:
        """Return targets in the shape that was compiled; codes of classes as shares, if it has."""
        found: npt.NDArray[Any] = np.asarray(y)
        shape = self._compiled.y_shape
        if shape and found.ndim == 1 and shape[0] > 1 and self._plan.settings.soft:
            found = np.eye(shape[0])[found]
        if shape == (1,) and found.shape[1:] == (2,):
            found = found[:, 1:]
        return found.reshape(len(found), *shape)

    def _table(self) -> tuple[Any, Any, Any]:
        if self._data is None:
            raise CapabilityError("training a program without rows", rule="give it a Table")
        return self._data  # type: ignore[no-any-return]

    def _show(self, weights: Weights) -> None:
        """Take canonical weights to predict with."""
        recipe = self._recipe
        held = {n for b in (*recipe.trained, *recipe.fixed) if b is not None for n in b.names}
        self._rest = {name: np.array(v) for name, v in weights.items() if name not in held}
        self._shown = [self._tensor(binding.to_keras(weights)) for binding in recipe.trained]
        self._fixed = [
            self._engine.tensor([0, 0], "int64")
            if binding is None
            else self._tensor(binding.to_keras(weights))
            for binding in recipe.fixed
        ]

    def _present(self) -> list[Any]:
        """Return the weights that predict."""
        if self._shown is None:
            name = "average" if "average" in self._state else "weights"
            self._shown = self._compiled.parted(self._state[name])
        return self._shown

    def _predicting(self) -> list[npt.NDArray[Any]]:
        with self._place():
            return [self._engine.to_numpy(value) for value in self._present()]

    def _flat(self, name: str) -> list[npt.NDArray[Any]]:
        return self._compiled.parted_arrays(self._engine.to_numpy(self._state[name]))

    def _joined(self, weights: Weights) -> Any:
        return self._tensor(self._joined_array(weights))

    def _joined_array(self, weights: Weights) -> npt.NDArray[Any]:
        arrays = [binding.to_keras(weights) for binding in self._recipe.trained]
        return self._compiled.joined_arrays(arrays).astype(self._dtype, copy=False)

    def _seed(self, seed: int) -> None:
        for place, start in zip(self._seeded, layer_seeds(seed, len(self._seeded)), strict=True):
            self._fixed[place] = self._engine.tensor(start, "int64")

    def _named(self, trained: list[npt.NDArray[Any]]) -> Arrays:
        fixed = [self._engine.to_numpy(value) for value in self._fixed]
        places = [*self._recipe.trained, *self._recipe.fixed]
        kept = {name: np.array(value) for name, value in self._rest.items()}
        return kept | _canonical(places, [*trained, *fixed])


_OF_LOSS = ("scale", "good")


def rows_at_once(widest: int) -> int:
    """Return how many rows to predict in one call, so that the memory it takes is bounded."""
    return min(max(FORWARD_VALUES // max(widest, 1), 1), FORWARD_ROWS)


def _canonical(places: Sequence[Binding | None], values: Sequence[npt.NDArray[Any]]) -> Arrays:
    found: Arrays = {}
    for binding, value in zip(places, values, strict=True):
        if binding is not None:
            found |= binding.to_canonical(value)
    return found

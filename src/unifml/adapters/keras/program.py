"""Networks at work: weights as tensors, whole epochs in one compiled call."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.adapters.keras import engine
from unifml.adapters.keras.bindings import Binding, bindings
from unifml.adapters.keras.layers import skeleton
from unifml.adapters.keras.losses import row_losses
from unifml.adapters.keras.rng import layer_seeds
from unifml.core.adapter import Weights
from unifml.core.inputs import by_name, count, is_lengths
from unifml.core.plan import Plan
from unifml.core.signature import ANY
from unifml.core.table import BatchOrder, FloatArray, Table
from unifml.errors import CapabilityError
from unifml.layers import Graph
from unifml.training import Scalars

FORWARD_ROWS = 8192
FORWARD_VALUES = 2**24  # of the largest value inside a network, for the rows predicted at once
KEPT = 64  # compiled networks; the one used longest ago goes first


class Recipe:
    """The compiled functions of a network, and how canonical names map to their arguments.

    Attributes
    ----------
    trained : list of Binding
        What the trained arguments hold.
    fixed : list of (Binding or None)
        What the others hold; None for the state of a seed generator, which is set for each epoch.
    """

    def __init__(self, plan: Plan) -> None:
        self._engine = engine.load()
        graph = plan.graph.body()
        self.model = skeleton(graph, plan.signature.dtype)
        found = {id(binding.variable): binding for binding in bindings(self.model, graph)}
        self.trained = [found[id(v)] for v in self.model.trainable_variables]
        self.fixed = [found.get(id(v)) for v in self.model.non_trainable_variables]
        specs = graph.weight_specs()
        task, settings, output = plan.task, plan.settings, plan.output
        optimizer = settings.optimizer
        classes = task.kind == "classification"
        self.compiled = self._engine.Compiled(
            self.model,
            lambda outputs, y: row_losses(settings.loss, outputs, y, task, output),
            lambda gradient, slots, step: optimizer.update(
                gradient, slots, Scalars(*step), self._engine.sqrt
            ),
            optimizer.slots,
            [specs[binding.names[0]].role == "kernel" for binding in self.trained],
            (task.n_targets,) if task.n_targets > 1 else (),
            "int64" if classes else plan.signature.dtype,
        )
        self.lock = threading.Lock()


def recipe(plan: Plan) -> Recipe:
    """Return the compiled functions for a plan: those of an earlier plan like it, if there was."""
    key = (
        plan.graph.body(),
        plan.signature.dtype,
        plan.task,
        plan.settings.loss,
        plan.settings.optimizer,
        plan.output,
        plan.device,
    )
    with _lock:
        found = _recipes.pop(key, None)
        if found is None:
            with engine.load().place(plan.device):
                found = Recipe(plan)
        _recipes[key] = found
        while len(_recipes) > KEPT:
            _recipes.popitem(last=False)
    return found


_recipes: OrderedDict[Any, Recipe] = OrderedDict()
_lock = threading.RLock()


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
        self._recipe = recipe(plan)
        self._dtype = plan.signature.dtype
        self._step = 0
        self._rest: dict[str, npt.NDArray[Any]] = {}
        self._trained: list[Any] = []
        self._fixed: list[Any] = []
        with self._place():
            self._set(weights)
            self._slots = self._empty_slots()
            self._data = None if data is None else self._rows(data)

    def run_epoch(self, order: BatchOrder, rates: FloatArray, seed: int) -> FloatArray:
        settings, compiled = self._plan.settings, self._recipe.compiled
        series = settings.optimizer.scalars(rates, self._step, settings.weight_decay)
        with self._place():
            with self._recipe.lock:
                epoch = compiled.prepare_epoch(order.steps * settings.epochs)
            self._seed(seed)
            state, losses = epoch(
                (self._trained, self._fixed, self._slots),
                self._table(),
                (self._tensor(order.rows, "int64"), self._tensor(order.edges, "int64")),
                tuple(self._tensor(values) for values in series),
                (self._tensor(settings.l1), self._tensor(settings.l2)),
            )
        self._trained, self._fixed, self._slots = (list(part) for part in state)
        self._step += order.steps
        return self._engine.to_numpy(losses)

    def forward(self, X: Any) -> FloatArray:
        arrays, rows = self._arrays(X), count(X)
        step = rows_at_once(self._plan.graph, arrays)
        with self._place():
            parts = [
                self._engine.to_numpy(
                    self._recipe.compiled.forward(
                        self._trained,
                        self._fixed,
                        self._inputs({n: values[at : at + step] for n, values in arrays.items()}),
                    )
                )
                for at in range(0, max(rows, 1), step)
            ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def loss_and_gradient(self, weights: Weights) -> tuple[float, dict[str, FloatArray]]:
        compiled = self._recipe.compiled
        with self._place():
            with self._recipe.lock:
                compiled.prepare_gradient()
            self._set({**self._rest, **weights})
            loss, gradients = compiled.gradient(self._trained, self._fixed, self._table())
        return float(loss), self._canonical(self._recipe.trained, gradients)

    def fit(self) -> None:
        raise CapabilityError("fitting a network by its own method", rule="it is run by epochs")

    def result(self) -> dict[str, npt.NDArray[Any]]:
        return {name: np.array(value) for name, value in self._rest.items()} | self._named()

    def state(self) -> dict[str, npt.NDArray[Any]]:
        count = self._plan.settings.optimizer.slots
        found = {f"weights/{name}": value for name, value in self.result().items()}
        for i in range(count):
            memory = self._canonical(self._recipe.trained, self._slots[i::count])
            found |= {f"slots/{name}/{i}": value for name, value in memory.items()}
        return {**found, "step": np.array(self._step)}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        count = self._plan.settings.optimizer.slots
        memory = [_under("slots/", state, f"/{i}") for i in range(count)]
        with self._place():
            self._set(_under("weights/", state))
            self._slots = [
                self._tensor(binding.to_keras(part))
                for binding in self._recipe.trained
                for part in memory
            ]
        self._step = int(state["step"])

    def _place(self) -> Any:
        return self._engine.place(self._plan.device)

    def _tensor(self, values: Any, dtype: str | None = None) -> Any:
        return self._engine.tensor(values, dtype or self._dtype)

    def _arrays(self, X: Any) -> dict[str, npt.NDArray[Any]]:
        """Return contiguous arrays by name, in the dtypes of the network."""
        return {
            name: np.ascontiguousarray(values, "int64" if is_lengths(name) else self._dtype)
            for name, values in by_name(X).items()
        }

    def _inputs(self, arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:
        return {name: self._tensor(a, str(a.dtype)) for name, a in arrays.items()}

    def _rows(self, data: Table) -> tuple[Any, Any, Any]:
        weight = np.ones(len(data)) if data.weight is None else data.weight
        y = np.asarray(data.y)
        shape = (len(y), *self._recipe.compiled.y_shape)
        targets = self._tensor(y.reshape(shape), self._recipe.compiled.y_dtype)
        return self._inputs(self._arrays(data.X)), targets, self._tensor(weight)

    def _table(self) -> tuple[Any, Any, Any]:
        if self._data is None:
            raise CapabilityError("training a program without rows", rule="give it a Table")
        return self._data

    def _set(self, weights: Weights) -> None:
        recipe = self._recipe
        held = {n for b in (*recipe.trained, *recipe.fixed) if b is not None for n in b.names}
        self._rest = {name: np.array(v) for name, v in weights.items() if name not in held}
        self._trained = [self._tensor(binding.to_keras(weights)) for binding in recipe.trained]
        self._fixed = [
            self._engine.tensor([0, 0], "int64")
            if binding is None
            else self._tensor(binding.to_keras(weights))
            for binding in recipe.fixed
        ]

    def _empty_slots(self) -> list[Any]:
        count = self._plan.settings.optimizer.slots
        shapes = [spec.shape for spec in self._recipe.compiled.trained for _ in range(count)]
        return [self._tensor(np.zeros(shape)) for shape in shapes]

    def _seed(self, seed: int) -> None:
        places = [place for place, binding in enumerate(self._recipe.fixed) if binding is None]
        for place, start in zip(places, layer_seeds(seed, len(places)), strict=True):
            self._fixed[place] = self._engine.tensor(start, "int64")

    def _named(self) -> dict[str, npt.NDArray[Any]]:
        recipe = self._recipe
        return self._canonical([*recipe.trained, *recipe.fixed], [*self._trained, *self._fixed])

    def _canonical(self, places: Sequence[Binding | None], values: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for binding, value in zip(places, values, strict=True):
            if binding is not None:
                found |= binding.to_canonical(self._engine.to_numpy(value))
        return found


def rows_at_once(graph: Graph, arrays: Mapping[str, npt.NDArray[Any]]) -> int:
    """Return how many rows to predict in one call, so that the memory it takes is bounded."""
    steps = max([arrays[f.name].shape[1] for f in graph.feeds if f.ragged], default=1)
    shapes = [*(feed.shape for feed in graph.feeds), *(node.shape for node in graph.nodes)]
    widest = max(math.prod(steps if side == ANY else side for side in shape) for shape in shapes)
    return min(max(FORWARD_VALUES // max(widest, 1), 1), FORWARD_ROWS)


def _under(
    prefix: str, state: Mapping[str, npt.NDArray[Any]], suffix: str = ""
) -> dict[str, npt.NDArray[Any]]:
    """Return the part of a state whose names begin and end so, without that."""
    return {
        name.removeprefix(prefix).removesuffix(suffix): value
        for name, value in state.items()
        if name.startswith(prefix) and name.endswith(suffix)
    }

"""Networks at work: weights as tensors, whole epochs in one compiled call."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.adapters.keras import engine
from unifml.adapters.keras.layers import build
from unifml.adapters.keras.losses import row_losses
from unifml.adapters.keras.rng import layer_seeds
from unifml.adapters.keras.weights import variables
from unifml.core.adapter import Weights
from unifml.core.plan import Plan
from unifml.core.table import BatchOrder, FloatArray, Table
from unifml.errors import CapabilityError
from unifml.training import Scalars

FORWARD_ROWS = 8192
KEPT = 64  # compiled networks; the one used longest ago goes first


class Recipe:
    """The compiled functions of a network, and how canonical names map to their arguments."""

    def __init__(self, plan: Plan) -> None:
        assert plan.network is not None
        self._engine = engine.load()
        network, sig = plan.network, plan.signature
        self.model = build(network, sig.input_shape, None, sig.dtype, "skeleton", body_only=True)
        names = {id(v): name for name, v in variables(self.model, network).items()}
        specs = network.weight_specs(sig.input_shape)
        self.trained = [names[id(v)] for v in self.model.trainable_variables]
        # A seed generator's state has no canonical name: it is set for each epoch.
        self.fixed = [names.get(id(v)) for v in self.model.non_trainable_variables]
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
            [specs[name].role == "kernel" for name in self.trained],
            (task.n_targets,) if task.n_targets > 1 else (),
            "int64" if classes else sig.dtype,
        )
        self.lock = threading.Lock()


def recipe(plan: Plan) -> Recipe:
    """Return the compiled functions for a plan: those of an earlier plan like it, if there was."""
    assert plan.network is not None
    key = (
        tuple(plan.network.body()),
        plan.signature.input_shape,
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
                compiled.prepare_epoch()
            self._seed(seed)
            state, losses = compiled.epoch(
                (self._trained, self._fixed, self._slots),
                self._table(),
                (self._tensor(order.rows, "int64"), self._tensor(order.edges, "int64")),
                tuple(self._tensor(values) for values in series),
                (self._tensor(settings.l1), self._tensor(settings.l2)),
            )
        self._trained, self._fixed, self._slots = (list(part) for part in state)
        self._step += order.steps
        return self._engine.to_numpy(losses)  # type: ignore[no-any-return]

    def forward(self, X: Any) -> FloatArray:
        rows = np.ascontiguousarray(X, dtype=self._dtype)
        with self._place():
            parts = [
                self._engine.to_numpy(
                    self._recipe.compiled.forward(
                        self._trained, self._fixed, self._tensor(rows[at : at + FORWARD_ROWS])
                    )
                )
                for at in range(0, max(len(rows), 1), FORWARD_ROWS)
            ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def loss_and_gradient(self, weights: Weights) -> tuple[float, dict[str, FloatArray]]:
        compiled = self._recipe.compiled
        with self._place():
            with self._recipe.lock:
                compiled.prepare_gradient()
            self._set({**self._rest, **weights})
            loss, gradients = compiled.gradient(self._trained, self._fixed, self._table())
        names = self._recipe.trained
        found = {n: self._engine.to_numpy(g) for n, g in zip(names, gradients, strict=True)}
        return float(loss), found

    def fit(self) -> None:
        raise CapabilityError("fitting a network by its own method", rule="it is run by epochs")

    def result(self) -> dict[str, npt.NDArray[Any]]:
        return {name: np.array(value) for name, value in self._rest.items()} | self._named()

    def state(self) -> dict[str, npt.NDArray[Any]]:
        count = self._plan.settings.optimizer.slots
        owners = [f"{name}/{i}" for name in self._recipe.trained for i in range(count)]
        slots = zip(owners, self._slots, strict=True)
        return {
            **{f"weights/{name}": value for name, value in self.result().items()},
            **{f"slots/{owner}": self._engine.to_numpy(value) for owner, value in slots},
            "step": np.array(self._step),
        }

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        count = self._plan.settings.optimizer.slots
        prefix = "weights/"
        with self._place():
            self._set({n.removeprefix(prefix): v for n, v in state.items() if n.startswith(prefix)})
            self._slots = [
                self._tensor(state[f"slots/{name}/{i}"])
                for name in self._recipe.trained
                for i in range(count)
            ]
        self._step = int(state["step"])

    def _place(self) -> Any:
        return self._engine.place(self._plan.device)

    def _tensor(self, values: Any, dtype: str | None = None) -> Any:
        return self._engine.tensor(values, dtype or self._dtype)

    def _rows(self, data: Table) -> tuple[Any, Any, Any]:
        weight = np.ones(len(data)) if data.weight is None else data.weight
        y = np.asarray(data.y)
        shape = (len(y), *self._recipe.compiled.y_shape)
        y_dtype = self._recipe.compiled.y_dtype
        return self._tensor(data.X), self._tensor(y.reshape(shape), y_dtype), self._tensor(weight)

    def _table(self) -> tuple[Any, Any, Any]:
        if self._data is None:
            raise CapabilityError("training a program without rows", rule="give it a Table")
        return self._data

    def _set(self, weights: Weights) -> None:
        recipe = self._recipe
        held = {*recipe.trained, *recipe.fixed}
        self._rest = {name: np.array(v) for name, v in weights.items() if name not in held}
        self._trained = [self._tensor(weights[name]) for name in recipe.trained]
        self._fixed = [
            self._engine.tensor([0, 0], "int64") if name is None else self._tensor(weights[name])
            for name in recipe.fixed
        ]

    def _empty_slots(self) -> list[Any]:
        count = self._plan.settings.optimizer.slots
        shapes = [spec.shape for spec in self._recipe.compiled.trained for _ in range(count)]
        return [self._tensor(np.zeros(shape)) for shape in shapes]

    def _seed(self, seed: int) -> None:
        places = [place for place, name in enumerate(self._recipe.fixed) if name is None]
        for place, start in zip(places, layer_seeds(seed, len(places)), strict=True):
            self._fixed[place] = self._engine.tensor(start, "int64")

    def _named(self) -> dict[str, npt.NDArray[Any]]:
        names = [*self._recipe.trained, *self._recipe.fixed]
        values = zip(names, [*self._trained, *self._fixed], strict=True)
        return {name: self._engine.to_numpy(value) for name, value in values if name is not None}

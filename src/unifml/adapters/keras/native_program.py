"""Keras models of the user at work: their own variables, an epoch in one compiled call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from unifml.adapters.keras import engine
from unifml.adapters.keras.checks import check_native
from unifml.adapters.keras.losses import compiled_loss, is_keras_loss
from unifml.adapters.keras.native_loss import columns, native_loss, native_targets
from unifml.adapters.keras.natives import input_dtype
from unifml.adapters.keras.optimizers import (
    check_agreement,
    copied_optimizer,
    keras_optimizer,
    users_optimizer,
)
from unifml.adapters.keras.rng import layer_seeds, seeded
from unifml.adapters.keras.weights import native_variables, read_native, write_native
from unifml.core.adapter import Weights
from unifml.core.inputs import by_name, count
from unifml.core.plan import Plan
from unifml.core.table import BatchOrder, FloatArray, Table
from unifml.errors import CapabilityError
from unifml.training import Scalars, Settings

FORWARD_ROWS = 8192


class NativeProgram:
    """A Keras model of the user at work on one set of rows.

    Optimizer and loss are those that it was compiled with, where it was; its regularisation is
    part of the objective. Variables of two dimensions and more are its kernels: penalties of
    `Training` act on them. A ``train_step`` of its own is called for each batch.

    Parameters
    ----------
    model : keras.Model
        It is changed.
    plan : Plan
        What is being done.
    data : Table or None
        The rows to learn from.
    """

    def __init__(self, model: Any, plan: Plan, data: Table | None) -> None:
        self._model, self._plan, self._engine = model, plan, engine.load()
        self._dtype = plan.signature.dtype
        self._step = 0
        self._stepper: Any = None  # a program that only predicts has none
        self._call = self._engine.forward(model, self._dtype)
        self._drawn = 0
        if data is None:
            return
        check_native(plan)
        with self._place(), seeded(plan.seeds.integer("native"), fresh=False):
            width = columns(self._call(self._inputs(data.X, slice(1)))).shape[1]
            self._width = width
            self._stepper = _stepper(model, plan)
            self._loss = native_loss(model, plan, width)
            self._data = self._rows(data, width)
            if self._stepper.own_step:
                model._symbolic_build(
                    data_batch=keras.tree.map_structure(lambda part: part[:1], self._data)
                )
            variables = [*model.variables, *self._stepper.variables, *model.metrics_variables]
            eager = bool(model.run_eagerly)
            self._walk = self._engine.walk(self._one_batch, variables, eager=eager)

    def take(self, data: Table) -> None:
        with self._place():
            self._data = self._rows(data, self._width)

    def row_losses(self, outputs: FloatArray, y: Any) -> FloatArray:
        targets = native_targets(self._model, self._plan, y, self._width)
        with self._place():
            place = self._engine.tensor
            losses = self._loss(place(targets), place(outputs, self._dtype))
            return np.asarray(self._engine.to_numpy(losses), dtype=np.float64)

    def run_epoch(self, order: BatchOrder, rates: FloatArray, seed: int | None) -> FloatArray:
        dtype, place = self._plan.signature.dtype, self._engine.tensor
        # What draws from global generators goes on with another seed.
        self._drawn = self._drawn + 1 if seed is None else seed
        with self._place(), seeded(self._drawn, fresh=False):
            if seed is not None:
                self._seed(seed)
            series = self._stepper.series(rates, self._step)
            losses = self._walk(
                self._data,
                (place(order.rows, "int64"), place(order.edges, "int64")),
                tuple(place(values, dtype) for values in series),
            )
            self._model._clear_losses()  # the compiled function left its own tensors there
        self._step += order.steps
        return np.asarray(self._engine.to_numpy(losses), dtype=np.float64)

    def forward(self, X: Any) -> FloatArray:
        with self._place():
            parts = [
                self._engine.to_numpy(
                    columns(self._call(self._inputs(X, slice(at, at + FORWARD_ROWS))))
                )
                for at in range(0, max(count(X), 1), FORWARD_ROWS)
            ]
        return np.concatenate(parts)

    def loss_and_gradient(self, weights: Weights) -> tuple[float, dict[str, FloatArray]]:
        raise CapabilityError("an exact solution of a Keras model", fix="train it by epochs")

    def fit(self) -> None:
        raise CapabilityError("a Keras model's own fit", fix="train it by epochs")

    def result(self) -> Any:
        return self._model

    def state(self) -> dict[str, npt.NDArray[Any]]:
        slots = self._stepper.variables if self._stepper else []
        return {
            **{f"weights/{name}": value for name, value in read_native(self._model).items()},
            **{f"slots/{i}": np.array(v.numpy()) for i, v in enumerate(slots)},
            "step": np.array(self._step),
        }

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        prefix = "weights/"
        weights = {n.removeprefix(prefix): v for n, v in state.items() if n.startswith(prefix)}
        with self._place():
            write_native(self._model, weights)
            for i, variable in enumerate(self._stepper.variables if self._stepper else []):
                variable.assign(state[f"slots/{i}"])
        self._step = int(state["step"])

    def _place(self) -> Any:
        return self._engine.place(self._plan.device, self._plan.signature.dtype)

    def _inputs(self, X: Any, rows: slice = slice(None)) -> Any:
        """Return rows as the model takes them: a tensor, or tensors by name."""

        def made(name: str, values: Any) -> Any:
            dtype = input_dtype(self._model, self._dtype, name)
            return self._engine.tensor(np.asarray(values)[rows], dtype)

        tensors = {name: made(name, values) for name, values in by_name(X).items()}
        return tensors if isinstance(X, Mapping) else tensors["X"]

    def _rows(self, data: Table, width: int) -> tuple[Any, ...]:
        y = native_targets(self._model, self._plan, data.y, width)
        rows = (self._inputs(data.X), self._engine.tensor(y))
        if data.weight is None and self._stepper.own_step:
            return rows  # a train_step of the user sees weights only where there are some
        weight = np.ones(len(y)) if data.weight is None else data.weight
        return (*rows, self._engine.tensor(weight, self._plan.signature.dtype))

    def _one_batch(self, batch: tuple[Any, ...], step: Any) -> Any:
        if self._stepper.own_step:
            return self._stepper.own_step(batch, step)
        X, y, weight = batch
        return self._stepper.descend(lambda: self._objective(X, y, weight), step)

    def _objective(self, X: Any, y: Any, weight: Any) -> tuple[Any, Any]:
        """Return the loss to report, and what is added to it for the step."""
        outputs = self._model(X, training=True)
        losses = ops.cast(self._loss(y, outputs), weight.dtype)
        if len(losses.shape) != 1:
            raise CapabilityError(
                f"the loss {self._model.loss!r}",
                found="it returns one number for the batch",
                rule="a loss returns one number for each row, so that rows can have weights",
            )
        loss = ops.sum(losses * weight) / ops.sum(weight)
        added = [ops.cast(value, loss.dtype) for value in self._model.losses]
        return loss, sum([*added, *self._penalties(loss.dtype)], ops.zeros((), loss.dtype))

    def _penalties(self, dtype: Any) -> list[Any]:
        l1, l2 = self._plan.settings.l1, self._plan.settings.l2
        kernels = [ops.cast(v.value, dtype) for v in _kernels(self._model)] if l1 or l2 else []
        return [l2 / 2 * ops.sum(w * w) + l1 * ops.sum(ops.abs(w)) for w in kernels]

    def _seed(self, seed: int) -> None:
        found = native_variables(self._model)
        states = [v for name, v in found.items() if "seed_generator_state" in name]
        for variable, start in zip(states, layer_seeds(seed, len(states)), strict=True):
            variable.assign(start)


def _clipped(gradients: list[Any], settings: Settings) -> list[Any]:
    """Return gradients with their entries, then their norm over all, held within bounds."""
    bound = settings.clip_value
    if bound is not None:
        gradients = [None if g is None else ops.clip(g, -bound, bound) for g in gradients]
    if settings.clip_norm is None:
        return gradients
    squares = [ops.sum(ops.square(ops.cast(g, "float32"))) for g in gradients if g is not None]
    norm = ops.sqrt(sum(squares))
    share = settings.clip_norm / ops.maximum(norm, settings.clip_norm)
    return [None if g is None else g * ops.cast(share, g.dtype) for g in gradients]


def _kernels(model: Any) -> list[Any]:
    return [v for v in model.trainable_variables if len(v.shape) > 1]


def _stepper(model: Any, plan: Plan) -> Any:
    if not model.trainable_variables:
        raise CapabilityError(
            f"training the Keras model {model.name!r}",
            found="it has no trainable variables",
            fix="set layer.trainable = True on those to learn",
        )
    if type(model).train_step is not keras.Model.train_step:
        return _OwnStep(model, plan)
    if plan.settings.optimizer.kind == "custom":
        if model.compiled and model.optimizer is not None:
            check_agreement(model.optimizer, plan.settings)
        model.optimizer = users_optimizer(plan.settings)
        return _OwnOptimizer(model, plan)
    if model.compiled and model.optimizer is not None:
        return _OwnOptimizer(model, plan)
    return _Ours(model, plan)


class _Ours:
    """Steps by unifml's rule, for a model that brings no optimizer."""

    own_step: Any = None

    def __init__(self, model: Any, plan: Plan) -> None:
        self._engine, self._settings = engine.load(), plan.settings
        self._trained = list(model.trainable_variables)
        self._kernels = {id(v) for v in _kernels(model)}
        slots = range(self._settings.optimizer.slots)
        self._slots = [[_zeros_like(v) for _ in slots] for v in self._trained]

    @property
    def variables(self) -> list[Any]:
        return [slot for slots in self._slots for slot in slots]

    def series(self, rates: FloatArray, first_step: int) -> tuple[FloatArray, ...]:
        decay = self._settings.weight_decay
        return tuple(self._settings.optimizer.scalars(rates, first_step, decay))

    def descend(self, objective: Any, step: Any) -> Any:
        loss, gradients = self._engine.gradients(objective, self._trained)
        gradients = _clipped(gradients, self._settings)
        for variable, slots, gradient in zip(self._trained, self._slots, gradients, strict=True):
            if gradient is not None:
                self._move(variable, slots, gradient, step)
        return loss

    def _move(self, variable: Any, slots: list[Any], gradient: Any, step: Any) -> None:
        scalars = Scalars(*(ops.cast(value, variable.dtype) for value in step))
        memory = tuple(ops.convert_to_tensor(slot) for slot in slots)
        delta, memory = self._settings.optimizer.update(gradient, memory, scalars, ops)
        decay = scalars.decay if id(variable) in self._kernels else 1.0
        variable.assign(variable.value * decay - delta)
        for slot, value in zip(slots, memory, strict=True):
            slot.assign(value)


def _zeros_like(variable: Any) -> Any:
    return keras.Variable("zeros", variable.shape, variable.dtype, trainable=False)


class _OwnOptimizer:
    """Steps by the optimizer that the model was compiled with."""

    own_step: Any = None

    def __init__(self, model: Any, plan: Plan) -> None:
        self._engine, self._settings = engine.load(), plan.settings
        if plan.settings.optimizer.kind != "custom":
            check_agreement(model.optimizer, plan.settings)
        self._sets_rate = "learning_rate" in plan.settings.explicit
        if self._sets_rate or "schedule" in plan.settings.explicit:
            self._sets_rate = self._free_rate(model, plan)
        self._optimizer = model.optimizer
        self._trained = list(model.trainable_variables)
        if not self._optimizer.built:
            self._optimizer.build(self._trained)

    @property
    def variables(self) -> list[Any]:
        return list(self._optimizer.variables)

    def series(self, rates: FloatArray, first_step: int) -> tuple[FloatArray, ...]:
        return (np.asarray(rates) * self._factor,) if self._sets_rate else (np.asarray(rates),)

    def descend(self, objective: Any, step: Any) -> Any:
        if self._sets_rate:
            self._optimizer.learning_rate.assign(ops.cast(step[0], "float32"))
        loss, gradients = self._engine.gradients(
            objective, self._trained, self._optimizer.scale_loss
        )
        self._optimizer.apply(_clipped(gradients, self._settings), self._trained)
        return loss

    def _free_rate(self, model: Any, plan: Plan) -> bool:
        """Make the rate settable; a schedule of `Training` alone scales the optimizer's own."""
        own = model.optimizer.get_config()["learning_rate"]
        rate, explicit = plan.settings.learning_rate, "learning_rate" in plan.settings.explicit
        self._factor = 1.0 if explicit else _number(own) / rate
        if not isinstance(own, float | int):
            model.optimizer = copied_optimizer(model.optimizer, rate)
        return True


def _number(rate: Any) -> float:
    if isinstance(rate, float | int):
        return float(rate)
    raise CapabilityError(
        "Training(schedule=...) with a compiled Keras model",
        found="its optimizer has a schedule of its own",
        fix="leave one of them out",
    )


class _OwnStep(_OwnOptimizer):
    """Calls the model's own ``train_step`` for each batch."""

    def __init__(self, model: Any, plan: Plan) -> None:
        if not model.compiled:
            if not is_keras_loss(plan.settings.loss, plan.task):
                raise CapabilityError(
                    f"loss={plan.settings.loss!r} for a Keras model with its own train_step",
                    rule="Keras has no such loss to compile the model with",
                    fix="compile the model with a loss, or let train_step compute it",
                )
            model.compile(
                optimizer=keras_optimizer(plan.settings),
                loss=compiled_loss(
                    plan.settings.loss,
                    plan.task,
                    plan.signature.dtype,
                    from_logits=plan.output == "logits",
                ),
            )
        asked = [n for n in ("l1", "l2", "clip_norm", "clip_value") if getattr(plan.settings, n)]
        if asked:
            raise CapabilityError(
                f"{' and '.join(asked)} for a Keras model with its own train_step",
                rule="its train_step computes its whole objective",
            )
        self._model = model
        if model.optimizer is not None:
            super().__init__(model, plan)
        else:
            self._sets_rate, self._optimizer = False, None

    @property
    def variables(self) -> list[Any]:
        return list(self._optimizer.variables) if self._optimizer is not None else []

    def own_step(self, batch: tuple[Any, ...], step: Any) -> Any:
        """Call ``train_step`` and return the loss of this batch."""
        if self._sets_rate:
            self._optimizer.learning_rate.assign(ops.cast(step[0], "float32"))
        for metric in self._model.metrics:
            metric.reset_state()
        logs = self._engine.train_step(self._model, batch)
        found = [v for name, v in logs.items() if name == "loss"] or [
            value for name, value in logs.items() if "loss" in name
        ]
        if not found:
            raise CapabilityError(
                "train_step of a Keras model",
                found=f"it returned {', '.join(logs) or 'nothing'}",
                rule='it returns {"loss": ...}',
            )
        return sum(ops.mean(value) for value in found)

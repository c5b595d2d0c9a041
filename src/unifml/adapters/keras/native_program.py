"""Keras models of the user at work: their own variables, an epoch in one compiled call."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from unifml.adapters.keras import engine
from unifml.adapters.keras.checks import check_native, check_training
from unifml.adapters.keras.native_gradients import Averages, Gathered, bounded
from unifml.adapters.keras.native_loss import columns, native_loss, native_targets
from unifml.adapters.keras.native_steps import kernels, native_steps
from unifml.adapters.keras.natives import build, input_dtype
from unifml.adapters.keras.rng import Stream, layer_seeds, seeded
from unifml.adapters.keras.weights import native_variables, read_native, write_native
from unifml.core.adapter import Weights
from unifml.core.inputs import by_name, count
from unifml.core.plan import Plan
from unifml.core.table import BatchOrder, FloatArray, Table
from unifml.errors import CapabilityError

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
        self._gathered: Gathered | None = None
        self._averages: Averages | None = None
        self._call = self._engine.forward(model, self._dtype)
        if data is not None:
            check_training(plan, self._engine)
            check_native(plan)
            with self._place(), seeded(plan.seeds.integer("native"), fresh=False):
                self._begin(data)

    def _begin(self, data: Table) -> None:
        model, plan = self._model, self._plan
        self._width = columns(self._call(self._inputs(data.X, slice(1)))).shape[1]
        self._stream = Stream()
        self._stepper = native_steps(model, plan)
        self._loss = native_loss(model, plan, self._width)
        self._data = self._rows(data)
        if self._stepper.own_step:
            first = keras.tree.map_structure(lambda part: part[:1], self._data)
            model._symbolic_build(data_batch=first)
        settings, trained = plan.settings, model.trainable_variables
        gathers = settings.accumulate > 1
        self._gathered = Gathered(trained, self._dtype) if gathers else None
        self._averages = Averages(trained) if settings.ema is not None else None
        parts = [part for part in (self._stepper, self._gathered, self._averages) if part]
        kept = [variable for part in parts for variable in part.variables]
        layers = model._flatten_layers(include_self=False)
        steps = -(-len(data) // settings.batch_size) * settings.epochs
        pays = self._engine.jit_pays(layers, steps)
        self._walk = self._engine.walk(
            self._one_batch,
            [*model.variables, *model.metrics_variables, *kept],
            finish=self._finish if gathers else None,
            layers=layers,
            eager=bool(model.run_eagerly),
            jit=pays if settings.compile == "auto" else bool(settings.compile),
        )

    def take(self, data: Table) -> None:
        with self._place():
            self._data = self._rows(data)

    def run_epoch(self, order: BatchOrder, rates: FloatArray, seed: int | None) -> FloatArray:
        series = self._stepper.series(rates, self._step)
        keeps = self._plan.settings.ema_keeps(self._step, len(rates))
        place = self._place(training=True)
        memory = engine.memory_for(order.largest, training=True)
        with place, memory, self._stream.running(seed):
            if seed is not None:
                self._seed(seed)
            numbers = self._engine.tensor(np.stack([*series, keeps]), self._dtype)
            losses = self._walk(self._data, order, numbers)
            self._model._clear_losses()  # the compiled function left its own tensors there
        self._step += order.updates
        return np.asarray(self._engine.to_numpy(losses), dtype=np.float64)

    def row_losses(self, outputs: FloatArray, y: Any) -> FloatArray:
        with self._place():
            dtype = self._dtype
            y = self._engine.tensor(native_targets(self._model, self._plan, y, outputs.shape[1]))
            loss = native_loss(self._model, self._plan, outputs.shape[1])
            return self._engine.to_numpy(loss(y, self._engine.tensor(outputs, dtype)))

    def forward(self, X: Any) -> FloatArray:
        call = self._call if self._averages is None else self._averaged_call
        if self._averages is not None:
            self._show_averages()
        rows = count(X)
        with self._place(), engine.memory_for(min(rows, FORWARD_ROWS), training=False):
            parts = [
                self._engine.to_numpy(columns(call(self._inputs(X, slice(at, at + FORWARD_ROWS)))))
                for at in range(0, max(rows, 1), FORWARD_ROWS)
            ]
        return np.concatenate(parts)

    def loss_and_gradient(self, weights: Weights) -> tuple[float, dict[str, FloatArray]]:
        raise CapabilityError("an exact solution of a Keras model", fix="train it by epochs")

    def fit(self) -> None:
        raise CapabilityError("a Keras model's own fit", fix="train it by epochs")

    def result(self) -> Any:
        if self._averages is None:
            return self._model
        self._show_averages()
        return self._twin

    def state(self) -> dict[str, npt.NDArray[Any]]:
        slots = self._stepper.variables if self._stepper else []
        found = {f"weights/{name}": value for name, value in read_native(self._model).items()}
        found |= {f"slots/{i}": self._engine.to_numpy(v.value) for i, v in enumerate(slots)}
        if self._averages is not None:
            averages = enumerate(self._averages.variables)
            found |= {f"average/{i}": self._engine.to_numpy(v.value) for i, v in averages}
        return {**found, "step": np.array(self._step)}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        prefix = "weights/"
        weights = {n.removeprefix(prefix): v for n, v in state.items() if n.startswith(prefix)}
        with self._place():
            write_native(self._model, weights)
            for i, variable in enumerate(self._stepper.variables if self._stepper else []):
                variable.assign(state[f"slots/{i}"])
            if self._averages is not None:
                for i, average in enumerate(self._averages.variables):
                    present = self._averages.trained[i].value
                    average.assign(state.get(f"average/{i}", present))
        if self._stepper:
            self._stepper.resumed()
        self._step = int(state["step"])

    def _place(self, *, training: bool = False) -> Any:
        settings = self._plan.settings
        return self._engine.place(
            self._plan.device,
            self._dtype,
            tf32=training and settings.precision == "tf32",
            deterministic=training and settings.deterministic,
        )

    def _inputs(self, X: Any, rows: slice = slice(None)) -> Any:
        """Return rows as the model takes them: a tensor, or tensors by name."""

        def made(name: str, values: Any) -> Any:
            dtype = input_dtype(self._model, self._dtype, name)
            return self._engine.tensor(np.asarray(values)[rows], dtype)

        tensors = {name: made(name, values) for name, values in by_name(X).items()}
        return tensors if isinstance(X, Mapping) else tensors["X"]

    def _rows(self, data: Table) -> tuple[Any, ...]:
        y = native_targets(self._model, self._plan, data.y, self._width)
        rows = (self._inputs(data.X), self._engine.tensor(y))
        if data.weight is None and self._stepper.own_step:
            return rows  # a train_step of the user sees weights only where there are some
        weight = np.ones(len(y)) if data.weight is None else data.weight
        return (*rows, self._engine.tensor(weight, self._dtype))

    def _one_batch(self, batch: tuple[Any, ...], step: Any) -> Any:
        """Take a batch, and a step unless batches are gathered; return the loss."""
        if self._stepper.own_step:
            loss = self._stepper.own_step(batch, step)
            self._average(step)
            return loss
        X, y, weight = batch
        trained, scaled = self._model.trainable_variables, self._stepper.scaled
        found = self._engine.gradients(lambda: self._objective(X, y, weight), trained, scaled)
        loss, gradients = found
        if self._gathered is None:
            self._descend(gradients, step)
        else:
            self._gathered.add(gradients, ops.sum(weight))
        return loss

    def _finish(self, step: Any) -> None:
        """Take the step that the gathered gradients make."""
        assert self._gathered is not None
        self._descend(self._gathered.take(), step)

    def _descend(self, gradients: Any, step: Any) -> None:
        scale = self._stepper.scaled(ops.ones((), "float32"))
        self._stepper.apply(bounded(gradients, self._plan.settings, scale), step)
        self._average(step)

    def _average(self, step: Any) -> None:
        if self._averages is not None:
            self._averages.update(step[-1])

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
        held = [ops.cast(v.value, dtype) for v in kernels(self._model)] if l1 or l2 else []
        return [l2 / 2 * ops.sum(w * w) + l1 * ops.sum(ops.abs(w)) for w in held]

    def _seed(self, seed: int) -> None:
        found = native_variables(self._model)
        states = [v for name, v in found.items() if "seed_generator_state" in name]
        for variable, start in zip(states, layer_seeds(seed, len(states)), strict=True):
            variable.assign(start)

    @cached_property
    def _twin(self) -> Any:
        """A model beside the one that is trained, for the averages of its weights."""
        return build(self._plan)

    @cached_property
    def _averaged_call(self) -> Any:
        return self._engine.forward(self._twin, self._dtype)

    def _show_averages(self) -> None:
        """Write the averages, and what else the model is made of, into the twin."""
        assert self._averages is not None
        with self._place():
            weights = read_native(self._model)
            pairs = zip(self._averages.trained, self._averages.variables, strict=True)
            averages = {id(variable): average for variable, average in pairs}
            for name, variable in native_variables(self._model).items():
                if id(variable) in averages:
                    weights[name] = self._engine.to_numpy(averages[id(variable)].value)
            write_native(self._twin, weights)

"""The pure functions of a network on JAX: a run of equal batches is one compiled call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from unifml.adapters.keras.batches import filled, rows_of, runs, up_to

Tensors = list[Any]


class Compiled:
    """The pure functions of one network: built once, shared by every fit of it.

    JAX compiles for shapes, so what varies between fits is kept out of them: the rows of a table
    are filled up to a size that others have too, and those added are never taken.

    Parameters
    ----------
    model : keras.Model
        A skeleton, whose variables give shapes only: its values are never used. Its inputs are a
        dict of tensors by name, its output a tensor or a list: the first is what is learned.
    losses : callable
        ``losses(outputs, y) -> (n,)``.
    update : callable
        ``update(gradient, slots, step scalars) -> (delta, slots)``.
    n_slots : int
        Slots that the optimizer keeps for each weight.
    kernels : sequence of bool
        Which trainable weights are kernels.
    y_shape, y_dtype
        Shape of one row of targets, and their dtype.
    """

    def __init__(
        self,
        model: Any,
        losses: Callable[[Any, Any], Any],
        update: Callable[[Any, Any, Any], tuple[Any, Any]],
        n_slots: int,
        kernels: Sequence[bool],
        y_shape: tuple[int, ...],
        y_dtype: str,
    ) -> None:
        self.model, self.losses, self.update = model, losses, update
        self.n_slots, self.kernels = n_slots, kernels
        self.y_shape, self.y_dtype = y_shape, y_dtype
        self.trained = [_like(v) for v in model.trainable_variables]
        self.fixed = [_like(v) for v in model.non_trainable_variables]
        self._forward = jax.jit(self._run)
        self._steps = jax.jit(self._several, static_argnames="size")
        self._gradient = jax.jit(jax.value_and_grad(self._loss))

    def forward(self, trained: Tensors, fixed: Tensors, X: Any) -> Any:
        """Return outputs in inference mode."""
        rows = rows_of(X)
        return np.asarray(self._forward(trained, fixed, filled(X, up_to(rows))))[:rows]

    def prepare_epoch(self, steps: int) -> Callable[..., Any]:
        """Return ``epoch(state, data, order, scalars, penalties)``.

        It returns the new state and the loss of each batch.
        """
        return self._epoch

    def prepare_gradient(self) -> None:
        """Do nothing: functions are compiled at their first call."""

    def gradient(self, trained: Tensors, fixed: Tensors, data: Any) -> Any:
        """Return mean loss over all rows and its gradient, in inference mode."""
        return self._gradient(trained, fixed, data)

    def _epoch(self, state: Any, data: Any, order: Any, scalars: Any, penalties: Any) -> Any:
        rows, edges = (np.asarray(part) for part in order)
        X, y, w = data
        size, losses = up_to(len(y)), []
        data = filled(X, size), filled(y, size), filled(w, size)
        trained, fixed, slots = state
        # The state of a seed generator comes in as whole numbers of any kind.
        likes = zip(fixed, self.fixed, strict=True)
        state = trained, [v.astype(like.dtype) for v, like in likes], slots
        rows, series = filled(rows, size), [filled(part, size) for part in scalars]
        for run in runs(edges):
            part = (rows, run.start, run.first, run.steps)
            state, found = self._steps(state, data, part, series, penalties, size=run.size)
            losses.append(np.asarray(found)[run.first : run.first + run.steps])
        return state, np.concatenate(losses)

    def _several(
        self, state: Any, data: Any, part: Any, scalars: Any, penalties: Any, size: int
    ) -> Any:
        """Take steps over batches of one size: `count` of them, from a row and a step on."""
        rows, start, first, count = part

        def body(i: Any, carry: Any) -> Any:
            state, losses = carry
            chosen = jax.lax.dynamic_slice(rows, (start + i * size,), (size,))
            batch = jax.tree.map(lambda values: values[chosen], data)
            step = [series[first + i] for series in scalars]
            state, loss = self._step(state, batch, step, penalties)
            return state, losses.at[first + i].set(loss)

        losses = jnp.zeros_like(scalars[0])
        return jax.lax.fori_loop(0, count, body, (state, losses))

    def _step(self, state: Any, batch: Any, step: Any, penalties: Any) -> Any:
        trained, fixed, slots = state
        objective = jax.value_and_grad(partial(self._training_loss, fixed, batch), has_aux=True)
        (loss, fixed), gradients = objective(trained)
        new_trained, new_slots = [], []
        for place, (weight, gradient) in enumerate(zip(trained, gradients, strict=True)):
            memory = tuple(slots[place * self.n_slots : (place + 1) * self.n_slots])
            weight, memory = self._move(weight, gradient, memory, step, penalties, place)
            new_trained.append(weight)
            new_slots.extend(memory)
        return (new_trained, list(fixed), new_slots), loss

    def _move(
        self, weight: Any, gradient: Any, memory: Any, step: Any, penalties: Any, place: int
    ) -> Any:
        if self.kernels[place]:
            l1, l2 = penalties
            gradient = gradient + l2 * weight + l1 * jnp.sign(weight)
            delta, memory = self.update(gradient, memory, step)
            return weight * step[2] - delta, memory
        delta, memory = self.update(gradient, memory, step)
        return weight - delta, memory

    def _training_loss(self, fixed: Tensors, batch: Any, trained: Tensors) -> Any:
        X, y, w = batch
        outputs, fixed = self.model.stateless_call(trained, fixed, X, training=True)
        return _mean(self.losses(_first(outputs), y), w), fixed

    def _loss(self, trained: Tensors, fixed: Tensors, data: Any) -> Any:
        X, y, w = data
        return _mean(self.losses(self._run(trained, fixed, X), y), w)

    def _run(self, trained: Tensors, fixed: Tensors, X: Any) -> Any:
        outputs, _ = self.model.stateless_call(trained, fixed, X, training=False)
        return _first(outputs)


def _like(variable: Any) -> Any:
    return jax.ShapeDtypeStruct(variable.shape, variable.dtype)


def _first(outputs: Any) -> Any:
    return outputs[0] if isinstance(outputs, list | tuple) else outputs


def _mean(losses: Any, weight: Any) -> Any:
    losses = losses.astype(weight.dtype)  # 0 and 1 for classes are float64 where JAX has that
    return jnp.sum(losses * weight) / jnp.sum(weight)

"""The pure functions of a network on JAX: an epoch is one compiled call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from unifml.adapters.keras.batches import filled, rows_of, runs, up_to
from unifml.adapters.keras.compiled import (
    Blueprint,
    CompiledBase,
    State,
    Tensors,
    first,
    weighted_mean,
)


class Compiled(CompiledBase):
    """See `CompiledBase`.

    JAX compiles for shapes, so what varies between fits is kept out of them: the rows of a table
    are filled up to a size that others have too, and those added are never taken; and batches are
    filled up to one size, by rows of weight 0, where these change nothing.
    """

    namespace: ClassVar[Any] = jnp

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__(blueprint)
        self.trained = [_like(v) for v in self.model.trainable_variables]
        self.fixed = [_like(v) for v in self.model.non_trainable_variables]
        self._forward = jax.jit(self._run)
        self._steps = jax.jit(self._several, static_argnames="size")
        self._single = jax.jit(self._take, static_argnames="size")
        self._gradient = jax.jit(jax.value_and_grad(self._loss))

    def forward(self, trained: Tensors, fixed: Tensors, X: Any) -> Any:
        rows = rows_of(X)
        return np.asarray(self._forward(trained, fixed, filled(X, up_to(rows))))[:rows]

    def prepare_epoch(self, steps: int) -> Callable[..., tuple[State, Any]]:
        return self._epoch

    def gradient(self, trained: Tensors, fixed: Tensors, data: Any) -> Any:
        return self._gradient(trained, fixed, data)

    def held(self, arrays: Any) -> Any:
        X, y, w = arrays
        size = up_to(len(w)) if self.blueprint.fills else len(w)
        return filled(X, size), filled(y, size), filled(w, size)

    def joined(self, values: Sequence[Any]) -> Any:
        none = [jnp.zeros(0, self.dtype)]  # where nothing is trained
        return jnp.concatenate([values[place].reshape(-1) for place in self.places] or none)

    def parted(self, flat: Any) -> Tensors:
        parts = jnp.split(flat, np.cumsum(self.sizes)[:-1]) if self.places else []
        return self.ordered([p.reshape(s) for p, s in zip(parts, self._shapes, strict=True)])

    def descend(self, weights: Any, fixed: Tensors, batch: Any, scale: Any) -> Any:
        def loss_of(trained: Tensors) -> Any:
            X, y, w = batch
            outputs, after = self.trainer.stateless_call(trained, fixed, X, training=True)
            loss = weighted_mean(self.losses(first(outputs), y), w)
            return (loss if scale is None else loss * scale), (loss, list(after))

        gradients, (loss, after) = jax.grad(loss_of, has_aux=True)(self.parted(weights))
        return loss, after, self.joined(gradients)

    def _epoch(self, state: State, data: Any, order: Any, series: Any, limits: Any) -> Any:
        rows, edges, accumulate, size = (np.asarray(part) for part in order)
        # The state of a seed generator comes in as whole numbers of any kind.
        likes = zip(state["fixed"], self.fixed, strict=True)
        carried = {**state, "fixed": [v.astype(like.dtype) for v, like in likes]}
        carried, steps = self.gathering(carried), len(edges) - 1
        data = shuffled(data, filled(rows, up_to(len(rows)) + int(size)))
        room = up_to(steps)
        walk = (filled(edges, room + 1), accumulate, np.int64(steps))
        series, limits = widened(series, room).astype(self.dtype), np.asarray(limits, self.dtype)
        given = (data, walk, series, limits)
        walks = self._one_by_one if slow_in_loops(self.model.layers) else self._at_once
        losses: list[Any] = []
        for first_batch, count, largest in self._stretches(edges, int(size)):
            carried, found = walks(carried, first_batch, count, given, largest)
            losses.append(found)
        return {name: carried[name] for name in state}, np.concatenate(losses)

    def _stretches(self, edges: Any, size: int) -> list[tuple[int, int, int]]:
        """Return the first batch, the number of batches and the rows of each that go in one."""
        if self.blueprint.fills:
            return [(0, len(edges) - 1, size)]
        return [(run.first, run.steps, run.size) for run in runs(edges)]

    def _at_once(self, state: State, start: int, count: int, given: Any, size: int) -> Any:
        state, losses = self._steps(state, start, count, given, size=size)
        return state, np.asarray(losses)[start : start + count]

    def _one_by_one(self, state: State, start: int, count: int, given: Any, size: int) -> Any:
        losses = []
        for i in range(start, start + count):
            state, loss = self._single(i, state, given, size=size)
            losses.append(loss)
        return state, np.asarray(losses)

    def _several(self, state: State, start: Any, count: Any, given: Any, size: int) -> Any:
        def take(i: Any, state: State) -> Any:
            return self._take(i, state, given, size)

        return looped(take, state, jnp.zeros_like(given[2][0]), start, count)

    def _take(self, i: Any, state: State, given: Any, size: int) -> Any:
        """Take a batch, and a step with it or after some; return the state and the loss."""
        data, (edges, accumulate, steps), series, limits = given
        X, y, w = jax.tree.map(lambda values: cut(values, edges[i], size), data)
        batch = X, y, w * (edges[i] + jnp.arange(size) < edges[i + 1])
        if not self.techniques.accumulates:
            return self.one_step(state, batch, tuple(series[:, i]), tuple(limits))
        state, loss = self.gathered(state, batch)
        ends = ((i + 1) % accumulate == 0) | (i + 1 == steps)
        finish = partial(
            self.finished, step=tuple(series[:, i // accumulate]), limits=tuple(limits)
        )
        return jax.lax.cond(ends, finish, lambda state: state, state), loss

    def _loss(self, trained: Tensors, fixed: Tensors, data: Any) -> Any:
        X, y, w = data
        return weighted_mean(self.losses(self._run(trained, fixed, X), y), w)

    def _run(self, trained: Tensors, fixed: Tensors, X: Any) -> Any:
        outputs, _ = self.model.stateless_call(trained, fixed, X, training=False)
        return first(outputs)


def _like(variable: Any) -> Any:
    return jax.ShapeDtypeStruct(variable.shape, variable.dtype)


@jax.jit
def shuffled(data: Any, rows: Any) -> Any:
    """Return the rows of an epoch in its order.

    That is done once: XLA takes rows by their numbers with all its threads, however few they are.
    """
    return jax.tree.map(lambda values: values[rows], data)


def cut(values: Any, start: Any, size: int) -> Any:
    """Return so many rows from one on."""
    return jax.lax.dynamic_slice_in_dim(values, start, size)


def widened(series: Any, room: int) -> Any:
    """Return series of numbers with zeros behind them."""
    return np.pad(np.asarray(series), ((0, 0), (0, room - series.shape[1])))


def looped(take: Any, state: Any, losses: Any, start: Any, count: Any) -> Any:
    """Return the state and the losses after ``state, loss = take(i, state)`` for some places i.

    A loss is written down one round later: XLA would compute it anew for each entry of `losses`.
    """

    def put(losses: Any, i: Any, loss: Any) -> Any:
        return jax.lax.dynamic_update_slice(losses, loss[None], (i,))

    def body(i: Any, carry: Any) -> Any:
        state, losses, last = carry
        state, loss = take(i, state)
        return state, put(losses, i - 1, last), loss.astype(losses.dtype)

    end = start + count
    carry = (state, losses, jnp.zeros((), losses.dtype))
    state, losses, last = jax.lax.fori_loop(start, end, body, carry)
    return state, put(losses, end - 1, last)


def slow_in_loops(layers: Any) -> bool:
    """Say whether a step had better not be inside a compiled loop: on CPUs, convolutions."""
    place = jax.config.jax_default_device or jax.devices()[0]
    here = getattr(place, "platform", place)
    return here == "cpu" and any("Conv" in type(layer).__name__ for layer in layers)

"""The pure functions of a network on TensorFlow: an epoch is one call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from unifml.adapters.keras.compiled import (
    LIMITS,
    SERIES,
    Blueprint,
    CompiledBase,
    State,
    Tensors,
    first,
    weighted_mean,
)

MANY_STEPS = 600  # XLA saves 3 to 20 ms a step of a recurrent network, and compiles for 2 to 5 s
ROUND = 16  # rows of a batch are filled up to a multiple: XLA compiles for each number of them


class Compiled(CompiledBase):
    """See `CompiledBase`. Functions are traced when they are first needed, and then kept."""

    namespace: ClassVar[Any] = tf

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__(blueprint)
        model = self.model
        self.trained = [_like(v) for v in model.trainable_variables]
        self.fixed = [_like(v) for v in model.non_trainable_variables]
        rows = {x.name: tf.TensorSpec(x.shape, x.dtype) for x in model.inputs}
        y = tf.TensorSpec((None, *self.y_shape), self.y_dtype)
        self._data = rows, y, tf.TensorSpec((None,), self.dtype)
        run = tf.function(self._run, autograph=False)
        self._forward = run.get_concrete_function(self.trained, self.fixed, rows)
        self._jit_pays = blueprint.fills and loops_pay(model.layers)
        self._epochs: dict[bool, Any] = {}
        self._gradient: Any = None
        self._variables_in_use = threading.Lock()  # see `stateless_apply`

    def forward(self, trained: Tensors, fixed: Tensors, X: Any) -> Any:
        return self._forward(trained, fixed, X)

    def prepare_epoch(self, steps: int) -> Callable[..., tuple[State, Any]]:
        # A program that only predicts never needs it.
        wish = self.blueprint.compile
        jit = self._jit_pays and steps >= MANY_STEPS if wish == "auto" else bool(wish)
        if jit not in self._epochs:
            number, places = tf.TensorSpec((), tf.int64), tf.TensorSpec((None,), tf.int64)
            walk = self._walk_filled if jit and self.blueprint.fills else self._walk
            given = (
                self._state(),
                self._data,
                (places, places, number, number),
                tf.TensorSpec((len(SERIES), None), self.dtype),
                tf.TensorSpec((len(LIMITS),), self.dtype),
            )

            def epoch(*args: Any) -> Any:
                return walk(_compiled if jit else _as_it_is, *args)

            self._epochs[jit] = tf.function(epoch, autograph=False).get_concrete_function(*given)
        return partial(self._epoch, self._epochs[jit])

    def stateless_apply(
        self, optimizer: Any, kept: Tensors, gradients: Tensors, weights: Tensors
    ) -> tuple[Tensors, Tensors]:
        """Step by way of variables, which Keras needs here: those of the skeleton."""
        trained = self.model.trainable_variables
        pairs = zip([*optimizer.variables, *trained], [*kept, *weights], strict=True)
        for variable, value in pairs:
            variable.assign(value)
        optimizer.apply(gradients, trained)
        found = [tf.identity(v.value) for v in (*trained, *optimizer.variables)]
        return found[: len(trained)], found[len(trained) :]

    def _epoch(
        self, function: Any, state: State, data: Any, order: Any, series: Any, limits: Any
    ) -> Any:
        numbers = [tf.constant(part, tf.int64) for part in order]
        series, limits = (tf.constant(part, self.dtype) for part in (series, limits))
        with nullcontext() if self.stepper.by_weight else self._variables_in_use:
            return function(state, data, tuple(numbers), series, limits)

    def prepare_gradient(self) -> None:
        if self._gradient is None:
            function = tf.function(self._loss_and_gradient, autograph=False)
            self._gradient = function.get_concrete_function(self.trained, self.fixed, self._data)

    def gradient(self, trained: Tensors, fixed: Tensors, data: Any) -> Any:
        return self._gradient(trained, fixed, data)

    def joined(self, values: Sequence[Any]) -> Any:
        if not self.places:
            return tf.zeros((0,), self.dtype)
        return tf.concat([tf.reshape(values[place], (-1,)) for place in self.places], 0)

    def parted(self, flat: Any) -> Tensors:
        parts = tf.split(flat, np.asarray(self.sizes, np.int64)) if self.sizes else []
        return self.ordered([tf.reshape(p, s) for p, s in zip(parts, self._shapes, strict=True)])

    def descend(self, weights: Any, fixed: Tensors, batch: Any, scale: Any) -> Any:
        X, y, w = batch
        trained = self.parted(weights)
        with tf.GradientTape() as tape:
            tape.watch(trained)
            outputs, fixed = self.trainer.stateless_call(trained, fixed, X, training=True)
            loss = weighted_mean(self.losses(first(outputs), y), w)
            target = loss if scale is None else loss * scale
        return loss, list(fixed), self.joined(_gradients(tape, target, trained))

    def _state(self) -> State:
        flat, number = tf.TensorSpec((self.size,), self.dtype), tf.TensorSpec((), self.dtype)
        slots = [tf.TensorSpec(s.shape, s.dtype) for s in self.stepper.start()]
        state: State = {"weights": flat, "fixed": self.fixed, "slots": slots}
        if self.techniques.averages:
            state["average"] = flat
        if self.techniques.scales:
            state |= {"scale": number, "good": tf.TensorSpec((), tf.int64)}
        return state

    def _run(self, trained: Tensors, fixed: Tensors, X: Any) -> Any:
        outputs, _ = self.model.stateless_call(trained, fixed, X, training=False)
        return first(outputs)

    def _loss_and_gradient(self, trained: Tensors, fixed: Tensors, data: Any) -> Any:
        X, y, w = data
        with tf.GradientTape() as tape:
            tape.watch(trained)
            loss = weighted_mean(self.losses(self._run(trained, fixed, X), y), w)
        return loss, _gradients(tape, loss, trained)

    def _walk(self, wrap: Any, state: Any, data: Any, order: Any, series: Any, limits: Any) -> Any:
        rows, edges, _, _ = order
        data = _each(lambda part: tf.gather(part, rows), data)

        def batch(i: Any) -> Any:
            return _each(lambda part: part[edges[i] : edges[i + 1]], data)

        return self._loop(wrap, batch, state, order, series, limits)

    def _walk_filled(
        self, wrap: Any, state: Any, data: Any, order: Any, series: Any, limits: Any
    ) -> Any:
        """Walk with batches of one size: rows of weight 0 fill them up, and change nothing."""
        rows, edges, _, size = order
        places = tf.range(-(-size // ROUND) * ROUND)

        def batch(i: Any) -> Any:
            chosen = tf.gather(rows, tf.minimum(edges[i] + places, edges[i + 1] - 1))
            X, y, w = _each(lambda part: tf.gather(part, chosen), data)
            return X, y, w * tf.cast(edges[i] + places < edges[i + 1], w.dtype)

        return self._loop(wrap, batch, state, order, series, limits)

    def _loop(self, wrap: Any, batch: Any, state: Any, order: Any, series: Any, limits: Any) -> Any:
        """Take each batch, and a step with each or after some; return the state and the losses."""
        _, edges, accumulate, _ = order
        steps, limits = tf.size(edges, tf.int64) - 1, tf.unstack(limits)
        one_step, gathered = wrap(self.one_step), wrap(self.gathered)
        losses = tf.TensorArray(self.dtype, size=tf.cast(steps, tf.int32), element_shape=())

        def plain(i: Any, state: Any) -> Any:
            return one_step(state, batch(i), tf.unstack(series[:, i], len(SERIES)), limits)

        def gathering(i: Any, state: Any) -> Any:
            state, loss = gathered(state, batch(i))
            step = tf.unstack(series[:, i // accumulate], len(SERIES))
            ends = ((i + 1) % accumulate == 0) | (i + 1 == steps)
            return tf.cond(
                ends, lambda: self.finished(state, step, limits), lambda: _each(tf.identity, state)
            ), loss

        take = gathering if self.techniques.accumulates else plain

        def body(i: Any, state: Any, losses: Any) -> Any:
            state, loss = take(i, state)
            return i + 1, state, losses.write(tf.cast(i, tf.int32), loss)

        begin = (tf.zeros((), tf.int64), self.gathering(state), losses)
        _, after, losses = tf.while_loop(
            lambda i, *_: i < steps, body, begin, parallel_iterations=1
        )
        return {name: after[name] for name in state}, losses.stack()


def _compiled(function: Any) -> Any:
    return tf.function(function, jit_compile=True, autograph=False)


def _as_it_is(function: Any) -> Any:
    return function


def _like(variable: Any) -> Any:
    return tf.TensorSpec(variable.shape, variable.dtype)


def _gradients(tape: Any, loss: Any, trained: Tensors) -> Tensors:
    """Return dense gradients; zeros for what the loss does not depend on."""
    found = tape.gradient(loss, trained, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    # A gradient may have forgotten a side, which no loop would carry.
    pairs = zip(found, trained, strict=True)
    return [tf.ensure_shape(tf.convert_to_tensor(grad), weight.shape) for grad, weight in pairs]


def loops_pay(layers: Sequence[Any]) -> bool:
    """Say whether XLA makes training faster: with loops over steps, without convolutions."""
    kinds = [type(layer).__name__ for layer in layers]
    hindered = any(kind.startswith(_HINDERED) for kind in kinds)
    return any(kind in _RECURRENT for kind in kinds) and not hindered


_HINDERED = ("Conv2D", "Conv3D")
_RECURRENT = ("LSTM", "GRU", "SimpleRNN", "Bidirectional")
_each = tf.nest.map_structure

"""The pure functions of a network on TensorFlow: an epoch is one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

Tensors = list[Any]
MANY_STEPS = 600  # XLA saves 3 to 20 ms a step of a recurrent network, and compiles for 2 to 5 s
ROUND = 16  # rows of a batch are filled up to a multiple: XLA compiles for each number of them


class Compiled:
    """The pure functions of one network: built once, shared by every fit of it.

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
        self.dtype = next(x.dtype for x in model.inputs if "float" in x.dtype)
        self.trained = [_like(v) for v in model.trainable_variables]
        self.fixed = [_like(v) for v in model.non_trainable_variables]
        rows = {x.name: tf.TensorSpec(x.shape, x.dtype) for x in model.inputs}
        self._rows, self._y = rows, tf.TensorSpec((None, *y_shape), y_dtype)
        self._w = tf.TensorSpec((None,), self.dtype)
        self._forward = tf.function(self._run).get_concrete_function(self.trained, self.fixed, rows)
        self._jit_pays = _jit_pays(model)
        self._epochs: dict[bool, Any] = {}
        self._gradient: Any = None

    def forward(self, trained: Tensors, fixed: Tensors, X: Any) -> Any:
        """Return outputs in inference mode."""
        return self._forward(trained, fixed, X)

    def prepare_epoch(self, steps: int) -> Callable[..., Any]:
        """Return the training function; a program that only predicts never needs it.

        ``epoch(state, data, order, scalars, penalties)`` returns the new state and the loss of each
        batch. It is traced once.

        Parameters
        ----------
        steps : int
            How many steps the fit will take: compiling them by XLA pays for many only.
        """
        jit = self._jit_pays and steps >= MANY_STEPS
        if jit not in self._epochs:
            number = tf.TensorSpec((), self.dtype)
            series, places = tf.TensorSpec((None,), self.dtype), tf.TensorSpec((None,), tf.int64)
            slots = [s for s in self.trained for _ in range(self.n_slots)]
            walk = self._walk_filled if jit else self._walk
            self._epochs[jit] = tf.function(walk).get_concrete_function(
                (self.trained, self.fixed, slots), (self._rows, self._y, self._w),
                (places, places), (series,) * 3, (number, number),
            )  # fmt: skip
        return self._epochs[jit]  # type: ignore[no-any-return]

    def prepare_gradient(self) -> None:
        """Trace the function of loss and gradient."""
        if self._gradient is None:
            self._gradient = tf.function(self._loss_and_gradient).get_concrete_function(
                self.trained, self.fixed, (self._rows, self._y, self._w)
            )

    def gradient(self, trained: Tensors, fixed: Tensors, data: Any) -> Any:
        """Return mean loss over all rows and its gradient, in inference mode."""
        return self._gradient(trained, fixed, data)

    def _run(self, trained: Tensors, fixed: Tensors, X: Any) -> Any:
        outputs, _ = self.model.stateless_call(trained, fixed, X, training=False)
        return _first(outputs)

    def _loss_and_gradient(self, trained: Tensors, fixed: Tensors, data: Any) -> Any:
        X, y, w = data
        with tf.GradientTape() as tape:
            tape.watch(trained)
            loss = _mean(self.losses(self._run(trained, fixed, X), y), w)
        return loss, _gradients(tape, loss, trained)

    def _walk(self, state: Any, data: Any, order: Any, scalars: Any, penalties: Any) -> Any:
        rows, edges = order
        data = _each(lambda part: tf.gather(part, rows), data)

        def batch(i: Any) -> Any:
            return _each(lambda part: part[edges[i] : edges[i + 1]], data)

        return self._loop(self._step, batch, edges, (state, scalars, penalties))

    def _walk_filled(self, state: Any, data: Any, order: Any, scalars: Any, penalties: Any) -> Any:
        """Walk with batches of one size: rows of weight 0 fill them up, and change nothing."""
        rows, edges = order
        largest = tf.reduce_max(edges[1:] - edges[:-1])
        places = tf.range(-(-largest // ROUND) * ROUND)

        def batch(i: Any) -> Any:
            chosen = tf.gather(rows, tf.minimum(edges[i] + places, edges[i + 1] - 1))
            X, y, w = _each(lambda part: tf.gather(part, chosen), data)
            return X, y, w * tf.cast(edges[i] + places < edges[i + 1], w.dtype)

        step = tf.function(self._step, jit_compile=True)
        return self._loop(step, batch, edges, (state, scalars, penalties))

    def _loop(self, one_step: Any, batch: Any, edges: Any, given: Any) -> Any:
        """Take a step for each batch; return the state after them, and their losses."""
        state, scalars, penalties = given
        steps = tf.size(edges) - 1
        losses = tf.TensorArray(self.dtype, size=steps, element_shape=())

        def body(i: Any, state: Any, losses: Any) -> Any:
            step = [series[i] for series in scalars]
            state, loss = one_step(state, batch(i), step, penalties)
            return i + 1, state, losses.write(i, loss)

        _, state, losses = tf.while_loop(
            lambda i, *_: i < steps, body, (0, state, losses), parallel_iterations=1
        )
        return state, losses.stack()

    def _step(self, state: Any, batch: Any, step: Any, penalties: Any) -> Any:
        trained, fixed, slots = state
        X, y, w = batch
        with tf.GradientTape() as tape:
            tape.watch(trained)
            outputs, fixed = self.model.stateless_call(trained, fixed, X, training=True)
            loss = _mean(self.losses(_first(outputs), y), w)
        gradients = _gradients(tape, loss, trained)
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
            gradient = gradient + l2 * weight + l1 * tf.sign(weight)
            delta, memory = self.update(gradient, memory, step)
            return weight * step[2] - delta, memory
        delta, memory = self.update(gradient, memory, step)
        return weight - delta, memory


def _like(variable: Any) -> Any:
    return tf.TensorSpec(variable.shape, variable.dtype)


def _gradients(tape: Any, loss: Any, trained: Tensors) -> Tensors:
    """Return dense gradients; zeros for what the loss does not depend on."""
    found = tape.gradient(loss, trained, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    # A gradient may have forgotten a side, which no loop would carry.
    pairs = zip(found, trained, strict=True)
    return [tf.ensure_shape(tf.convert_to_tensor(grad), weight.shape) for grad, weight in pairs]


def _jit_pays(model: Any) -> bool:
    """Say whether XLA makes training faster: loops over steps do, convolutions do not.

    Batches are filled up for it, which the statistics of a batch would notice.
    """
    kinds = [type(layer).__name__ for layer in model.layers]
    hindered = any(kind.startswith(_HINDERED) for kind in kinds)
    return any(kind in _RECURRENT for kind in kinds) and not hindered


_HINDERED = ("Conv2D", "Conv3D", "BatchNormalization")
_RECURRENT = ("LSTM", "GRU", "SimpleRNN", "Bidirectional")
_each = tf.nest.map_structure


def _first(outputs: Any) -> Any:
    return outputs[0] if isinstance(outputs, list | tuple) else outputs


def _mean(losses: Any, weight: Any) -> Any:
    return tf.reduce_sum(losses * weight) / tf.reduce_sum(weight)

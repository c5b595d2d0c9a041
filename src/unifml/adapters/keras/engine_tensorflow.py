"""The TensorFlow engine: whole epochs as one compiled call, devices, global random state."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import context

from unifml.core.table import FloatArray
from unifml.errors import DeviceError

sqrt = tf.sqrt
Tensors = list[Any]


def devices() -> tuple[str, ...]:
    """Return the devices on this machine, best first."""
    gpus = tf.config.list_physical_devices("GPU")
    return (*(f"cuda:{index}" for index in range(len(gpus))), "cpu")


def place(device: str) -> Any:
    """Return a context in which tensors are made and computed on `device`."""
    found = devices()
    if device not in (*found, "cuda"):
        raise DeviceError(
            f"device={device!r}", found=f"devices here: {', '.join(found)}", fix="use device='auto'"
        )
    kind, _, index = device.partition(":")
    return tf.device(f"/{'CPU' if kind == 'cpu' else 'GPU'}:{index or 0}")


def tensor(values: Any, dtype: str | None = None) -> Any:
    """Return a copy of an array as a tensor on the present device."""
    return tf.constant(values, dtype=dtype)


def set_seed(seed: int) -> None:
    """Seed TensorFlow's global generator."""
    tf.random.set_seed(seed)


def get_random_state() -> Any:
    """Return what TensorFlow's global generator will draw from."""
    here = context.context()
    generator = getattr(here, "_rng", None)
    return here._seed, None if generator is None else generator.getstate()


def set_random_state(state: Any) -> None:
    """Restore what `get_random_state` returned."""
    here = context.context()
    seed, draws = state
    tf.random.set_seed(seed)
    if draws is not None:
        here._rng = random.Random()
        here._rng.setstate(draws)


class Compiled:
    """The pure functions of one network: built once, shared by every fit of it.

    Parameters
    ----------
    model : keras.Model
        A skeleton, whose variables give shapes only: its values are never used.
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
        self.dtype = model.inputs[0].dtype
        self.trained = [_like(v) for v in model.trainable_variables]
        self.fixed = [_like(v) for v in model.non_trainable_variables]
        rows = tf.TensorSpec(model.inputs[0].shape, self.dtype)
        self._rows, self._y = rows, tf.TensorSpec((None, *y_shape), y_dtype)
        self._w = tf.TensorSpec((None,), self.dtype)
        self._forward = tf.function(self._run).get_concrete_function(
            self.trained, self.fixed, rows
        )
        self._epoch: Any = None
        self._gradient: Any = None

    def forward(self, trained: Tensors, fixed: Tensors, X: Any) -> Any:
        """Return outputs in inference mode."""
        return self._forward(trained, fixed, X)

    def prepare_epoch(self) -> None:
        """Trace the training function; a program that only predicts never needs it."""
        if self._epoch is None:
            number = tf.TensorSpec((), self.dtype)
            series, places = tf.TensorSpec((None,), self.dtype), tf.TensorSpec((None,), tf.int64)
            slots = [s for s in self.trained for _ in range(self.n_slots)]
            state = (self.trained, self.fixed, slots)
            self._epoch = tf.function(self._walk).get_concrete_function(
                state, (self._rows, self._y, self._w), (places, places), (series,) * 3,
                (number, number),
            )  # fmt: skip

    def prepare_gradient(self) -> None:
        """Trace the function of loss and gradient."""
        if self._gradient is None:
            self._gradient = tf.function(self._loss_and_gradient).get_concrete_function(
                self.trained, self.fixed, (self._rows, self._y, self._w)
            )

    def epoch(self, state: Any, data: Any, order: Any, scalars: Any, penalties: Any) -> Any:
        """Train for an epoch; return the new state and the loss of each batch."""
        return self._epoch(state, data, order, scalars, penalties)

    def gradient(self, trained: Tensors, fixed: Tensors, data: Any) -> Any:
        """Return mean loss over all rows and its gradient, in inference mode."""
        return self._gradient(trained, fixed, data)

    def _run(self, trained: Tensors, fixed: Tensors, X: Any) -> Any:
        outputs, _ = self.model.stateless_call(trained, fixed, X, training=False)
        return outputs

    def _loss_and_gradient(self, trained: Tensors, fixed: Tensors, data: Any) -> Any:
        X, y, w = data
        with tf.GradientTape() as tape:
            tape.watch(trained)
            loss = _mean(self.losses(self._run(trained, fixed, X), y), w)
        return loss, tape.gradient(loss, trained)

    def _walk(self, state: Any, data: Any, order: Any, scalars: Any, penalties: Any) -> Any:
        rows, edges = order
        X, y, w = (tf.gather(part, rows) for part in data)
        steps = tf.size(edges) - 1
        losses = tf.TensorArray(self.dtype, size=steps, element_shape=())

        def body(i: Any, state: Any, losses: Any) -> Any:
            part = slice(edges[i], edges[i + 1])
            step = [series[i] for series in scalars]
            state, loss = self._step(state, (X[part], y[part], w[part]), step, penalties)
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
            loss = _mean(self.losses(outputs, y), w)
        gradients = tape.gradient(loss, trained)
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


def _mean(losses: Any, weight: Any) -> Any:
    return tf.reduce_sum(losses * weight) / tf.reduce_sum(weight)


def to_numpy(value: Any) -> FloatArray:
    """Return a copy of a tensor."""
    return value.numpy()  # type: ignore[no-any-return]

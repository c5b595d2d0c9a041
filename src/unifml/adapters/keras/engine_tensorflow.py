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


def set_seed(seed: int, *, fresh: bool) -> None:
    """Seed TensorFlow's global generator.

    With `fresh` kernels are forgotten too: those of ``tf.random`` called eagerly keep a state of
    their own. It costs every compiled function its preparation, so epochs do without.
    """
    if fresh:
        tf.random.set_seed(seed)
    here = context.context()
    here._seed, here._rng = seed, random.Random(seed)


def get_random_state() -> Any:
    """Return what TensorFlow's global generator will draw from."""
    here = context.context()
    return here._seed, getattr(here, "_rng", None)


def set_random_state(state: Any) -> None:
    """Restore what `get_random_state` returned."""
    here = context.context()
    here._seed, here._rng = state


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
        self._forward = tf.function(self._run).get_concrete_function(self.trained, self.fixed, rows)
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


def variable(like: Any) -> Any:
    """Return a variable of zeros in the shape and dtype of another."""
    return tf.Variable(tf.zeros(like.shape, like.dtype), trainable=False)


def forward(model: Any, dtype: str) -> Callable[[Any], Any]:
    """Return a model's inference as a compiled function of one tensor of any number of rows."""

    def call(X: Any) -> Any:
        return model(X, training=False)

    if model.compiled and model.run_eagerly:
        return call
    traced: dict[Any, Any] = {}

    def compiled(X: Any) -> Any:
        shape = tuple(X.shape[1:])
        if shape not in traced:
            rows = tf.TensorSpec((None, *shape), X.dtype)
            traced[shape] = tf.function(call).get_concrete_function(rows)
        return traced[shape](X)

    return compiled


def gradients(
    objective: Callable[[], tuple[Any, Any]],
    trained: Sequence[Any],
    scale: Callable[[Any], Any] = lambda loss: loss,
) -> tuple[Any, list[Any]]:
    """Return the loss to report, and the gradients of it and what is added, scaled."""
    with tf.GradientTape() as tape:
        loss, added = objective()
        total = scale(loss + added)
    found = tape.gradient(total, trained)
    return loss, [None if g is None else tf.convert_to_tensor(g) for g in found]


def walk(one_batch: Callable[[Any, Any], Any], *, eager: bool) -> Callable[..., Any]:
    """Return a function that calls `one_batch` for each batch and returns the losses."""

    def epoch(data: Any, order: Any, series: Any) -> Any:
        rows, edges = order
        shuffled = [tf.gather(part, rows) for part in data]
        steps = tf.size(edges) - 1
        losses = tf.TensorArray(series[0].dtype, size=steps, element_shape=())

        def body(i: Any, losses: Any) -> Any:
            batch = tuple(part[edges[i] : edges[i + 1]] for part in shuffled)
            loss = one_batch(batch, [values[i] for values in series])
            return i + 1, losses.write(i, tf.cast(loss, losses.dtype))

        _, losses = tf.while_loop(lambda i, _: i < steps, body, (0, losses), parallel_iterations=1)
        return losses.stack()

    return epoch if eager else tf.function(epoch, reduce_retracing=True)


def to_onnx(model: Any, input_shape: tuple[int, ...], dtype: str, opset: int) -> Any:
    """Convert a model's inference by tf2onnx: ``X`` to ``outputs``."""
    import tf2onnx
    from keras.src.export.tf2onnx_lib import patch_tf2onnx

    patch_tf2onnx()  # Keras's own mend of tf2onnx for NumPy 2
    rows = (tf.TensorSpec((None, *input_shape), dtype, name="X"),)

    def outputs(X: Any) -> Any:
        return tf.identity(_one_column(model(X, training=False)), name="outputs")

    function = tf.function(outputs, input_signature=rows)
    proto, _ = tf2onnx.convert.from_function(
        function, rows, opset=opset, custom_op_handlers={"Erfc": (_erfc, [])}
    )
    return _renamed(proto)


def _one_column(outputs: Any) -> Any:
    return tf.reshape(outputs, (-1, 1)) if outputs.shape.rank == 1 else outputs


def _erfc(context: Any, node: Any, name: str, args: Any) -> None:
    """Write Erfc, which ONNX has not, as 1 - Erf."""
    import numpy as np

    dtype = context.get_dtype(node.output[0])
    one = context.make_const(f"{name}_one", np.array(1, dtype=np.float32))
    erf = context.make_node("Erf", node.input, name=f"{name}_erf")
    cast = context.make_node("Cast", one.output, attr={"to": dtype}, name=f"{name}_cast")
    inputs, outputs = [cast.output[0], erf.output[0]], node.output
    context.remove_node(node.name)
    context.make_node("Sub", inputs, outputs=outputs, name=name)


def _renamed(proto: Any) -> Any:
    names = {proto.graph.input[0].name: "X", proto.graph.output[0].name: "outputs"}
    for value in (*proto.graph.input, *proto.graph.output):
        value.name = names[value.name]
    for node in proto.graph.node:
        for side in (node.input, node.output):
            renamed = [names.get(name, name) for name in side]
            del side[:]
            side.extend(renamed)
    return proto

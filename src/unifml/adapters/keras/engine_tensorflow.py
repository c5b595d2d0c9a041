"""The TensorFlow engine: whole epochs as one compiled call, devices, global random state."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import context
from tensorflow.python.framework import config

from unifml.adapters.keras.compiled_tensorflow import MANY_STEPS, loops_pay
from unifml.adapters.keras.compiled_tensorflow import Compiled as Compiled
from unifml.adapters.keras.engine import check_device
from unifml.adapters.keras.switches import Switch
from unifml.core.exported import Port, first_right
from unifml.core.plan import Plan
from unifml.core.table import BatchOrder, FloatArray

sqrt, sign = tf.sqrt, tf.sign


COMPILE = ("auto", True, False)
OUT_OF_MEMORY: tuple[type[BaseException], ...] = (MemoryError, tf.errors.ResourceExhaustedError)
OUT_OF_MEMORY_WORDS: tuple[str, ...] = ()
_tf32 = Switch(
    tf.config.experimental.tensor_float_32_execution_enabled,
    tf.config.experimental.enable_tensor_float_32_execution,
)
# The public way only switches it on.
_deterministic = Switch(
    config.is_op_determinism_enabled,
    lambda on: config.enable_op_determinism() if on else config.disable_op_determinism(),
)


def _grow_memory() -> None:
    """Let TensorFlow take memory of cards as it needs it, instead of all of it."""
    for card in tf.config.list_physical_devices("GPU"):
        try:
            tf.config.experimental.set_memory_growth(card, True)
        except RuntimeError:  # somebody computed on it before: it is as they set it
            return


_grow_memory()


def dense(plan: Plan) -> None:
    """Return nothing: compiled functions are the fastest here."""
    return


def stack(weights: Any, plans: Any, tables: Any) -> None:
    """Return nothing: compiled functions train one network after the other."""
    return


def release() -> None:
    """Free nothing: TensorFlow gives memory back to itself only."""


def one_thread(fresh: bool) -> AbstractContextManager[None]:
    """Give a fresh process one thread for good; those of one at work cannot be changed."""
    if fresh:
        try:
            tf.config.threading.set_intra_op_parallelism_threads(1)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        except RuntimeError:  # it has computed before: it has the threads that it has
            return nullcontext()
    return nullcontext()


@cache
def devices() -> tuple[str, ...]:
    """Return the devices on this machine, best first."""
    gpus = tf.config.list_physical_devices("GPU")
    return (*(f"cuda:{index}" for index in range(len(gpus))), "cpu")


def place(
    device: str, dtype: str = "float64", *, tf32: bool = False, deterministic: bool = False
) -> Any:
    """Return a context in which tensors are made and computed on `device`."""
    kind, index = check_device(device, devices())
    if kind == "cpu":
        return tf.device("/CPU:0")
    return _on_card(index, tf32, deterministic)


@contextmanager
def _on_card(index: int, tf32: bool, deterministic: bool) -> Iterator[None]:
    exact = _deterministic.at(True) if deterministic else nullcontext()
    with tf.device(f"/GPU:{index}"), _tf32.at(tf32), exact:
        yield


def precise(dtype: str) -> AbstractContextManager[None]:
    """Return a context in which variables of this dtype can be made and written: any."""
    return nullcontext()


def tensor(values: Any, dtype: str | None = None) -> Any:
    """Return a copy of an array as a tensor on the present device."""
    return tf.constant(values, dtype=dtype)


@contextmanager
def seeded(seed: int, *, fresh: bool) -> Iterator[None]:
    """Seed TensorFlow's global generator inside a block.

    With `fresh` kernels are forgotten too: those of ``tf.random`` called eagerly keep a state of
    their own. It costs every compiled function its preparation, so epochs do without.
    """
    here = context.context()
    before = here._seed, getattr(here, "_rng", None)
    try:
        if fresh:
            tf.random.set_seed(seed)
        here._seed, here._rng = seed, random.Random(seed)
        yield
    finally:
        here._seed, here._rng = before


def random_state() -> Any:
    """Return the state of TensorFlow's global generator."""
    here = context.context()
    return here._seed, getattr(here, "_rng", None)


def set_random_state(state: Any) -> None:
    """Go back to a `random_state`."""
    here = context.context()
    here._seed, here._rng = state


def to_numpy(value: Any) -> FloatArray:
    """Return a copy of a tensor."""
    return value.numpy()  # type: ignore[no-any-return]


def forward(model: Any, dtype: str) -> Callable[[Any], Any]:
    """Return a model's inference as a compiled function of rows: a tensor, or some by name."""

    def call(X: Any) -> Any:
        return model(X, training=False)

    if model.compiled and model.run_eagerly:
        return call
    traced: dict[Any, Any] = {}

    def compiled(X: Any) -> Any:
        parts = tf.nest.flatten(X)
        shapes = tuple(tuple(part.shape[1:]) for part in parts)
        if shapes not in traced:
            rows = tf.nest.map_structure(lambda p: tf.TensorSpec((None, *p.shape[1:]), p.dtype), X)
            traced[shapes] = tf.function(call).get_concrete_function(rows)
        return traced[shapes](X)

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


def train_step(model: Any, batch: tuple[Any, ...]) -> Any:
    """Call a model's own ``train_step`` and return what it logs."""
    return model.train_step(batch)


def jit_pays(layers: Sequence[Any], steps: int) -> bool:
    """Say whether steps of such a model are faster by XLA."""
    return steps >= MANY_STEPS and loops_pay(layers)


def walk(
    one_batch: Callable[[Any, Any], Any],
    variables: Sequence[Any],
    *,
    finish: Callable[[Any], None] | None = None,
    layers: Sequence[Any] = (),
    eager: bool = False,
    jit: bool = False,
) -> Callable[..., Any]:
    """Return a function that calls `one_batch` for each batch and returns the losses."""
    take = tf.function(one_batch, jit_compile=True, autograph=False) if jit else one_batch

    def walked(data: Any, rows: Any, edges: Any, series: Any, every: Any) -> Any:
        shuffled = tf.nest.map_structure(lambda part: tf.gather(part, rows), data)
        steps = tf.size(edges) - 1
        losses = tf.TensorArray(series.dtype, size=steps, element_shape=())

        def body(i: Any, losses: Any) -> Any:
            batch = tf.nest.map_structure(lambda part: part[edges[i] : edges[i + 1]], shuffled)
            step = tf.unstack(series[:, i // every])
            loss = take(batch, step)
            if finish is not None:
                ends = ((i + 1) % every == 0) | (i + 1 == steps)
                tf.cond(ends, lambda: _done(finish(step)), lambda: tf.constant(0))
            return i + 1, losses.write(i, tf.cast(loss, losses.dtype))

        _, losses = tf.while_loop(lambda i, _: i < steps, body, (0, losses), parallel_iterations=1)
        return losses.stack()

    call = walked if eager else tf.function(walked, reduce_retracing=True, autograph=False)

    def epoch(data: Any, order: BatchOrder, series: Any) -> Any:
        places = tf.constant(order.rows, tf.int64), tf.constant(order.edges, tf.int64)
        return call(data, *places, series, tf.constant(order.accumulate))

    return epoch


def _done(_: None) -> Any:
    return tf.constant(0)


def to_onnx(model: Any, ports: Sequence[Port], named: bool, opset: int) -> Any:
    """Convert a model's inference by tf2onnx."""
    from unifml.adapters.keras.onnx_float32 import both, runs
    from unifml.adapters.keras.onnx_tensorflow import ROAD, convert

    roads = both(ROAD, lambda: convert(model, ports, named, opset), ports)
    return first_right(
        roads, runs(ports), asked=f"exporting the Keras model {model.name!r} to ONNX"
    )

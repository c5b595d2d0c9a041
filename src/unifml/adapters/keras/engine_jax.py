"""The JAX engine: compiled functions of all that may change, float64 only where it is asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from keras.src.backend.common.stateless_scope import get_stateless_scope

from unifml.adapters.keras.batches import filled, runs, up_to
from unifml.adapters.keras.compiled_jax import Compiled as Compiled
from unifml.adapters.keras.compiled_jax import cut, looped, shuffled, slow_in_loops, widened
from unifml.adapters.keras.engine import check_device, whole_doubles
from unifml.core.exported import Port, first_right
from unifml.core.plan import Plan
from unifml.core.table import BatchOrder, FloatArray
from unifml.errors import CapabilityError

sqrt, sign = jnp.sqrt, jnp.sign


COMPILE = ("auto", True)
OUT_OF_MEMORY: tuple[type[BaseException], ...] = (MemoryError,)
OUT_OF_MEMORY_WORDS = ("RESOURCE_EXHAUSTED",)  # all of XLA's errors are of one type


def dense(plan: Plan) -> None:
    """Return nothing: compiled functions are the fastest here."""
    return


def stack(weights: Any, plans: Any, tables: Any) -> None:
    """Return nothing: compiled functions train one network after the other."""
    return


def release() -> None:
    """Forget what was compiled."""
    jax.clear_caches()


def one_thread(fresh: bool) -> AbstractContextManager[None]:
    """Change nothing: XLA's threads begin with it, and do not change what it computes."""
    return nullcontext()


@cache
def devices() -> tuple[str, ...]:
    """Return the devices on this machine, best first."""
    return (*(f"cuda:{index}" for index in range(len(_cards()))), "cpu")


def _cards() -> list[Any]:
    return [device for device in jax.devices() if device.platform == "gpu"]


@contextmanager
def place(
    device: str, dtype: str = "float64", *, tf32: bool = False, deterministic: bool = False
) -> Iterator[None]:
    """Make tensors and compute on `device` in this block, in float64 if that is `dtype`."""
    kind, index = check_device(device, devices())
    found = jax.devices("cpu") if kind == "cpu" else _cards()
    bits: Any = nullcontext()
    if kind != "cpu":
        bits = jax.default_matmul_precision("tensorfloat32" if tf32 else "float32")
        _check_deterministic(deterministic)
    with jax.default_device(found[index]), precise(dtype), bits:
        yield


def _check_deterministic(wanted: bool) -> None:
    """Raise where it is wanted and XLA was not started for it: it reads its flags once."""
    if wanted and "xla_gpu_deterministic_ops=true" not in os.environ.get("XLA_FLAGS", ""):
        raise CapabilityError(
            "Training(deterministic=True) for Keras on JAX, on a GPU",
            rule="XLA decides that when it starts",
            fix="start Python with XLA_FLAGS=--xla_gpu_deterministic_ops=true",
        )


@contextmanager
def precise(dtype: str) -> Iterator[None]:
    """Let float64 be float64 in this block, if that is `dtype`; JAX and Keras round it else."""
    if dtype != "float64":
        yield
        return
    with _enable_x64(True), whole_doubles():
        yield


def _enable_x64(new: bool) -> Any:
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(new)
    from jax.experimental import enable_x64  # of older JAX

    return enable_x64(new)


def seeded(seed: int, *, fresh: bool) -> AbstractContextManager[None]:
    """Do nothing: JAX has no global generator."""
    return nullcontext()


def tensor(values: Any, dtype: str | None = None) -> Any:
    """Return a copy of an array as a tensor on the present device."""
    array = np.asarray(values, dtype)
    return jnp.array(array, dtype=jax.dtypes.canonicalize_dtype(array.dtype))


def random_state() -> None:
    """Return nothing: JAX has no global generator."""
    return


def set_random_state(state: None) -> None:
    """Do nothing: JAX has no global generator."""


def to_numpy(value: Any) -> FloatArray:
    """Return a copy of a tensor."""
    return np.array(value)


def forward(model: Any, dtype: str) -> Callable[[Any], Any]:
    """Return a model's inference as a compiled function of one tensor of any number of rows."""
    variables = list(model.variables)

    def call(X: Any) -> Any:
        return model(X, training=False)

    if model.compiled and model.run_eagerly:
        return call
    pure = jax.jit(_pure(call, variables))

    def compiled(X: Any) -> Any:
        rows = len(keras.tree.flatten(X)[0])
        wide = keras.tree.map_structure(lambda part: filled(part, up_to(rows)), X)
        outputs, _ = pure(_values(variables), wide)
        return keras.tree.map_structure(lambda part: np.asarray(part)[:rows], outputs)

    return compiled


def _values(variables: Sequence[Any]) -> list[Any]:
    return [v.value for v in variables]


def _pure(function: Callable[..., Any], variables: Sequence[Any]) -> Callable[..., Any]:
    """Return ``pure(values, *args)``: what `function` returns, and what the variables are then."""

    def pure(values: Sequence[Any], *args: Any) -> Any:
        with keras.StatelessScope(list(zip(variables, values, strict=True))) as scope:
            result = function(*args)
        return result, [scope.get_current_value(v) for v in variables]

    return pure


def gradients(
    objective: Callable[[], tuple[Any, Any]],
    trained: Sequence[Any],
    scale: Callable[[Any], Any] = lambda loss: loss,
) -> tuple[Any, list[Any]]:
    """Return the loss to report, and the gradients of it and what is added, scaled.

    What else the objective changes is changed in the scope around this call.
    """
    outer = get_stateless_scope()
    places = [id(v) for v in trained]

    def total(values: Sequence[Any]) -> Any:
        with keras.StatelessScope(collect_losses=True) as inner:
            inner.state_mapping = {**outer.state_mapping, **dict(zip(places, values, strict=True))}
            loss, added = objective()
            scaled = scale(loss + added)
        changed = {i: v for i, v in inner.state_mapping.items() if i not in places}
        return scaled, (loss, changed)

    (_, (loss, changed)), found = jax.value_and_grad(total, has_aux=True)(_values(trained))
    outer.state_mapping.update(changed)
    return loss, found


def train_step(model: Any, batch: tuple[Any, ...]) -> Any:
    """Call a model's own ``train_step(state, data)`` and return what it logs."""
    optimizer = model.optimizer.variables if model.optimizer is not None else []
    groups = (
        model.trainable_variables,
        model.non_trainable_variables,
        optimizer,
        model.metrics_variables,
    )
    logs, state = model.train_step(tuple(_values(group) for group in groups), batch)
    for group, values in zip(groups, state, strict=True):
        for variable, value in zip(group, values, strict=True):
            variable.assign(value)
    return logs


def jit_pays(layers: Sequence[Any], steps: int) -> bool:
    """Return False: there is no choice."""
    return False


def walk(
    one_batch: Callable[[Any, Any], Any],
    variables: Sequence[Any],
    *,
    finish: Callable[[Any], None] | None = None,
    layers: Sequence[Any] = (),
    eager: bool = False,
    jit: bool = False,
) -> Callable[..., Any]:
    """Return a function that calls `one_batch` for each batch and returns the losses.

    Batches of one size are taken in one compiled call, but where the layers are slow in a loop.
    """
    return _Walk(one_batch, finish, variables, alone=slow_in_loops(layers), eager=eager)


class _Walk:
    """An epoch over a user's model: its variables go in as values, and come out changed."""

    def __init__(
        self, one_batch: Any, finish: Any, variables: Sequence[Any], *, alone: bool, eager: bool
    ) -> None:
        self._variables, self._eager = variables, eager
        self._one, self._end = _pure(one_batch, variables), _pure(finish or _nothing, variables)
        self._gathers = finish is not None
        steps = self._take if alone else self._several
        self._compiled = jax.jit(steps, static_argnames="size")
        self._run = self._one_by_one if alone else self._compiled

    def __call__(self, data: Any, order: BatchOrder, series: Any) -> Any:
        rows, steps = filled(order.rows, up_to(len(order.rows)) + order.largest), order.steps
        losses = []
        with jax.disable_jit(self._eager) if self._eager else nullcontext():
            data = shuffled(data, rows)
            walked = filled(order.edges, up_to(steps) + 1), order.accumulate, steps
            given = data, walked, widened(series, up_to(steps))
            values = _values(self._variables)
            for run in runs(order.edges):
                values, found = self._run(values, run.first, run.steps, given, size=run.size)
                losses.append(np.asarray(found)[run.first : run.first + run.steps])
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)
        return np.concatenate(losses)

    def _take(self, i: Any, values: Any, given: Any, size: int) -> Any:
        """Take one batch, and the step if it is the last of one."""
        data, (edges, every, steps), series = given
        batch = keras.tree.map_structure(lambda part: cut(part, edges[i], size), data)
        step = tuple(series[:, i // every])
        loss, values = self._one(values, batch, step)
        if self._gathers:
            ends = ((i + 1) % every == 0) | (i + 1 == steps)
            values = jax.lax.cond(ends, lambda v: self._end(v, step)[1], lambda v: v, values)
        return values, loss

    def _several(self, values: Any, start: Any, count: Any, given: Any, size: int) -> Any:
        def place(i: Any, values: Any) -> Any:
            return self._take(i, values, given, size)

        return looped(place, values, jnp.zeros_like(given[2][0]), start, count)

    def _one_by_one(self, values: Any, start: int, count: int, given: Any, size: int) -> Any:
        losses = np.zeros(start + count)
        for i in range(start, start + count):
            values, losses[i] = self._compiled(i, values, given, size=size)
        return values, losses


def _nothing(step: Any) -> None:
    """Do nothing at the end of a step: it was taken with its batch."""


def to_onnx(model: Any, ports: Sequence[Port], named: bool, opset: int) -> Any:
    """Convert a model's inference by a second Python: no converter takes what JAX traces."""
    from unifml.adapters.keras.onnx_elsewhere import ROAD, convert, require
    from unifml.adapters.keras.onnx_float32 import both, runs

    require(model)
    roads = both(ROAD, lambda: convert(model, ports, named, opset), ports)
    return first_right(
        roads, runs(ports), asked=f"exporting the Keras model {model.name!r} to ONNX"
    )

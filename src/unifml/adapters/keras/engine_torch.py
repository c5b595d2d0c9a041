"""The torch engine: nothing is compiled, variables are changed in place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import keras
import numpy as np
import torch

from unifml.adapters._torch_engine import rng, trouble
from unifml.adapters._torch_engine.dense.program import DenseProgram, can_run
from unifml.adapters._torch_engine.dense.stack import DenseStack, stacks
from unifml.adapters._torch_engine.threads import threads_for
from unifml.adapters.keras.compiled_torch import Compiled as Compiled
from unifml.adapters.keras.engine import check_device, whole_doubles
from unifml.adapters.keras.switches import Switch
from unifml.core.adapter import Stack
from unifml.core.exported import Port
from unifml.core.plan import Plan
from unifml.core.table import BatchOrder, FloatArray

sqrt, sign = torch.sqrt, torch.sign


COMPILE = ("auto", False)
OUT_OF_MEMORY, OUT_OF_MEMORY_WORDS = trouble.OUT_OF_MEMORY, trouble.WORDS


def dense(plan: Plan) -> Callable[..., Any] | None:
    """Return torch's own program for dense chains: there Keras's layers cost more than the work."""
    return DenseProgram if can_run(plan) and not plan.signature.named else None


def stack(weights: Any, plans: Any, tables: Any) -> Stack | None:
    """Put several dense chains to work at once, where that is faster."""
    made: Any = DenseStack(weights, plans, tables) if stacks(plans, tables) else None
    return made  # type: ignore[no-any-return]


def release() -> None:
    """Give cached memory of the GPU back."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def one_thread(fresh: bool) -> AbstractContextManager[None]:
    """Compute on one thread inside a block."""
    return threads_for(0)


def devices() -> tuple[str, ...]:
    """Return the devices on this machine, best first."""
    cards = tuple(f"cuda:{index}" for index in range(torch.cuda.device_count()))
    metal = ("mps",) if torch.backends.mps.is_available() else ()
    return (*cards, *metal, "cpu")


@contextmanager
def place(
    device: str, dtype: str = "float64", *, tf32: bool = False, deterministic: bool = False
) -> Iterator[None]:
    """Make tensors and compute on `device` in this block."""
    kind, _ = check_device(device, devices())
    fast: Any = nullcontext()
    exact: Any = nullcontext()
    if kind == "cuda":
        fast = _tf32.at((True, True)) if tf32 else rng.exact_floats(torch.device(device))
        exact = _deterministic.at(True) if deterministic else nullcontext()
    with keras.device(device), fast, exact, precise(dtype):
        yield


def _read_tf32() -> tuple[bool, bool]:
    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


def _write_tf32(values: tuple[bool, bool]) -> None:
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = values


_tf32 = Switch(_read_tf32, _write_tf32)
_deterministic = Switch(
    torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms
)


def precise(dtype: str) -> AbstractContextManager[None]:
    """Return a context in which float64 is float64, if that is `dtype`; Keras rounds it else."""
    return whole_doubles() if dtype == "float64" else nullcontext()


def seeded(seed: int, *, fresh: bool) -> AbstractContextManager[None]:
    """Return a context in which torch's global generators start from a seed."""
    return rng.seeded(seed)


def tensor(values: Any, dtype: str | None = None) -> Any:
    """Return a copy of an array as a tensor on the present device."""
    return keras.ops.convert_to_tensor(np.array(values), dtype)


def random_state() -> Any:
    """Return the states of torch's global generators."""
    cards = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return torch.get_rng_state(), cards


def set_random_state(state: Any) -> None:
    """Go back to a `random_state`."""
    torch.set_rng_state(state[0])
    if state[1]:
        torch.cuda.set_rng_state_all(state[1])


def to_numpy(value: Any) -> FloatArray:
    """Return a copy of a tensor."""
    return value.detach().cpu().numpy().copy()  # type: ignore[no-any-return]


def forward(model: Any, dtype: str) -> Callable[[Any], Any]:
    """Return a model's inference as a function of one tensor of any number of rows."""
    size = _size(model.variables)

    def call(X: Any) -> Any:
        with torch.no_grad(), threads_for(len(keras.tree.flatten(X)[0]) * size):
            return model(X, training=False)

    return call


def _size(variables: Sequence[Any]) -> int:
    return sum(v.value.numel() for v in variables)


def gradients(
    objective: Callable[[], tuple[Any, Any]],
    trained: Sequence[Any],
    scale: Callable[[Any], Any] = lambda loss: loss,
) -> tuple[Any, list[Any]]:
    """Return the loss to report, and the gradients of it and what is added, scaled."""
    loss, added = objective()
    values = [v.value for v in trained]
    return loss, list(torch.autograd.grad(scale(loss + added), values, allow_unused=True))


def train_step(model: Any, batch: tuple[Any, ...]) -> Any:
    """Call a model's own ``train_step`` and return what it logs."""
    return model.train_step(batch)


def _cut(data: Any, place: slice) -> Any:
    return keras.tree.map_structure(lambda part: part[place], data)


def jit_pays(layers: Sequence[Any], steps: int) -> bool:
    """Return False: nothing is compiled."""
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
    """Return a function that calls `one_batch` for each batch and returns the losses."""
    size = _size(variables)

    def epoch(data: Any, order: BatchOrder, series: Any) -> Any:
        rows = torch.from_numpy(order.rows)
        shuffled = keras.tree.map_structure(lambda part: part[rows.to(part.device)], data)
        steps, losses, every = series.T.unbind(), [], order.accumulate
        with threads_for(order.largest * size):
            for i, place in enumerate(order.bounds):
                step = steps[i // every].unbind()
                losses.append(one_batch(_cut(shuffled, place), step).detach())
                if finish is not None and ((i + 1) % every == 0 or i + 1 == order.steps):
                    finish(step)
        return torch.stack(losses)

    return epoch


def to_onnx(model: Any, ports: Sequence[Port], named: bool, opset: int) -> Any:
    """Convert a model's inference by a second Python on TensorFlow, else by torch's exporters."""
    from unifml.adapters.keras.onnx_torch import convert

    return convert(model, ports, named, opset)

"""Imports Keras as it must be imported, and finds the engine that fits Keras's own backend.

An engine is a module that does what Keras leaves to its backend: compiled epochs, gradients,
devices, global random state. `Engine` says what it has; nothing else here asks which it is.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from unifml.core.adapter import Stack
from unifml.core.exported import Port
from unifml.core.memory import guarded
from unifml.core.plan import Plan
from unifml.core.table import FloatArray
from unifml.errors import CapabilityError, DeviceError

if TYPE_CHECKING:
    from unifml.adapters.keras.compiled import CompiledBase

# One module an engine, by the name that `keras.backend.backend()` gives, which is a package's too.
ENGINES = {name: f"{__package__}.engine_{name}" for name in ("tensorflow", "jax", "torch")}


class Engine(Protocol):
    """What a module ``engine_*`` has."""

    sqrt: Callable[[Any], Any]
    sign: Callable[[Any], Any]
    Compiled: Callable[..., CompiledBase]
    COMPILE: tuple[bool | str, ...]  # what `Training.compile` may be
    OUT_OF_MEMORY: tuple[type[BaseException], ...]  # see `unifml.core.memory.guarded`
    OUT_OF_MEMORY_WORDS: tuple[str, ...]

    def dense(self, plan: Plan) -> Callable[..., Any] | None:
        """Return a program that is faster for this network than compiled functions, if any."""

    def stack(self, weights: Any, plans: Any, tables: Any) -> Stack | None:
        """Put several networks to work at once, where the engine can."""

    def release(self) -> None:
        """Free what the framework keeps between fits."""

    def one_thread(self, fresh: bool) -> AbstractContextManager[None]:
        """Compute on one thread inside a block; see `KerasAdapter.one_thread`."""

    def devices(self) -> tuple[str, ...]:
        """Return the devices on this machine, best first."""

    def place(
        self,
        device: str,
        dtype: str = "float64",
        *,
        tf32: bool = False,
        deterministic: bool = False,
    ) -> AbstractContextManager[Any]:
        """Return a context in which tensors are made and computed on `device`, up to `dtype`.

        On a GPU products of float32 are exact unless `tf32`.
        """

    def precise(self, dtype: str) -> AbstractContextManager[Any]:
        """Return a context in which variables of this dtype can be made and written."""

    def seeded(self, seed: int, *, fresh: bool) -> AbstractContextManager[Any]:
        """Return a context in which the global generator of the framework starts from a seed.

        With `fresh` also operations that keep a random state of their own are reset.
        """

    def random_state(self) -> Any:
        """Return the state of the framework's global generator."""

    def set_random_state(self, state: Any) -> None:
        """Go back to a `random_state`."""

    def tensor(self, values: Any, dtype: str | None = None) -> Any:
        """Return a copy of an array as a tensor on the present device."""

    def to_numpy(self, value: Any) -> FloatArray:
        """Return a copy of a tensor."""

    def forward(self, model: Any, dtype: str) -> Callable[[Any], Any]:
        """Return a model's inference as a function of one tensor of any number of rows."""

    def gradients(
        self,
        objective: Callable[[], tuple[Any, Any]],
        trained: Sequence[Any],
        scale: Callable[[Any], Any] = ...,
    ) -> tuple[Any, list[Any]]:
        """Return the loss to report, and the gradients of it and what is added, scaled."""

    def train_step(self, model: Any, batch: tuple[Any, ...]) -> Any:
        """Call a model's own ``train_step`` and return what it logs."""

    def walk(
        self,
        one_batch: Callable[[Any, Any], Any],
        variables: Sequence[Any],
        *,
        finish: Callable[[Any], None] | None = None,
        layers: Sequence[Any] = (),
        eager: bool = False,
        jit: bool = False,
    ) -> Callable[..., Any]:
        """Return ``walk(data, order, series, every)``, which returns the loss of each batch.

        Parameters
        ----------
        one_batch : callable
            ``one_batch(batch, scalars)`` returns a loss; it may change `variables` and no other.
        finish : callable or None
            ``finish(scalars)`` is called after each group of `every` batches, and after the last.
        layers : sequence of keras.Layer
            What the model is made of, which rules how it is compiled best.
        eager : bool
            Whether nothing may be compiled.
        jit : bool
            Whether XLA is to compile single steps, where there is a choice.
        """

    def jit_pays(self, layers: Sequence[Any], steps: int) -> bool:
        """Say whether steps of such a model are faster by XLA, where there is a choice."""

    def to_onnx(self, model: Any, ports: Sequence[Port], named: bool, opset: int) -> Any:
        """Convert a model's inference: `ports`, which it gets by name if `named`, to outputs."""


def memory_for(rows: int, *, training: bool) -> guarded:
    """Return a context that tells what to do where memory runs out."""
    engine = load()
    return guarded(rows, engine.OUT_OF_MEMORY, engine.OUT_OF_MEMORY_WORDS, training=training)


@cache
def load() -> Engine:
    """Return the engine module for the backend that Keras runs on.

    Raises
    ------
    CapabilityError
        If Keras was set to a backend for which there is no engine.
    """
    _torch_first()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _without_greetings():
        keras = importlib.import_module("keras")
    backend = keras.backend.backend()
    if backend not in ENGINES:
        raise CapabilityError(
            f"backend 'keras' on Keras's own backend {backend!r}",
            rule=f"it runs Keras on {', '.join(ENGINES)}",
            fix="start Python with the environment variable KERAS_BACKEND=tensorflow, "
            "or use backend='torch'",
        )
    return cast(Engine, importlib.import_module(ENGINES[backend]))


def packages() -> tuple[str, ...]:
    """Return the packages that are needed: Keras, and the one that it is set to run on.

    Keras takes that from KERAS_BACKEND, else from its file, and once loaded stays with it; asking
    it would load it.
    """
    keras: Any = sys.modules.get("keras")
    if hasattr(keras, "backend"):
        engine = keras.backend.backend()
    else:
        engine = os.environ.get("KERAS_BACKEND") or _in_file() or "tensorflow"
    return ("keras", engine) if engine in ENGINES else ("keras",)  # `load` refuses the others


def _in_file() -> str | None:
    home = Path.home()
    folder = home if os.access(home, os.W_OK) else Path("/tmp")
    path = Path(os.environ.get("KERAS_HOME", folder / ".keras")).expanduser() / "keras.json"
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return None  # Keras ignores such a file too
    return found.get("backend") if isinstance(found, dict) else None


@contextmanager
def whole_doubles() -> Iterator[None]:
    """Keep float64 in this block where Keras makes float32 of it.

    On all backends but TensorFlow its promotion of dtypes ends at 32 bits: a product of two
    float64 matrices is float32 on torch, and so is the mean of a float64 array on JAX. Its table
    is changed for the whole process as long as any thread is inside.
    """
    global _inside, _outside
    table = importlib.import_module("keras.src.backend.common.dtypes").BIT64_TO_BIT32_DTYPE
    with _lock:
        if not _inside:
            _outside = table["float64"]
        _inside += 1
        table["float64"] = "float64"
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                table["float64"] = _outside


_inside, _outside, _lock = 0, "", threading.Lock()


def check_device(device: str, found: tuple[str, ...]) -> tuple[str, int]:
    """Return the kind and the number of a device that is there.

    Raises
    ------
    DeviceError
        It is not.
    """
    if device not in (*found, *(name.removesuffix(":0") for name in found)):
        raise DeviceError(
            f"device={device!r}", found=f"devices here: {', '.join(found)}", fix="use device='auto'"
        )
    kind, _, index = device.partition(":")
    return kind, int(index or 0)


@contextmanager
def _without_greetings() -> Iterator[None]:
    """Hold back what TensorFlow's libraries write to the terminal when they are loaded.

    No setting silences those lines. Everything else that is written meanwhile comes out after.
    """
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            held.seek(0)
            for line in held.read().decode(errors="replace").splitlines():
                if not any(greeting in line for greeting in _GREETINGS):
                    print(line, file=sys.stderr)


_GREETINGS = (
    "All log messages before absl::InitializeLog()",
    "oneDNN custom operations are on",
    "Could not find cuda drivers",
    "This TensorFlow binary is optimized to use available CPU instructions",
    "To enable the following instructions",
)


def _torch_first() -> None:
    """Import torch before TensorFlow: the other way round the process can crash.

    Keras loads TensorFlow, where it is installed, also when it runs on something else: to save.
    """
    if "tensorflow" not in sys.modules and find_spec("tensorflow") and find_spec("torch"):
        importlib.import_module("torch")

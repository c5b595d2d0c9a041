"""Imports Keras as it must be imported, and finds the engine that fits Keras's own backend."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from types import ModuleType

from unifml.errors import CapabilityError

# One module an engine, by the name that `keras.backend.backend()` gives.
ENGINES = {"tensorflow": "unifml.adapters.keras.engine_tensorflow"}


@cache
def load() -> ModuleType:
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
    return importlib.import_module(ENGINES[backend])


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
    """Import torch before TensorFlow: the other way round the process can crash."""
    if "tensorflow" not in sys.modules and find_spec("torch") is not None:
        importlib.import_module("torch")

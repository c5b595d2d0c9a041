"""Imports Keras as it must be imported, and finds the engine that fits Keras's own backend."""

from __future__ import annotations

import importlib
import os
import sys
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
    # The messages of TensorFlow's start-up (no GPU found, which CPU instructions) say nothing here.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
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


def _torch_first() -> None:
    """Import torch before TensorFlow: the other way round the process can crash."""
    if "tensorflow" not in sys.modules and find_spec("torch") is not None:
        importlib.import_module("torch")

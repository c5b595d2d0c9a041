"""Keras models that run on JAX or torch: saved, and converted by a second Python on TensorFlow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras

from unifml.adapters.keras.onnx_own import FIX, own_places
from unifml.core.exported import Port
from unifml.errors import ExportError, MissingDependencyError

ROAD = "tf2onnx, loaded by Keras on TensorFlow"
WORKER = "unifml.adapters.keras.onnx_worker"
MODEL, JOB, GRAPH = "model.keras", "job.json", "model.onnx"
TIMEOUT = 900.0
"""Seconds that the second Python has."""
_TAIL = 300


def is_here() -> bool:
    """Say whether TensorFlow is installed."""
    return find_spec("tensorflow") is not None


def convert(model: Any, ports: Sequence[Port], named: bool, opset: int) -> Any:
    """Return an ``onnx.ModelProto`` of a model's inference: see `onnx_tensorflow.convert`.

    Raises
    ------
    ExportError
        Another Python cannot load the model, or cannot convert it.
    """
    import onnx

    asked = _asked(model)
    own = own_places(model, asked)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _save(model, folder / MODEL, asked)
        job: dict[str, Any] = {
            "ports": [asdict(port) for port in ports],
            "named": named,
            "opset": opset,
        }
        job["own"] = own
        (folder / JOB).write_text(json.dumps(job))
        _run(folder, asked)
        return onnx.load(folder / GRAPH)


def require(model: Any) -> None:
    """Raise a MissingDependencyError where TensorFlow is not installed."""
    if not is_here():
        raise MissingDependencyError.of(f"{_asked(model)}, to ONNX", ("tensorflow",), "keras")


def _asked(model: Any) -> str:
    return f"exporting the Keras model {model.name!r}, which runs on {keras.backend.backend()}"


def _save(model: Any, path: Path, asked: str) -> None:
    try:
        model.save(path)
    except Exception as error:
        raise ExportError(
            f"{asked}, by saving it for Keras on TensorFlow", found=_last_line(error), fix=FIX
        ) from error


def _run(folder: Path, asked: str) -> None:
    """Let the worker write the graph."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", WORKER, str(folder)],
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ExportError(
            f"{asked}, in a second Python with Keras on TensorFlow",
            found=f"it was not done after {TIMEOUT:g} seconds",
        ) from error
    if done.returncode:
        raise ExportError(
            f"{asked}, by loading it in a second Python with Keras on TensorFlow",
            found=_tail(done.stderr) or f"it ended with status {done.returncode}",
            fix=FIX,
        )


def _environment(folder: Path) -> dict[str, str]:
    """Return an environment in which Keras runs on TensorFlow, and is set up as here."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KERAS_")}
    settings = {
        "backend": "tensorflow",
        "floatx": keras.config.floatx(),
        "epsilon": keras.config.epsilon(),
        "image_data_format": keras.config.image_data_format(),
    }
    (folder / "keras.json").write_text(json.dumps(settings))
    paths = os.pathsep.join(path for path in sys.path if path)
    return {
        **kept,
        "KERAS_HOME": str(folder),
        "PYTHONPATH": paths,
        "CUDA_VISIBLE_DEVICES": "-1",  # nothing is trained there
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


def _tail(text: str) -> str:
    """Return the last words of a program that failed: its error's message."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    starts = [i for i, line in enumerate(lines) if line.startswith("Traceback")]
    if not starts:
        return " ".join(lines)[-_TAIL:]
    errors = [line for line in lines[starts[-1] + 1 :] if _is_message(line)]
    return " ".join(errors or lines[-1:])[:_TAIL]


def _is_message(line: str) -> bool:
    head = line.partition(":")[0]
    return head.isidentifier() or all(part.isidentifier() for part in head.split("."))


def _last_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]

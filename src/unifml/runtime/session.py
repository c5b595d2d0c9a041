"""Opening a file with onnxruntime."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any

from unifml.errors import DataError, DeviceError, MissingDependencyError


def open_session(source: str | bytes, device: str | None, name: str) -> Any:
    """Return an ``onnxruntime.InferenceSession``.

    Parameters
    ----------
    source : str or bytes
        A path, or the file's contents.
    device : str or None
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"auto"``; None means ``"cpu"``.
    name : str
        What messages call the file.
    """
    if find_spec("onnxruntime") is None:
        raise MissingDependencyError.of(f"loading {name}", ["onnxruntime"], "onnx")
    import onnxruntime

    if isinstance(source, str) and not os.path.exists(source):
        raise FileNotFoundError(f"no such file: {source!r}")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # errors are raised, with the same words
    chosen = providers(device, onnxruntime.get_available_providers())
    try:
        return onnxruntime.InferenceSession(source, options, providers=chosen)
    except Exception as error:
        raise DataError(f"loading {name}", found=f"onnxruntime: {str(error)[:300]}") from error


def providers(device: str | None, available: list[str]) -> list[Any]:
    """Return onnxruntime's providers for a device, best first."""
    kind, _, number = (device or "cpu").partition(":")
    cpu, cuda = "CPUExecutionProvider", "CUDAExecutionProvider"
    if kind == "cpu" or (kind == "auto" and cuda not in available):
        return [cpu]
    if kind not in ("cuda", "auto") or cuda not in available or not (number or "0").isdigit():
        here = ["cpu", *(["cuda"] if cuda in available else [])]
        raise DeviceError(
            f"device={device!r}",
            rule=f"onnxruntime has here: {', '.join(here)}",
            fix="for CUDA: python -m pip install onnxruntime-gpu",
        )
    return [(cuda, {"device_id": int(number or 0)}), cpu]

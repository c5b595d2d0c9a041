"""Opening a file with onnxruntime."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from unifml.errors import DataError, DeviceError, MissingDependencyError, ParameterError
from unifml.runtime.opening import Limits, check_bytes, check_file
from unifml.runtime.schema import Kind, Schema

_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
# Nothing else is tried in silence where opening fails, and options come from here alone.
_STRICT: dict[str, Any] = {"enable_fallback": 0, "read_config_from_model": 0}
_TYPES: dict[Kind, str] = {
    "float": "tensor(float)",
    "double": "tensor(double)",
    "int64": "tensor(int64)",
    "bool": "tensor(bool)",
    "string": "tensor(string)",
    "date": "tensor(int64)",
    "lengths": "tensor(int64)",
}


def open_session(
    source: str | bytes, device: str | None, name: str, threads: int | None, limits: Limits
) -> Any:
    """Return an ``onnxruntime.InferenceSession``.

    Parameters
    ----------
    source : str or bytes
        A path, or the file's contents.
    device : str or None
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"auto"``; None means ``"cpu"``.
    name : str
        What messages call the file.
    threads : int or None
        Threads within an operator; None leaves it to onnxruntime.
    limits : Limits
        What a file from outside may be.

    Raises
    ------
    DataError
        If it is refused, by `limits` or by onnxruntime.
    DeviceError
        If the device is not here.
    ParameterError
        For a number of threads that there cannot be.
    """
    if threads is not None and (type(threads) is not int or threads < 1):
        raise ParameterError(f"threads={threads!r}", rule="threads is None or a number from 1 on")
    if find_spec("onnxruntime") is None:
        raise MissingDependencyError.of(f"loading {name}", ["onnxruntime"], "onnx")
    import onnxruntime

    if isinstance(source, str):
        check_file(source, limits)
    else:
        check_bytes(source, name, limits)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # errors are raised, with the same words
    options.intra_op_num_threads = threads or 0
    options.add_session_config_entry("session.load_model_format", "ONNX")  # that was looked at
    chosen = providers(device, onnxruntime.get_available_providers())
    try:
        session = onnxruntime.InferenceSession(source, options, providers=chosen, **_STRICT)
    except Exception as error:
        raise _unusable(name, error) from error
    if str(device).startswith("cuda") and _CUDA not in session.get_providers():
        raise DeviceError(f"device={device!r}", found="onnxruntime cannot use CUDA here")
    return session


def providers(device: str | None, available: list[str]) -> list[Any]:
    """Return onnxruntime's providers for a device, best first."""
    kind, colon, number = str(device or "cpu").partition(":")
    if kind in ("cpu", "auto") and not colon and (kind == "cpu" or _CUDA not in available):
        return [_CPU]
    known = kind == "cuda" or (kind == "auto" and not colon)
    if not known or _CUDA not in available or (colon and not number.isdigit()):
        here = ["cpu", *(["cuda"] if _CUDA in available else [])]
        raise DeviceError(
            f"device={device!r}",
            rule=f"onnxruntime has here: {', '.join(here)}",
            fix="for CUDA: python -m pip install onnxruntime-gpu",
        )
    return [(_CUDA, {"device_id": int(number or 0)}), _CPU]


def metadata_of(session: Any, name: str) -> dict[str, str]:
    """Return what a file says of itself.

    Raises
    ------
    DataError
        For text that is none.
    """
    try:
        return dict(session.get_modelmeta().custom_metadata_map)
    except UnicodeDecodeError as error:
        raise _unusable(name, error) from error


def check_graph(session: Any, schema: Schema, name: str) -> None:
    """Refuse a graph that has other inputs or outputs than the schema says.

    Raises
    ------
    DataError
    """
    try:
        ins = {node.name: node.type for node in session.get_inputs()}
        outs = {node.name: node.type for node in session.get_outputs()}
    except UnicodeDecodeError as error:
        raise _unusable(name, error) from error
    same = ins == {spec.name: _TYPES[spec.kind] for spec in schema.inputs}
    if same and all(outs.get(each, "").startswith("tensor(") for each in schema.outputs):
        return
    raise DataError(
        f"loading {name}",
        found=f"inputs {ins}, outputs {outs}",
        rule="the graph has the inputs and outputs that its description names",
        fix="export the model again",
    )


def _unusable(name: str, error: Exception) -> DataError:
    return DataError(
        f"loading {name}",
        found=f"onnxruntime: {str(error)[:300]}",
        rule="a file is one whole ONNX model, of a version that onnxruntime knows",
        fix="export the model again, or update onnxruntime",
    )

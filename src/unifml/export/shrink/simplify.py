"""What onnxruntime makes of a network before it runs it, in operators of the standard."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from unifml.errors import ExportError
from unifml.export.shrink.order import named

_CPU = ["CPUExecutionProvider"]


def simplified(proto: Any) -> Any:
    """Return a network with constants folded and normalisations merged into convolutions.

    It stays as it is if onnxruntime would need operators of its own.
    """
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with TemporaryDirectory() as folder:
        path = Path(folder) / "simple.onnx"
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=_CPU)
        found = onnx.load(path)
    known = {entry.domain for entry in proto.opset_import}
    if not {node.domain for node in found.graph.node} <= known | {""}:
        found = onnx.ModelProto()
        found.CopyFrom(proto)
    del found.opset_import[:]
    found.opset_import.extend(proto.opset_import)
    found.ir_version = proto.ir_version
    return named(found)


def opened(proto: Any) -> Any:
    """Return an ``onnxruntime.InferenceSession`` of a model."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=_CPU)


def by_upstream(asked: str, work: Callable[[Path], Any]) -> Any:
    """Let a tool of onnxruntime work in a folder of its own, and open what it made.

    Raises
    ------
    ExportError
        If it cannot, or makes what onnxruntime cannot run; with its words.
    """
    try:
        with _quiet(), TemporaryDirectory() as folder:
            made = work(Path(folder))
        del made.graph.value_info[:]
        opened(made)
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        raise ExportError(
            asked,
            found=f"{type(error).__name__}: {lines[0][:300]}",
            rule="onnxruntime must know how, and run what comes of it",
            fix='leave the network in float32: precision="float32"',
        ) from error
    return made


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the quantiser's remarks on single tensors, said to the root logger, to itself."""
    root, silent = logging.getLogger(), logging.NullHandler()
    level = root.level
    root.addHandler(silent)
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(silent)

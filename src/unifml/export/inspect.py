"""`inspect_onnx`: what is in an ONNX file, without running it."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from math import prod
from typing import Any

from unifml.errors import DataError, MissingDependencyError
from unifml.export.inspection import Inspection, Tensor
from unifml.runtime.schema import SCHEMA, Schema

_LARGEST = 2**31 - 1
_NOTES: dict[str, tuple[str, type]] = {
    "unifml.exporters": ("roads", list),
    "unifml.versions": ("versions", dict),
    "unifml.proof": ("proof", dict),
}


def inspect_onnx(path: str | os.PathLike[str]) -> Inspection:
    """Tell what is in an ONNX file: inputs, outputs, operators, size, and its proof.

    The file is read, not run; weights in other files are counted, not opened. Files of other tools
    are told of as well, without what unifml writes into its own.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    Inspection

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DataError
        If it is no ONNX file.
    MissingDependencyError
        If onnx is not installed.

    See Also
    --------
    load_onnx

    Examples
    --------
    >>> import unifml
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = unifml.Classifier("linear").fit(X, y)
    >>> path = unifml.export_onnx(clf, "iris.onnx", X).path
    >>> found = inspect_onnx(path)
    >>> found.task, [str(tensor) for tensor in found.inputs]
    ('classification', ['X: float64 (n, 4)'])
    """
    if find_spec("onnx") is None:
        raise MissingDependencyError.of(f"inspecting {os.fspath(path)}", ["onnx"], "onnx")
    proto = _read(path)
    metadata = {_text(entry.key): _text(entry.value) for entry in proto.metadata_props}
    tensors = list(_tensors(proto))
    return Inspection(
        path=os.fspath(path),
        bytes=os.stat(path).st_size,
        producer=" ".join(filter(None, map(_text, (proto.producer_name, proto.producer_version)))),
        inputs=tuple(map(_tensor, proto.graph.input)),
        outputs=tuple(map(_tensor, proto.graph.output)),
        operators=_operators(proto),
        opsets={_text(entry.domain) or "ai.onnx": entry.version for entry in proto.opset_import},
        ir_version=proto.ir_version,
        parameters=sum(count for count, _ in tensors),
        parameter_bytes=sum(size for _, size in tensors),
        external=sum(t.data_location for t in proto.graph.initializer),
        **_own(metadata, os.fspath(path)),
    )


def _read(path: str | os.PathLike[str]) -> Any:
    """Parse a file, however strange it may be."""
    import onnx

    if not os.path.isfile(path):
        raise FileNotFoundError(f"no such file: {os.fspath(path)!r}")
    found = f"{os.stat(path).st_size} bytes"
    if os.stat(path).st_size <= _LARGEST:
        try:
            proto = onnx.load(path, format="protobuf", load_external_data=False)
            if proto.graph.node or proto.graph.output:
                return proto
        except Exception as error:  # protobuf's own
            raise _no_model(path, found) from error
    raise _no_model(path, found)


def _no_model(path: str | os.PathLike[str], found: str) -> DataError:
    return DataError(
        f"inspecting {os.fspath(path)}",
        found=found,
        rule="an ONNX file is one protobuf message of at most 2 GiB",
        fix="copy or export the file again",
    )


def _own(metadata: dict[str, str], path: str) -> dict[str, Any]:
    """Return what unifml wrote into its file; nothing for files of others."""
    if SCHEMA not in metadata:
        return {}
    schema = Schema.of(metadata, path)
    notes = {
        name: _note(metadata[key], kind, f"{key} of {path}")
        for key, (name, kind) in _NOTES.items()
        if key in metadata
    }
    return notes | {
        "task": schema.task,
        "classes": schema.classes,
        "feature_names": schema.feature_names,
        "version": metadata.get("unifml.version", ""),
    }


def _note(text: str, kind: type, what: str) -> Any:
    """Return what a note of a file says."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(what, found=f"damaged: {text[:100]!r}", rule="notes are JSON") from error
    parts = found if isinstance(found, list) else []
    if not isinstance(found, kind) or not all(isinstance(part, dict) for part in parts):
        raise DataError(what, found=f"damaged: {text[:100]!r}", rule=f"a {kind.__name__} in JSON")
    return found


def _tensor(info: Any) -> Tensor:
    name = _text(info.name)
    if not info.type.HasField("tensor_type"):
        return Tensor(name, str(info.type.WhichOneof("value") or "unknown"), None)
    kind = _kind(info.type.tensor_type.elem_type)
    if not info.type.tensor_type.HasField("shape"):
        return Tensor(name, kind, None)
    dims = info.type.tensor_type.shape.dim
    sides = (d.dim_value if d.HasField("dim_value") else _text(d.dim_param) or "?" for d in dims)
    return Tensor(name, kind, tuple(sides))


def _kind(element: int) -> str:
    """Return what a tensor holds, in NumPy's words."""
    from onnx import TensorProto, helper

    if element == TensorProto.STRING:
        return "string"
    known = element in helper.get_all_tensor_dtypes()
    return str(helper.tensor_dtype_to_np_dtype(element)) if known else "unknown"


def _text(value: str | bytes) -> str:
    """Return a text of the file, which may be none: then it comes as bytes."""
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


def _operators(proto: Any) -> dict[str, int]:
    """Count operators, those of subgraphs and functions too; the most frequent come first."""
    counts = Counter(
        ".".join(map(_text, (node.domain, node.op_type)[node.domain in ("", "ai.onnx") :]))
        for node in _nodes(proto)
    )
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _nodes(proto: Any) -> Iterator[Any]:
    """Yield all nodes, without recursion: files may be nested as deep as they like."""
    todo = [*proto.graph.node, *(node for f in proto.functions for node in f.node)]
    while todo:
        node = todo.pop()
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                todo.extend(graph.node)


def _tensors(proto: Any) -> Iterator[tuple[int, int]]:
    """Yield how many numbers each constant holds, and in how many bytes; those of trees too."""
    graphs = [proto.graph]
    for node in _nodes(proto):
        for a in node.attribute:
            graphs += [graph for graph in (a.g, *a.graphs) if graph.initializer]
            for tensor in (*([a.t] if a.HasField("t") else []), *a.tensors):
                yield prod(tensor.dims), tensor.ByteSize()
            if node.domain == "ai.onnx.ml":
                yield len(a.floats) + len(a.ints) + len(a.strings), a.ByteSize()
    for graph in graphs:
        for tensor in graph.initializer:
            yield prod(tensor.dims), tensor.ByteSize()

"""A graph with what it says of itself, as a file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from unifml._version import __version__
from unifml.core.files import write_whole
from unifml.errors import ExportError
from unifml.export.describe import described
from unifml.export.ends import End
from unifml.export.proof import Said
from unifml.export.writer import Road
from unifml.runtime.schema import SCHEMA, Input, Task

PACKAGES = ("onnx", "onnxruntime", "skl2onnx")
PROOF = "unifml.proof"
LARGEST = 2**31 - 1


@dataclass(frozen=True)
class Question:
    """What is exported: a model, rows, and what it says of them.

    Attributes
    ----------
    model : estimator
        Fitted; what really answers.
    task : str
        What it answers.
    X : rows
        Those given.
    said : dict of str to array
        What the model says of them.
    inputs : tuple of Input
        Inputs of the file.
    fields : dict
        What its schema says of them.
    opset : int
        Version of ONNX's operators.
    """

    model: Any
    task: Task
    X: Any
    said: Said
    inputs: tuple[Input, ...]
    fields: dict[str, Any]
    opset: int

    @property
    def columns(self) -> int:
        """Columns of the first answer; 0 if it has one dimension."""
        first = next(iter(self.said.values()))
        return int(first.shape[1]) if first.ndim > 1 else 0

    def describe(self, proto: Any, ends: tuple[End, ...], roads: Sequence[Road]) -> None:
        """Let a graph say what it is: inputs, classes, versions, and who wrote which part."""
        schema = described(self.model, self.task, self.inputs, ends, self.said, self.fields)
        put(proto, "unifml.version", __version__)
        put(proto, SCHEMA, schema.to_json())
        put(proto, "unifml.exporters", [{"part": part, "exporter": road} for part, road in roads])
        put(proto, "unifml.opset", str(self.opset))
        names = (*PACKAGES, "scikit-learn")
        put(proto, "unifml.versions", {name: version(name) for name in names})
        proto.producer_version = __version__


def put(proto: Any, key: str, value: str | Mapping[str, Any] | Sequence[Any]) -> None:
    """Add an entry to a graph's metadata."""
    entry = proto.metadata_props.add()
    entry.key, entry.value = key, value if isinstance(value, str) else json.dumps(value)


def sealed(proto: Any) -> bytes:
    """Return the contents of a file.

    Raises
    ------
    ExportError
        Beyond 2 GiB.
    """
    if proto.ByteSize() > LARGEST:
        raise ExportError(
            "writing one ONNX file",
            found=f"{proto.ByteSize() / 2**30:.1f} GiB",
            rule="one file holds at most 2 GiB",
        )
    return bytes(proto.SerializeToString())


def place(target: Path, content: bytes) -> int:
    """Write a file as a whole or not at all, and return its size."""
    write_whole(target, lambda file: file.write(content))
    return len(content)

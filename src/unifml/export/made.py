"""A graph with what it says of itself, as a file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from unifml._version import __version__
from unifml.core.files import write_whole
from unifml.export.describe import described
from unifml.export.ends import End, write_model
from unifml.export.proof import Said
from unifml.export.writer import Road, Shrink, Writer
from unifml.runtime.schema import SCHEMA, Input, Task

PACKAGES = ("onnx", "onnxruntime", "skl2onnx")
LARGEST = 2**31 - 2**24
"""Bytes of weights that fit in one file: 2 GiB, less room for the graph itself."""


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

    def written(self, shrink: Shrink | None = None) -> tuple[Any, Writer, tuple[End, ...]]:
        """Return the model as a graph; see `write_model`."""
        return write_model(
            self.model, self.task, self.inputs, self.opset, columns=self.columns, shrink=shrink
        )

    def describe(self, proto: Any, ends: tuple[End, ...], roads: Sequence[Road]) -> None:
        """Let a graph say what it is: inputs, classes, versions, and who wrote which part."""
        sides = [side for tensor in proto.graph.initializer for side in tensor.dims]
        fields = self.fields | {"widest": max(sides, default=1) or 1}
        schema = described(self.model, self.task, self.inputs, ends, self.said, fields)
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


@dataclass
class Draft:
    """A file in the making.

    Attributes
    ----------
    proto : onnx.ModelProto
        The graph.
    target : Path
        Where it will be.
    folder : Path or None
        Where it is meanwhile, in two files; None for a graph that fits in one.
    """

    proto: Any
    target: Path
    folder: Path | None = None

    @property
    def content(self) -> bytes | Path:
        """What to open: the contents, or the path of a graph whose weights are beside it."""
        sealed: bytes = self.proto.SerializeToString()
        if self.folder is None:
            return sealed
        path = self.folder / self.target.name
        path.write_bytes(sealed)
        return path

    def place(self) -> int:
        """Put it in its place, as a whole or not at all; return its size."""
        content, size = self.content, 0
        if isinstance(content, Path):
            weights = data_file(self.target)
            size = content.with_name(weights.name).stat().st_size
            os.replace(content.with_name(weights.name), weights)
            content = content.read_bytes()
        whole = content
        write_whole(self.target, lambda file: file.write(whole))
        return size + len(whole)


@contextmanager
def drafted(proto: Any, target: Path) -> Iterator[Draft]:
    """Hold a graph as a file in the making; weights too large for one file go into a second."""
    if sum(len(tensor.raw_data) for tensor in proto.graph.initializer) <= LARGEST:
        yield Draft(proto, target)
        return
    import onnx

    with TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
        onnx.save_model(
            proto,
            str(Path(folder, target.name)),
            save_as_external_data=True,
            location=data_file(target).name,
        )
        yield Draft(proto, target, Path(folder))


def data_file(target: Path) -> Path:
    """Return where the weights of a large file are."""
    return target.with_name(f"{target.name}.data")

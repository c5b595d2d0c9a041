"""What a native model is as an ONNX graph: its inputs, and the road by which it was made."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from unifml.core.signature import ANY, Shape, Signature
from unifml.errors import ExportError, UnifmlError

ROAD = "unifml.road"
"""Key of a graph's metadata that tells which exporter wrote it, and what else was tried."""
OUTPUTS = "outputs"
"""Name of the one output."""
_ELEMENTS = {"float32": 1, "int32": 6, "int64": 7, "bool": 9, "float16": 10, "float64": 11}


@dataclass(frozen=True)
class Port:
    """One input of a native model's graph.

    Attributes
    ----------
    name : str
        What the array is called: ``X``, a key of the dict that X is, or that and ``_lengths``.
    shape : tuple of int
        Shape of one row. -1 stands first for a number of time steps that differs.
    dtype : str
        What the native model gets.
    """

    name: str
    shape: Shape
    dtype: str

    @property
    def ragged(self) -> bool:
        """Whether its rows are sequences of unequal length."""
        return bool(self.shape) and self.shape[0] == ANY

    @property
    def dynamic(self) -> dict[int, str]:
        """Names of the axes that may be of any size, by their numbers."""
        return {0: "batch", 1: f"{self.name}_steps"} if self.ragged else {0: "batch"}


def ports_of(signature: Signature, dtype_of: Callable[[str], str]) -> tuple[Port, ...]:
    """Return the inputs of a native model as it is called: lengths stand behind their sequences.

    Parameters
    ----------
    signature : Signature
        What the model was fitted on.
    dtype_of : callable
        From the name of an array to the dtype that the model gets it in.
    """
    found: list[Port] = []
    for feed in signature.feeds:
        found.append(Port(feed.name, feed.shape, dtype_of(feed.name)))
        if feed.ragged:
            found.append(Port(feed.lengths, (), dtype_of(feed.lengths)))
    return tuple(found)


def takes_names(signature: Signature) -> bool:
    """Say whether a native model gets its inputs by name, and not one array."""
    return bool(signature.named) or any(feed.ragged for feed in signature.feeds)


def dressed(proto: Any, ports: Sequence[Port]) -> Any:
    """Give a graph its inputs, in order, also those that it does not read, and names of axes.

    Parameters
    ----------
    proto : onnx.ModelProto
        Is changed and returned. Its inputs have the names of ports already.
    ports : sequence of Port
        The inputs.
    """
    there = {value.name: value for value in proto.graph.input}
    inputs = [there.get(port.name) or _input(proto, port) for port in ports]
    for value, port in zip(inputs, ports, strict=True):
        for axis, name in port.dynamic.items():
            _named_axis(value, axis, name)
    for value in proto.graph.output:
        _named_axis(value, 0, "batch")
    copies = [type(value).FromString(value.SerializeToString()) for value in inputs]
    del proto.graph.input[:]
    proto.graph.input.extend(copies)
    return proto


def _input(proto: Any, port: Port) -> Any:
    value = proto.graph.input.add()
    value.name = port.name
    value.type.tensor_type.elem_type = _ELEMENTS[port.dtype]
    for side in (ANY, *port.shape):
        dim = value.type.tensor_type.shape.dim.add()
        if side != ANY:
            dim.dim_value = side
    return value


def _named_axis(value: Any, axis: int, name: str) -> None:
    dims = value.type.tensor_type.shape.dim
    if axis < len(dims):
        dims[axis].Clear()
        dims[axis].dim_param = name


def note_road(proto: Any, road: str) -> Any:
    """Write into a graph's metadata which exporter made it; return the graph."""
    kept = [entry for entry in proto.metadata_props if entry.key != ROAD]
    del proto.metadata_props[:]
    proto.metadata_props.extend(kept)
    entry = proto.metadata_props.add()
    entry.key, entry.value = ROAD, road
    return proto


def road_of(proto: Any, default: str = "") -> str:
    """Return which exporter made a graph, as its metadata tell."""
    found: dict[str, str] = {entry.key: entry.value for entry in proto.metadata_props}
    return found.get(ROAD, default)


@dataclass(frozen=True)
class Road:
    """One way to export a model.

    Attributes
    ----------
    name : str
        What it is called in reports.
    write : callable
        Returns the ``onnx.ModelProto``, or raises.
    """

    name: str
    write: Callable[[], Any]


def first_right(
    roads: Sequence[Road], check: Callable[[Any], str], *, asked: str, fix: str = ""
) -> Any:
    """Return the graph of the first road that leads to the right numbers, which tells so.

    Parameters
    ----------
    roads : sequence of Road
        Best first.
    check : callable
        Returns what is wrong with a graph, or nothing; raises for one that does not run.
    asked : str
        What is to be exported, for the error.
    fix : str
        What may help if all fail.

    Returns
    -------
    onnx.ModelProto
        Its metadata under `ROAD` name the road and what was wrong with those before. Where no road
        is right, it is the first that runs: the proof of the file is there to refuse it.

    Raises
    ------
    ExportError
        No road leads to a graph that runs.
    """
    return _walk(list(roads), check, [], [], ExportError(asked, fix=fix))


def _walk(
    roads: list[Road],
    check: Callable[[Any], str],
    tried: list[str],
    wrong: list[Any],
    refusal: ExportError,
) -> Any:
    (road, *others), found = roads, ""
    try:
        proto = road.write()
        found = check(proto)
    except Exception as error:
        if isinstance(error, UnifmlError) and not (others or tried):
            raise  # there was no choice: its own words
        tried = [*tried, f"{road.name}: {_first_line(error)}"]
        if not others and not wrong:
            raise ExportError(refusal.asked, found="; ".join(tried), fix=refusal.fix) from error
    else:
        if not found:
            return note_road(proto, "; ".join([road.name, *(f"not {text}" for text in tried)]))
        tried, wrong = [*tried, f"{road.name}: {found}"], [*wrong, (road.name, found, proto)]
    if others:
        return _walk(others, check, tried, wrong, refusal)
    name, found, proto = wrong[0]
    rest = [text for text in tried if text != f"{name}: {found}"]
    return note_road(proto, "; ".join([f"{name}, though {found}", *(f"not {t}" for t in rest)]))


def _first_line(error: BaseException) -> str:
    """Return the heart of a message: exporters wrap it in advice, colours and paths of sources."""
    while error.__cause__ is not None and not isinstance(error, UnifmlError):
        error = error.__cause__
    words = (error.found or error.asked) if isinstance(error, UnifmlError) else str(error)
    text = next((line for line in words.splitlines() if line.strip()), type(error).__name__)
    text = _PATHS.sub(r"\1", _COLOURS.sub("", text)).strip()
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


_COLOURS, _PATHS = re.compile(r"\x1b\[[0-9;]*m"), re.compile(r"/\S+/(\S+:\d+)")
_LONGEST = 160

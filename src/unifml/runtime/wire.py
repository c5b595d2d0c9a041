"""What a file is made of, read before onnxruntime opens it: a small, bounded reader of protobuf.

It walks the messages of an ONNX model only as far as is needed to know its operators and where its
tensors are; every length is checked, and nesting is bounded. Weights are stepped over, not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from mmap import mmap

Buffer = bytes | mmap
Span = tuple[int, int]
_DEEPEST = 32  # graphs within nodes within graphs ...; protobuf itself stops at 100 messages
_MOST = 1 << 24  # numbers read one by one: seconds, in the worst case
_LONGEST = 4096  # bytes of a name
_VARINT, _BYTES = 0, 2
_FIXED = {1: 8, 5: 4}  # bytes of a field of this kind
_UINT64 = (1 << 64) - 1

# What stands in which field of a message, by onnx.proto: other messages, and texts to keep.
_WITHIN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "tensor": {13: "entry"},
}
_TEXTS = {
    "function": {1: "name", 10: "domain"},
    "node": {4: "name", 7: "domain"},
    "entry": {1: "key", 2: "value"},
}
_ELSEWHERE = ("tensor", 14, 1)  # data_location = EXTERNAL

# Numbers and texts of an attribute (and texts of a tensor) come one by one, millions of them in a
# forest: (tag, float) or (tag, varint) or (tag, length, text). A pattern steps over them in C.
_SHORT = b"|".join(b"\\x%02x.{%d}" % (n, n) for n in range(128))
_SKIPPED = {
    "attribute": re.compile(
        rb"(?s:\x3d.{4}|\x40[\x80-\xff]{0,9}[\x00-\x7f]|\x4a(?:%b)){1,4096}+" % _SHORT
    ),
    "tensor": re.compile(rb"(?s:\x32(?:%b)){1,4096}+" % _SHORT),
}


class MalformedError(ValueError):
    """The bytes are no ONNX model."""


@dataclass
class Contents:
    """What a file holds.

    Attributes
    ----------
    operators : set of (domain, name)
        Of all nodes, those within subgraphs and functions too.
    functions : set of (domain, name)
        Operators that the file itself defines.
    external : list of list of (key, value)
        Where tensors are whose values are in another file.
    sparse : bool
        Whether there are sparse tensors.
    """

    operators: set[tuple[str, str]] = field(default_factory=set)
    functions: set[tuple[str, str]] = field(default_factory=set)
    external: list[list[tuple[str, str]]] = field(default_factory=list)
    sparse: bool = False


def contents(buffer: Buffer) -> Contents:
    """Read what a model is made of.

    Parameters
    ----------
    buffer : bytes or mmap
        The file.

    Raises
    ------
    MalformedError
        For bytes that are no ONNX model.
    """
    return _Reader(buffer).read()


class _Reader:
    """Walks messages from the outside to the inside, without recursion."""

    def __init__(self, buffer: Buffer) -> None:
        self.buffer = buffer
        self.left = _MOST
        self.found = Contents()

    def read(self) -> Contents:
        todo: list[tuple[str, Span, int]] = [("model", (0, len(self.buffer)), 0)]
        graphs = 0
        while todo:
            kind, span, depth = todo.pop()
            graphs += kind == "graph"
            if depth > 3 * _DEEPEST:
                raise MalformedError(f"graphs are nested more than {_DEEPEST} deep")
            todo += [(k, s, depth + 1) for k, s in self._message(kind, span)]
        if not graphs:
            raise MalformedError("there is no graph")
        return self.found

    def _message(self, kind: str, span: Span) -> list[tuple[str, Span]]:
        """Note what one message says, and return the messages within it."""
        within: list[tuple[str, Span]] = []
        entries: list[tuple[str, str]] = []
        said, external = {"name": "", "domain": ""}, False
        for number, value in self._fields(span, _SKIPPED.get(kind)):
            inner = _WITHIN.get(kind, {}).get(number)
            if isinstance(value, int):
                external |= (kind, number, value) == _ELSEWHERE
            elif number in _TEXTS.get(kind, {}):
                said[_TEXTS[kind][number]] = self._text(value)
            elif inner == "entry":
                entries.append(self._entry(value))
            elif inner is not None:
                within.append((inner, value))
        self._note(kind, (said["domain"], said["name"]))
        if external or entries:
            self.found.external.append(entries)
        return within

    def _note(self, kind: str, name: tuple[str, str]) -> None:
        self.found.sparse |= kind == "sparse"
        if kind == "node":
            self.found.operators.add(name)
        elif kind == "function":
            self.found.functions.add(name)

    def _entry(self, span: Span) -> tuple[str, str]:
        said = {"key": "", "value": ""}
        for number, value in self._fields(span, None):
            if not isinstance(value, int) and number in _TEXTS["entry"]:
                said[_TEXTS["entry"][number]] = self._text(value)
        return said["key"], said["value"]

    def _fields(
        self, span: Span, skipped: re.Pattern[bytes] | None
    ) -> Iterator[tuple[int, int | Span]]:
        """Yield fields of a message: whole numbers, and where texts and messages stand."""
        at, end = span
        while at < end:
            if skipped is not None and (run := skipped.match(self.buffer, at, end)):
                at = run.end()
                continue
            tag, at = self._varint(at, end)
            number, wire, value = tag >> 3, tag & 7, 0
            if not number or wire not in (_VARINT, _BYTES, *_FIXED):
                raise MalformedError(f"byte {at}: a field {number} of the kind {wire}")
            if wire == _BYTES:
                length, at = self._varint(at, end)
                yield number, (at, self._within(at + length, end))
                at += length
                continue
            if wire == _VARINT:
                value, at = self._varint(at, end)
            else:
                at = self._within(at + _FIXED[wire], end)
            yield number, value

    def _within(self, at: int, end: int) -> int:
        if at > end:
            raise MalformedError(f"byte {end}: a field is longer than what holds it")
        return at

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        self.left -= 1
        if self.left < 0:
            raise MalformedError(f"more than {_MOST} fields")
        value = 0
        for shift in range(0, 70, 7):
            if at >= end:
                break
            byte = self.buffer[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & _UINT64, at
        raise MalformedError(f"byte {at}: a number without an end")

    def _text(self, span: Span) -> str:
        if span[1] - span[0] > _LONGEST:
            raise MalformedError(f"byte {span[0]}: a name of {span[1] - span[0]} bytes")
        return self.buffer[span[0] : span[1]].decode("utf-8", "replace")

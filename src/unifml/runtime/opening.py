"""Files from outside: what is refused before onnxruntime sees it."""

from __future__ import annotations

import mmap
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass

from unifml.errors import DataError, ParameterError
from unifml.runtime.wire import Buffer, Contents, MalformedError, contents

_GIB = 1 << 30
_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
"""Of operators that come with onnxruntime."""
_KEYS = ("location", "offset", "length", "checksum")


@dataclass(frozen=True)
class Limits:
    """What a file may be.

    Attributes
    ----------
    allow_external_data : bool
        Whether tensors may be in other files of its folder.
    max_bytes : int or None
        Largest size in bytes, with all such tensors; None: 2 GiB, or 64 GiB with external data.
    """

    allow_external_data: bool = False
    max_bytes: int | None = None

    def __post_init__(self) -> None:
        most = self.max_bytes
        if most is not None and (not isinstance(most, int | float) or not most > 0):
            raise ParameterError(f"max_bytes={most!r}", rule="max_bytes is None, or above 0")

    @property
    def most(self) -> int:
        """Bytes that a model may have in all."""
        if self.max_bytes is not None:
            return self.max_bytes
        return 64 * _GIB if self.allow_external_data else 2 * _GIB + (1 << 20)


def check_file(path: str, limits: Limits) -> None:
    """Refuse a file that is no model, is too large, or reaches for something outside of it.

    Parameters
    ----------
    path : str
        The file.
    limits : Limits
        What is allowed.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DataError
        If it is refused.
    """
    if not os.path.exists(path):
        raise FileNotFoundError(f"no such file: {path!r}")
    size = _size(path, f"loading {path}")
    _check_size(path, size, limits)
    if not size:
        raise _malformed(path, "an empty file")
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        found = _read(path, whole)
    _check_contents(path, found)
    if found.external:
        _check_external(path, found, size, limits)


def check_bytes(content: bytes, name: str, limits: Limits) -> None:
    """Refuse contents of a file as `check_file` does; external data have no folder here.

    Raises
    ------
    DataError
        If they are refused.
    """
    _check_size(name, len(content), limits)
    found = _read(name, content)
    _check_contents(name, found)
    if found.external:
        raise DataError(
            f"loading {name}",
            found="external data, and no folder to look for them",
            rule="bytes hold the whole model",
            fix="write the bytes into a file and load that",
        )


def _size(path: str, asked: str) -> int:
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise DataError(
            asked, found=f"{path!r} is not a file", rule="a model is a file on the disk"
        )
    return status.st_size


def _check_size(name: str, size: int, limits: Limits) -> None:
    if size > limits.most:
        raise DataError(
            f"loading {name}",
            found=f"{size} bytes",
            rule=f"size <= max_bytes = {limits.most}",
            fix=f"if you trust the file: load_onnx(..., max_bytes={size})",
        )


def _read(name: str, buffer: Buffer) -> Contents:
    try:
        return contents(buffer)
    except MalformedError as error:
        raise _malformed(name, str(error)) from error


def _malformed(name: str, found: str) -> DataError:
    return DataError(
        f"loading {name}",
        found=f"no ONNX model ({found})",
        rule="a file is one whole ONNX model",
        fix="copy or export the file again",
    )


def _check_contents(name: str, found: Contents) -> None:
    strange = [
        operator
        for operator in sorted(found.operators - found.functions)
        if operator[0] not in _DOMAINS
    ]
    if strange:
        raise DataError(
            f"loading {name}",
            found=f"custom operators: {', '.join('.'.join(each) for each in strange[:5])}",
            rule="operators are of the domains ai.onnx, ai.onnx.ml and com.microsoft",
            fix="open it with onnxruntime.InferenceSession and the library of these operators",
        )
    if found.sparse:
        raise DataError(
            f"loading {name}",
            found="sparse tensors",
            rule="tensors are dense, so that sizes are what they seem",
            fix="store the weights dense",
        )


def _check_external(path: str, found: Contents, size: int, limits: Limits) -> None:
    if not limits.allow_external_data:
        raise DataError(
            f"loading {path}",
            found=f"{len(found.external)} tensor(s) in other files",
            rule="a model is one file, unless external data are allowed",
            fix="if you trust it: load_onnx(path, allow_external_data=True)",
        )
    total = size + sum(_external_bytes(path, entries) for entries in found.external)
    _check_size(f"{path} with its external data", total, limits)


def _external_bytes(path: str, entries: Iterable[tuple[str, str]]) -> int:
    """Return the size of a tensor in another file, which must be in the same folder and hold it."""
    said = dict(entries)
    if len(said) < len(list(entries)) or not said.get("location") or {*said} - {*_KEYS}:
        raise _external(path, f"a tensor described by {sorted(entries)}", f"keys: {_KEYS}")
    name = said["location"]
    file = os.path.join(os.path.dirname(path) or ".", name)
    if not _plain(name) or not _stays(file):
        raise _external(path, repr(name), "external data are a plain file beside the model")
    if not os.path.exists(file):
        raise _external(
            path, f"no file {name!r} beside the model", "all files of a model go together"
        )
    whole = _size(file, f"loading {path}")
    offset = _number(path, said.get("offset", "0"))
    length = _number(path, said.get("length") or str(max(0, whole - offset)))
    if offset + length > whole:
        raise _external(
            path,
            f"a tensor at {offset} to {offset + length} in {name!r} of {whole} bytes",
            "offset + length <= size of the file",
        )
    return length


def _plain(name: str) -> bool:
    return name not in (".", "..") and not any(sign in name for sign in "/\\:\0")


def _stays(file: str) -> bool:
    """Say whether a file is in the folder where it seems to be, not behind a link out of it."""
    folder = os.path.realpath(os.path.dirname(file))
    return os.path.dirname(os.path.realpath(file)) == folder


def _number(path: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise _external(path, f"the place {text[:40]!r} in a file", "whole numbers, from 0 on")
    return int(text)


def _external(path: str, found: str, rule: str) -> DataError:
    return DataError(
        f"loading {path}",
        found=f"external data: {found}",
        rule=rule,
        fix="put the model and its data into one folder, as they were exported",
    )

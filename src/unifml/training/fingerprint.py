"""What a fit is, in short digests: a checkpoint must be of the same one."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from hashlib import blake2b
from types import CodeType
from typing import Any

import numpy as np

from unifml.core.inputs import by_name
from unifml.core.plan import Plan
from unifml.core.table import Table

PARTS = ("data", "settings", "model", "seed", "backend", "dtype")
_APART = {"callbacks", "checkpoint", "explicit"}  # they change nothing of what is computed
_WHOLE = 2**26  # bytes of an array that are read; of more, evenly spaced blocks
_BLOCKS = 256
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_NO_REPR: Any = object.__repr__
_COUNTED = re.compile(r"_\d+\b")  # frameworks number the models of a process


def fingerprint(plan: Plan, backend: str, tables: Iterable[Table]) -> dict[str, str]:
    """Return what distinguishes a fit from others, part by part.

    Parameters
    ----------
    plan : Plan
        What is decided. Callbacks do not count; of functions their name and their code do.
    backend : str
        Who computes.
    tables : iterable of Table
        The training rows, then those held out.

    Returns
    -------
    dict of str to str
        By part (see `PARTS`): the seed as it is, names as they are, else a digest.
    """
    rows = [part for table in tables for part in (by_name(table.X), table.y, table.weight)]
    settings = {f.name: getattr(plan.settings, f.name) for f in dataclasses.fields(plan.settings)}
    settings = {name: value for name, value in settings.items() if name not in _APART}
    return {
        "data": digest([*rows, plan.classes, plan.signature.input_shape]),
        "settings": digest(settings),
        "model": digest([plan.model, plan.network, plan.translation, plan.task, plan.output]),
        "seed": str(plan.seeds.entropy),
        "backend": backend,
        "dtype": plan.signature.dtype,
    }


def digest(value: Any) -> str:
    """Return a short text that is the same for equal values in any process."""
    found = blake2b(digest_size=12)
    for piece in _pieces(value, 0):
        found.update(piece)
        found.update(b"\x1f")
    return found.hexdigest()


def _pieces(value: Any, depth: int) -> Iterator[bytes]:
    """Yield bytes that describe a value, and no address in memory."""
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        yield repr(value).encode()
    elif isinstance(value, np.ndarray | np.generic):
        yield from _array(np.asarray(value))
    elif depth > 12:  # something that holds itself
        yield _name(type(value))
    else:
        yield from _inside(value, depth + 1)


def _inside(value: Any, depth: int) -> Iterator[bytes]:
    yield _name(value if _has_name(value) else type(value))
    for part in _parts(value):
        yield from _pieces(part, depth)


def _parts(value: Any) -> Iterable[Any]:
    """Return what a value is made of."""
    if isinstance(value, Mapping):
        return [part for item in value.items() for part in item]
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, partial):
        return value.func, value.args, value.keywords
    if isinstance(value, CodeType):
        return value.co_code, value.co_consts, value.co_names
    if _has_name(value):
        return (getattr(value, "__code__", None),)
    return _parts_of_object(value)


def _parts_of_object(value: Any) -> Iterable[Any]:
    if hasattr(value, "tocsr"):
        sparse = value.tocsr()
        return sparse.shape, sparse.data, sparse.indices, sparse.indptr
    if hasattr(value, "__array__") and hasattr(value, "columns"):
        return list(map(str, value.columns)), np.asarray(value)
    if hasattr(value, "get_params"):
        return (value.get_params(deep=False),)
    if dataclasses.is_dataclass(value):
        return [(f.name, getattr(value, f.name)) for f in dataclasses.fields(value)]
    if type(value).__repr__ is _NO_REPR and hasattr(value, "__dict__"):
        return (vars(value),)
    return (_COUNTED.sub("", _ADDRESS.sub("", repr(value))),)


def _array(array: np.ndarray) -> Iterator[bytes]:
    yield f"{array.dtype.str} {array.shape}".encode()
    parts = [array] if array.nbytes <= _WHOLE else _spread(array)
    for part in parts:
        if array.dtype.hasobject:
            yield "\x1e".join(map(repr, part.ravel().tolist())).encode()
        else:
            yield np.ascontiguousarray(part).tobytes()


def _spread(array: np.ndarray) -> Iterator[np.ndarray]:
    """Yield blocks of rows from all over a large array, the first and the last among them."""
    size = max(1, int(len(array) * _WHOLE / array.nbytes / _BLOCKS))
    for start in np.linspace(0, max(len(array) - size, 0), _BLOCKS).astype(int):
        yield array[start : start + size]


def _has_name(value: Any) -> bool:
    """Say whether a value is a function or a class."""
    return hasattr(value, "__qualname__") and hasattr(value, "__module__")


def _name(value: Any) -> bytes:
    return f"{value.__module__}.{value.__qualname__}".encode()

"""Values <-> JSON, in a closed vocabulary.

Numbers, text, bools and None are themselves; a tuple is an array; everything else is an object
whose key ``!`` says what it is: a key of the vocabulary, or one of the words below.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Protocol

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import TunedThresholdClassifierCV

from unifml.core.registry import owner
from unifml.core.spec import Spec
from unifml.errors import CapabilityError, FileFormatError, UnifmlError
from unifml.estimators.parameters import Parameters
from unifml.models import Native
from unifml.models.native import is_factory
from unifml.tasks.persist import arrays
from unifml.tasks.persist.arrays import Array, Json
from unifml.tasks.persist.vocabulary import Trust, full_name, is_ours, keys, vocabulary

_PLAIN = (bool, int, str)
_LIBRARIES = ("sklearn", "numpy", "scipy")
_COLLECTIONS: dict[str, type[Any]] = {"list": list, "set": set, "frozenset": frozenset}


class Sheet(Protocol):
    """Where what is no JSON goes when a value is written."""

    def tensor(self, array: Array) -> Json:
        """Store an array."""
        ...

    def estimator(self, estimator: Any) -> Json:
        """Store an estimator of unifml."""
        ...

    def foreign(self, value: Any) -> Json:
        """Store an object of a library: scikit-learn's, or a native model."""
        ...

    def given(self, value: Any) -> Json:
        """Note what the user has to give back."""
        ...


class Desk(Protocol):
    """Where it comes from when a value is read."""

    trust: Trust

    def tensor(self, data: Mapping[str, Json]) -> Array:
        """Return a stored array."""
        ...

    def special(self, data: Mapping[str, Json]) -> Any:
        """Return what `Sheet.estimator`, `foreign` or `given` stored."""
        ...


def encode(value: Any, sheet: Sheet) -> Json:
    """Return a value as JSON.

    Raises
    ------
    CapabilityError
        For what no file can hold.
    """
    if value is None or type(value) in _PLAIN:
        return value
    if type(value) is float and math.isfinite(value):
        return value
    if type(value) is tuple:
        return [encode(item, sheet) for item in value]
    return _tagged(value, sheet)


def decode(data: Json, desk: Desk) -> Any:
    """Return what `encode` wrote.

    Raises
    ------
    FileFormatError
        For what it never writes.
    UntrustedTypeError
        For types of the user's that the caller did not give.
    """
    if isinstance(data, list):
        return tuple(decode(item, desk) for item in data)
    if not isinstance(data, dict):
        return data
    word = data.get("!")
    if word in vocabulary():
        return _spec(vocabulary()[word], data, desk)
    if word in _READERS:
        try:
            return _READERS[word](data, desk)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            if isinstance(error, UnifmlError):
                raise
            raise FileFormatError(f"reading a {word}", found=f"{error!r:.200}") from error
    return desk.special(data)


def _tagged(value: Any, sheet: Sheet) -> Json:
    for is_it, write in _WRITERS:
        if is_it(value):
            return write(value, sheet)
    return _object(value, sheet)


def _object(value: Any, sheet: Sheet) -> Json:
    """Write an object of the user's: its state, and the name of its class."""
    if is_ours(type(value)) or not hasattr(value, "__dict__"):
        raise CapabilityError(
            f"saving {value!r:.80}",
            found=f"a {type(value).__name__}, for which the format has no word",
            fix="leave it out of the estimator's parameters",
        )
    state = {name: encode(item, sheet) for name, item in vars(value).items()}
    return {"!": "object", "type": full_name(type(value)), "state": state}


def _collection(value: Any, sheet: Sheet) -> Json:
    items = sorted(value, key=repr) if not isinstance(value, list) else value
    return {"!": type(value).__name__, "items": [encode(item, sheet) for item in items]}


def _fields(value: Any, sheet: Sheet) -> Json:
    held = {f.name: encode(getattr(value, f.name), sheet) for f in fields(value) if f.init}
    return {"!": keys()[type(value)]} | held


def _dict(value: dict[Any, Any], sheet: Sheet) -> Json:
    return {"!": "dict", "items": [[encode(k, sheet), encode(v, sheet)] for k, v in value.items()]}


def _scalar(value: Any, sheet: Sheet) -> Json:
    array = np.asarray(value)
    if array.dtype.kind in "Mm":
        return {"!": "scalar", "array": sheet.tensor(array)}
    return {"!": "scalar", "dtype": array.dtype.str, "value": encode(value.item(), sheet)}


def _array(value: Array, sheet: Sheet) -> Json:
    if type(value) is not np.ndarray:
        return sheet.foreign(value)
    if arrays.is_text(value):
        return arrays.text_json(value, lambda item: encode(item, sheet))
    return sheet.tensor(value)


def _native(value: Native, sheet: Sheet) -> Json:
    params = _dict(dict(value.params), sheet)
    factory = encode(value.factory, sheet)
    return {"!": "native", "factory": factory, "output": value.output, "params": params}


_Test = Callable[[Any], bool]
_Write = Callable[[Any, Sheet], Json]
_WRITERS: tuple[tuple[_Test, _Write], ...] = (
    (lambda v: type(v) is float, lambda v, _: {"!": "float", "value": repr(v)}),
    (lambda v: type(v) is bytes, lambda v, _: {"!": "bytes", "hex": v.hex()}),
    (lambda v: type(v) in _COLLECTIONS.values(), _collection),
    (lambda v: type(v) is dict, _dict),
    (lambda v: isinstance(v, np.generic), _scalar),
    (lambda v: isinstance(v, np.ndarray), _array),
    (lambda v: type(v) in keys(), _fields),
    (lambda v: isinstance(v, type) and v in keys(), lambda v, _: {"!": "class", "of": keys()[v]}),
    (lambda v: isinstance(v, Spec), _object),
    (lambda v: type(v) is Native, _native),
    (is_factory, lambda v, sheet: sheet.given(v)),
    (lambda v: isinstance(v, Parameters), lambda v, sheet: sheet.estimator(v)),
    (lambda v: _of_library(v) or owner(v) is not None, lambda v, sheet: sheet.foreign(v)),
)


def _of_library(value: Any) -> bool:
    """Say whether an object is scikit-learn's or NumPy's, or one of theirs with more faces."""
    library = type(value).__module__.partition(".")[0] in _LIBRARIES
    return library or isinstance(value, ColumnTransformer | TunedThresholdClassifierCV)


def _spec(cls: type[Any], data: Mapping[str, Json], desk: Desk) -> Any:
    known = {f.name for f in fields(cls) if f.init} if is_dataclass(cls) else set()
    held = {name: decode(value, desk) for name, value in data.items() if name != "!"}
    unknown = sorted(held.keys() - known)
    if unknown:
        raise FileFormatError(
            f"reading a {data['!']}",
            found=f"it has {', '.join(unknown)}",
            rule=f"this version knows {', '.join(sorted(known))}",
            fix="run: python -m pip install --upgrade unifml",
        )
    try:
        return cls(**held)
    except TypeError as error:
        raise FileFormatError(f"reading a {data['!']}", found=f"{error!s:.200}") from error


def _read_collection(data: Mapping[str, Json], desk: Desk) -> Any:
    return _COLLECTIONS[data["!"]](decode(item, desk) for item in data["items"])


def _read_dict(data: Mapping[str, Json], desk: Desk) -> Any:
    return {decode(key, desk): decode(value, desk) for key, value in data["items"]}


def _read_scalar(data: Mapping[str, Json], desk: Desk) -> Any:
    if "array" in data:
        return desk.tensor(data["array"])[()]
    dtype, value = arrays.read_dtype(data["dtype"]), decode(data["value"], desk)
    return dtype.type(value)


def _read_text(data: Mapping[str, Json], desk: Desk) -> Any:
    return arrays.text_array(data, decode(data["items"], desk))


def _read_native(data: Mapping[str, Json], desk: Desk) -> Any:
    params = decode(data["params"], desk)
    return Native(decode(data["factory"], desk), data["output"], **params)


def _read_object(data: Mapping[str, Json], desk: Desk) -> Any:
    cls = desk.trust.find(data["type"])
    value: Any = object.__new__(cls)
    value.__dict__.update({name: decode(item, desk) for name, item in data["state"].items()})
    return value


_READERS: dict[Any, Callable[[Mapping[str, Json], Desk], Any]] = {
    "float": lambda data, _: float(data["value"]),
    "bytes": lambda data, _: bytes.fromhex(data["hex"]),
    **dict.fromkeys(_COLLECTIONS, _read_collection),
    "dict": _read_dict,
    "scalar": _read_scalar,
    "array": lambda data, desk: desk.tensor(data),
    "text": _read_text,
    "class": lambda data, _: vocabulary()[data["of"]],
    "native": _read_native,
    "object": _read_object,
}

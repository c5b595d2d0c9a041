"""Arrays <-> JSON and safetensors: numbers as tensors, text in the JSON itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.errors import CapabilityError, FileFormatError

Array = npt.NDArray[Any]
Json = Any
_TEXT = "OUS"
_NUMBERS = "biufMm"
_DTYPE = re.compile(r"[<>|=][OUSbiufMm][0-9]{0,6}(\[[0-9]*[A-Za-z]{1,2}\])?")
_WIDEST = 2**20  # bytes of one label


def text_json(array: Array, encode: Callable[[Any], Json]) -> dict[str, Json]:
    """Return an array of text or of Python objects as JSON."""
    return {
        "!": "text",
        "dtype": array.dtype.str,
        "shape": list(array.shape),
        "items": {"!": "list", "items": [encode(item) for item in array.ravel().tolist()]},
    }


def text_array(data: Mapping[str, Json], items: list[Any]) -> Array:
    """Return what `text_json` wrote; `items` are decoded."""
    dtype, shape = read_dtype(data["dtype"]), tuple(data["shape"])
    if dtype.itemsize > _WIDEST or dtype.kind not in _TEXT:
        raise FileFormatError(f"an array of dtype {data['dtype']!r:.40}", rule="text is expected")
    array = np.empty(len(items), dtype)
    array[:] = items if dtype.kind != "O" else _boxed(items)
    return array.reshape(shape)


def is_text(array: Array) -> bool:
    """Say whether an array holds text or Python objects."""
    return array.dtype.kind in _TEXT


def to_tensor(array: Array) -> Array:
    """Return numbers as safetensors takes them: in C order and the machine's byte order.

    Raises
    ------
    CapabilityError
        For complex numbers, records and the like.
    """
    if array.dtype.kind not in _NUMBERS or array.dtype.itemsize > 8:
        raise CapabilityError(
            f"saving an array of dtype {array.dtype}",
            rule="numbers, bools, dates and text can be saved",
        )
    plain = np.array(array, dtype=array.dtype.newbyteorder("="), order="C")
    return plain.view(np.int64) if plain.dtype.kind in "Mm" else plain


def tensor_json(array: Array, name: str) -> dict[str, Json]:
    """Return what stands in the JSON for an array that is stored as the tensor `name`."""
    found: dict[str, Json] = {"!": "array", "name": name, "dtype": array.dtype.str}
    return found | ({"order": "F"} if is_fortran(array) else {})


def from_tensor(tensor: Array, data: Mapping[str, Json]) -> Array:
    """Return a stored array in its own dtype and order."""
    dtype = read_dtype(data["dtype"])
    if dtype.kind not in _NUMBERS:
        raise FileFormatError(f"an array of dtype {data['dtype']!r:.40}", rule="numbers")
    if dtype.kind in "Mm":
        tensor = tensor.view(dtype.newbyteorder("="))
    return np.array(tensor, dtype=dtype, order="F" if data.get("order") == "F" else "C")


def is_fortran(array: Array) -> bool:
    """Say whether the order in memory is Fortran's, on which the last bit of a sum may depend."""
    return bool(array.flags.f_contiguous and not array.flags.c_contiguous)


def read_dtype(text: object) -> np.dtype[Any]:
    """Return a dtype by NumPy's short name, one of those that can be saved."""
    if not isinstance(text, str) or not _DTYPE.fullmatch(text):
        raise FileFormatError(f"a dtype {text!r:.40}", rule="a dtype as unifml writes it")
    try:
        return np.dtype(text)
    except TypeError as error:
        raise FileFormatError(f"a dtype {text!r:.40}", found=str(error)) from error


def dump_tensors(tensors: Mapping[str, Array]) -> bytes:
    """Return arrays as a file of safetensors."""
    from safetensors.numpy import save

    content: bytes = save({name: to_tensor(array) for name, array in tensors.items()})
    return content


def load_tensors(content: bytes, name: str) -> dict[str, Array]:
    """Return the arrays of a file of safetensors.

    Raises
    ------
    FileFormatError
        If it is none.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        found: dict[str, Array] = load(content)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise FileFormatError(f"reading {name}", found=f"{error!s:.200}") from error
    return found


def _boxed(items: list[Any]) -> Array:
    boxed = np.empty(len(items), object)
    for place, item in enumerate(items):
        boxed[place] = item
    return boxed

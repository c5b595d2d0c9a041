"""What cannot become numbers, named before a conversion stumbles over it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.data.tensors import from_tensor
from unifml.errors import DataError, DataTypeError

LARGEST = float(np.sqrt(np.finfo(np.float64).max))
"""The largest number whose square is finite."""

_KINDS = {"U": "text", "S": "text", "M": "dates", "m": "durations", "V": "records"}
_INTEGERS = range(-(2**63), 2**64)


def refuse_container(values: Any, name: str) -> None:
    """Raise for what is no table or column at all, and for masked arrays.

    Parameters
    ----------
    values : object
        What the user passed.
    name : str
        What it is called in messages: ``X``, ``y`` or ``sample_weight``.
    """
    rows = values if isinstance(values, list | tuple) else (values,)
    if any(isinstance(row, np.ma.MaskedArray) for row in rows):
        raise DataTypeError(
            f"{name} is a masked array",
            rule="masks are not understood and would be dropped",
            fix=f"fill it, {name}.filled(np.nan), and impute",
        )
    if values is None or isinstance(values, str | bytes) or _no_sequence(values):
        raise DataTypeError(
            f"{name} is {_article(values)}",
            rule="an array, a list of rows, or a frame of pandas, polars or Arrow is needed",
            fix=_way_out(values, name),
        )


def as_numbers(values: Any, name: str) -> Any:
    """Return values as they are, or as float64 if they are Python objects that are numbers.

    Raises
    ------
    DataError, DataTypeError
        For text, dates and objects that are no numbers; the message names the first.
    """
    values = from_tensor(values)
    refuse_container(values, name)
    if hasattr(type(values), "toarray"):
        return values  # sparse: scikit-learn has words for it
    array = np.asarray(values)
    if array.dtype.kind in _KINDS:
        raise DataError(
            f"{name} holds {_KINDS[array.dtype.kind]}",
            rule="numbers are needed",
            fix="encode them first, for example with sklearn.preprocessing.OneHotEncoder "
            "in a ColumnTransformer"
            if name == "X"
            else "",
        )
    if array.dtype.kind == "O":
        return _from_objects(array, name)
    return array if isinstance(values, list | tuple) else values


def is_missing(value: object) -> bool:
    """Say whether a label or a cell is None, NaN, NaT or pandas' NA."""
    return value is None or type(value).__name__ in ("NAType", "NaTType") or value != value


def is_number(value: object) -> bool:
    """Say whether a Python object is a real number, or the mark of a missing one."""
    if isinstance(value, str | bytes | np.ndarray):
        return False
    return value is None or type(value).__name__ == "NAType" or hasattr(type(value), "__float__")


def check_size(values: npt.NDArray[Any], name: str) -> None:
    """Raise for numbers whose squares are infinite."""
    if values.dtype != np.float64 or not values.size:
        return
    largest = max(float(values.max()), -float(values.min()))
    if largest > LARGEST:
        raise DataError(
            f"values of {name}",
            found=f"{largest:.3g}, whose square is infinite",
            rule=f"abs({name}) <= {LARGEST:.3g}",
        )


def _from_objects(array: npt.NDArray[Any], name: str) -> npt.NDArray[np.float64]:
    for place, value in np.ndenumerate(array):
        if not is_number(value):
            _raise_at(place, value, name)
        if isinstance(value, int) and value not in _INTEGERS:
            raise DataError(
                f"{name}{list(place)} is a whole number of {len(bin(value)) - 2} bits",
                rule="whole numbers must fit int64",
                fix=f"scale {name}, or pass floats",
            )
    plain = [np.nan if is_missing(value) else value for value in array.ravel()]
    return np.array(plain, dtype=np.float64).reshape(array.shape)


def _raise_at(place: tuple[int, ...], value: object, name: str) -> None:
    where = f"{name}{list(place)} is {value!r:.60}"
    if isinstance(value, str | bytes):
        raise DataError(where, found=f"{name} holds text", rule="numbers are needed")
    raise DataTypeError(
        where,
        found=f"float() argument must be a string or a real number, not {type(value).__name__!r}",
        rule="numbers are needed",
    )


def _no_sequence(values: Any) -> bool:
    if hasattr(type(values), "toarray"):  # sparse, and one kind of it is a dict
        return False
    if isinstance(values, Mapping | AbstractSet | Iterator | type) or hasattr(
        type(values), "collect"
    ):
        return True
    return callable(values) and not hasattr(values, "__array__")


def _article(values: Any) -> str:
    return "None" if values is None else f"a {type(values).__name__}"


def _way_out(values: Any, name: str) -> str:
    if isinstance(values, Mapping):
        return f"pandas.DataFrame({name})"
    if hasattr(type(values), "collect"):
        return f"{name}.collect()"
    return f"list({name})" if isinstance(values, AbstractSet | Iterator) else ""

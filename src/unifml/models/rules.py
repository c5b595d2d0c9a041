"""Rules of models' parameters: each raises unless its rule holds."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

from unifml.errors import ParameterError, UnknownNameError
from unifml.layers import ACTIVATIONS


def is_whole(value: object, least: int = 1) -> bool:
    """Say whether a value is a whole number, and not too small."""
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least


def whole(name: str, value: object, least: int = 1) -> None:
    """Want a whole number."""
    if not is_whole(value, least):
        raise ParameterError(f"{name}={value!r}", rule=f"{name} is a whole number >= {least}")


def whole_or_none(name: str, value: object, least: int = 1) -> None:
    """Want a whole number, or None."""
    if value is not None and not is_whole(value, least):
        rule = f"{name} is a whole number >= {least}, or None"
        raise ParameterError(f"{name}={value!r}", rule=rule)


def wholes(name: str, values: object, example: str, *, empty: bool = True) -> None:
    """Want a tuple of whole numbers."""
    fits = isinstance(values, tuple) and all(map(is_whole, values)) and (empty or values)
    if not fits:
        raise ParameterError(
            f"{name}={values!r}",
            rule=f"{name} is a tuple of whole numbers >= 1" + ("" if empty else ", not empty"),
            fix=f"write {name}=(64,) for {example}",
        )


def size(name: str, value: object) -> None:
    """Want the size of a window: a whole number, or one for each axis."""
    each = value if isinstance(value, tuple) else (value,)
    if not each or not all(map(is_whole, each)):
        rule = f"{name} is a whole number >= 1, or a tuple of them, one for each axis"
        raise ParameterError(f"{name}={value!r}", rule=rule)


def share(name: str, value: Any) -> None:
    """Want a number in [0, 1)."""
    if not isinstance(value, Real) or not 0 <= float(value) < 1:
        raise ParameterError(f"{name}={value!r}", rule=f"0 <= {name} < 1 must hold")


def flag(name: str, value: object) -> None:
    """Want True or False."""
    if not isinstance(value, bool):
        raise ParameterError(f"{name}={value!r}", rule=f"{name} is True or False")


def among(name: str, value: object, known: Iterable[str]) -> None:
    """Want one of some names."""
    names = tuple(known)
    if value not in names:
        raise UnknownNameError.among(name, value, names)


def among_or_none(name: str, value: object, known: Iterable[str]) -> None:
    """Want one of some names, or None."""
    if value is not None:
        among(name, value, known)


def activation(value: object) -> None:
    """Want the name of an activation."""
    among("activation", value, ACTIVATIONS)


def masked(vocabulary: int | None, mask_id: object) -> None:
    """Want ids to be padded with to be among the ids."""
    if mask_id is None:
        return
    whole("mask_id", mask_id, least=0)
    if vocabulary is None or int(str(mask_id)) >= vocabulary:
        raise ParameterError(
            f"mask_id={mask_id!r} with vocabulary={vocabulary!r}",
            rule="0 <= mask_id < vocabulary must hold",
            fix="set vocabulary to the number of ids, the one of padding included",
        )

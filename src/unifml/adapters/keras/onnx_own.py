"""Classes and functions of the user in a Keras model: where a second Python finds them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from importlib import import_module
from types import FunctionType
from typing import Any

import keras

from unifml.errors import ExportError

Place = tuple[str, str]
"""Module, and name in it."""
FIX = (
    "define it in a module that can be imported, and register it with "
    "keras.saving.register_keras_serializable"
)


def own_places(model: Any, asked: str) -> list[Place]:
    """Return where the user's classes and functions in a model are.

    Parameters
    ----------
    model : keras.Model
        The model.
    asked : str
        What is being done, for the error.

    Raises
    ------
    ExportError
        Another Python could not import one of them.
    """
    found = {(own.__module__, own.__qualname__): own for own in _own(model)}
    lost = [name for (module, name), own in found.items() if _at(module, name) is not own]
    if lost:
        raise ExportError(
            asked,
            found=f"{', '.join(map(_shown, lost))} cannot be imported by another Python",
            rule="the model is saved, and converted by a second Python with Keras on TensorFlow",
            fix=FIX,
        )
    return list(found)


def imported(places: Iterable[Sequence[str]]) -> dict[str, Any]:
    """Import what is at places; return by name what was not registered with Keras there."""
    found = [_named(import_module(module), name) for module, name in places]
    names = [keras.saving.get_registered_name(own) for own in found]
    return {name: own for name, own in zip(names, found, strict=True) if ">" not in name}


def _own(model: Any) -> Iterator[Any]:
    for layer in model._flatten_layers():
        for part in (type(layer), *map(_part, vars(layer).values())):
            if part is not None and part.__module__.partition(".")[0] not in ("keras", "builtins"):
                yield part


def _part(value: Any) -> Any:
    """Return what Keras saves by name: a function, or the class of what has a configuration."""
    if isinstance(value, FunctionType):
        return value
    return type(value) if hasattr(value, "get_config") else None


def _at(module: str, name: str) -> Any:
    """Return what another Python would find; the script itself has another name there."""
    here = None if module == "__main__" else sys.modules.get(module)
    return None if here is None or "<" in name else _named(here, name)


def _named(module: Any, name: str) -> Any:
    return reduce(lambda part, step: getattr(part, step, None), name.split("."), module)


def _shown(name: str) -> str:
    return "a lambda" if name.endswith("<lambda>") else name.rpartition("<locals>.")[2]

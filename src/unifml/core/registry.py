"""Which backends and models there are: entry points, and what was registered by hand."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Any

from unifml.core.adapter import Adapter
from unifml.errors import MissingDependencyError, UnknownNameError

ADAPTERS = "unifml.adapters"
MODELS = "unifml.models"
_registered: dict[str, Adapter] = {}


def names() -> tuple[str, ...]:
    """Return the names of all backends, installed or not, without loading any."""
    return tuple(sorted({*_entries(ADAPTERS), *_registered}))


def get_adapter(name: str) -> Adapter:
    """Return the adapter of a backend.

    Parameters
    ----------
    name : str
        The backend's name.

    Returns
    -------
    Adapter
        Its capabilities can be read even where its framework is not installed.

    Raises
    ------
    UnknownNameError
        For a name that nobody registered, with the nearest one.

    Examples
    --------
    >>> import unifml
    >>> unifml.get_adapter("sklearn").capabilities.dialects
    frozenset({'sklearn'})
    """
    if name in _registered:
        return _registered[name]
    entries = _entries(ADAPTERS)
    if name not in entries:
        raise UnknownNameError.among("backend", name, names())
    return _load(entries[name])  # type: ignore[no-any-return]


def register_adapter(adapter: Adapter) -> None:
    """Make a backend known in this process; packages use the entry point ``unifml.adapters``.

    Parameters
    ----------
    adapter : Adapter
        It replaces one of the same name.

    Examples
    --------
    >>> import unifml
    >>> from unifml.testing import ToyAdapter
    >>> unifml.register_adapter(ToyAdapter())
    >>> "toy" in unifml.list_backends()
    True
    """
    missing = [part for part in _PROTOCOL if not hasattr(adapter, part)]
    if missing:
        from unifml.errors import DataTypeError

        raise DataTypeError(
            f"register_adapter({adapter!r})",
            found=f"it lacks {', '.join(missing)}",
            rule="an adapter satisfies unifml.core.adapter.Adapter",
        )
    _registered[adapter.name] = adapter


def require(adapter: Adapter) -> Adapter:
    """Return the adapter if its packages are installed, else raise with the pip line."""
    missing = missing_packages(adapter)
    if missing:
        raise MissingDependencyError.of(
            f"backend {adapter.name!r}", missing, adapter.capabilities.extra
        )
    return adapter


def missing_packages(adapter: Adapter) -> tuple[str, ...]:
    """Return the packages of an adapter that are not installed."""
    return tuple(name for name in adapter.capabilities.packages if find_spec(name) is None)


def adapters() -> tuple[Adapter, ...]:
    """Return all adapters, those of missing frameworks included."""
    return tuple(get_adapter(name) for name in names())


def owner(obj: object) -> Adapter | None:
    """Return the adapter whose native model `obj` is.

    Adapters that take models of one framework are asked before those that take any estimator
    by its methods.
    """
    by_type = sorted(adapters(), key=lambda adapter: adapter.capabilities.untouched)
    return next((adapter for adapter in by_type if adapter.owns(obj)), None)


def models() -> tuple[str, ...]:
    """Return the names of all models."""
    return tuple(sorted(_entries(MODELS)))


def get_model(name: str) -> type[Any]:
    """Return the class of a model by its name."""
    entries = _entries(MODELS)
    if name not in entries:
        raise UnknownNameError.among("model", name, entries)
    return _load(entries[name])  # type: ignore[no-any-return]


_PROTOCOL = (
    *("name", "capabilities", "owns", "devices", "traits", "seeded", "build", "program"),
    *("get_weights", "set_weights", "dump", "load", "to_onnx", "translate"),
)


@cache
def _entries(group: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=group)}


@cache
def _load(entry: EntryPoint) -> Any:
    return entry.load()

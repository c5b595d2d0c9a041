"""What saving and loading needs beside the core."""

from __future__ import annotations

from importlib.util import find_spec

from unifml.errors import MissingDependencyError

_NEEDED = ("safetensors", "skops")


def require_packages(what: str) -> None:
    """Raise with the pip line unless the extra ``save`` is installed."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise MissingDependencyError.of(what, missing, "save")

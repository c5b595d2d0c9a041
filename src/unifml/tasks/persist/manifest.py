"""The manifest: what a file says of itself, and JSON read strictly."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from unifml._version import __version__
from unifml.errors import FileFormatError
from unifml.tasks.persist.archive import Archive

FORMAT = "unifml"
FORMAT_VERSION = 1
DEEPEST = 64
_PACKAGES = ("numpy", "scikit-learn", "scipy", "torch", "keras", "tensorflow", "skops")


def write_manifest(content: dict[str, Any]) -> bytes:
    """Return the manifest of a file as JSON."""
    head = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "unifml": __version__,
        "versions": {name: found for name in _PACKAGES if (found := _version(name))},
    }
    return json.dumps(head | content, allow_nan=False, indent=1).encode()


def read_manifest(archive: Archive) -> dict[str, Any]:
    """Return the manifest of an open file, and hold the entries against it.

    Raises
    ------
    FileFormatError
        For a file of another format, of a newer version, or that does not hold what it lists.
    """
    found = strict_json(archive.manifest(), archive)
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise archive.broken("its manifest is not one of unifml")
    number = found.get("format_version")
    if type(number) is not int or number < 1:
        raise archive.broken(f"format version {number!r:.40}")
    if number > FORMAT_VERSION:
        raise FileFormatError(
            f"reading {archive.path.name!r}",
            found=f"format version {number}, written by unifml {found.get('unifml')!r:.40}",
            rule=f"unifml {__version__} reads versions up to {FORMAT_VERSION}",
            fix="run: python -m pip install --upgrade unifml",
        )
    archive.expect(found.get("files"))
    return found


def strict_json(text: bytes, archive: Archive, deepest: int = DEEPEST) -> Any:
    """Parse JSON that has no NaN, no key twice, and bounded depth.

    Raises
    ------
    FileFormatError
        For anything else.
    """
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise archive.broken(f"its JSON cannot be read, {error!s:.200}") from error
    if depth(found) > deepest:
        raise archive.broken(f"its JSON is deeper than {deepest}")
    return found


def depth(value: Any) -> int:
    """Return how many containers are nested in each other."""
    level, below = 0, [value]
    while below:
        inner: list[Any] = []
        for item in below:
            if isinstance(item, dict):
                inner += item.values()
            elif isinstance(item, list):
                inner += item
        level, below = level + 1, inner
    return level - 1


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None

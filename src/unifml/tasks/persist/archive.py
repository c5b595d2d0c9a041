"""The zip: written whole or not at all, and read with distrust."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from unifml.core.files import write_whole
from unifml.errors import FileFormatError

MANIFEST = "manifest.json"
LARGEST_MANIFEST = 2**26
_NEW_YEAR = (1980, 1, 1, 0, 0, 0)  # no clock in the file: equal content, equal bytes
_BROKEN = (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)


def write_archive(path: Path, entries: Mapping[str, bytes]) -> None:
    """Write a zip, whole or not at all.

    Parameters
    ----------
    path : Path
        Where it goes.
    entries : mapping of str to bytes
        Content by name. Nothing is compressed, so that no size can lie.
    """
    write_whole(path, lambda file: _fill(file, entries))


def inventory(entries: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """Return path, size and sha256 of each entry, as the manifest holds them."""
    return [
        {"path": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in entries.items()
    ]


class Archive:
    """An open file of unifml, whose entries have been held against its manifest.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    FileFormatError
        For what is not a zip, or has entries that no file of unifml has.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (*_BROKEN,) as error:
            if isinstance(error, OSError):
                raise
            raise self.broken(str(error)) from error
        self._infos = self._checked()
        self._listed: dict[str, tuple[int, str]] = {}

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def manifest(self) -> bytes:
        """Return the manifest as it is."""
        info = self._infos.get(MANIFEST)
        if info is None:
            raise self.broken(f"it holds no {MANIFEST}")
        if info.file_size > LARGEST_MANIFEST:
            raise self.broken(f"its manifest has {info.file_size} bytes")
        return self._read(MANIFEST)

    def expect(self, files: Any) -> None:
        """Hold the entries against those that the manifest lists.

        Raises
        ------
        FileFormatError
            Where names, sizes or content differ.
        """
        if not isinstance(files, list) or not all(map(_is_listing, files)):
            raise self.broken("its manifest lists no files")
        self._listed = {file["path"]: (file["size"], file["sha256"]) for file in files}
        found = {name: info.file_size for name, info in self._infos.items() if name != MANIFEST}
        if len(self._listed) != len(files) or found != {k: v[0] for k, v in self._listed.items()}:
            differ = sorted({*found} ^ {*self._listed}) or "in size"
            raise self.broken(f"its entries are not those that its manifest lists: {differ}")
        for name, (_, sha256) in self._listed.items():
            if self._digest(name) != sha256:
                raise self.broken(f"{name} is not what was written: its sha256 differs")

    def read(self, name: object) -> bytes:
        """Return an entry.

        Raises
        ------
        FileFormatError
            For one that is missing.
        """
        if not isinstance(name, str) or name not in self._listed:
            raise self.broken(f"it holds no {name!r:.80}")
        return self._read(name)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the entries that the manifest lists."""
        return tuple(self._listed)

    def broken(self, found: str) -> FileFormatError:
        """Return the error that says what is wrong with the file."""
        return FileFormatError(
            f"reading {self.path.name!r}",
            found=found,
            rule="it must be a file that unifml.save wrote, unchanged",
        )

    def _digest(self, name: str) -> str:
        try:
            with self._zip.open(name) as entry:
                return hashlib.file_digest(entry, "sha256").hexdigest()  # type: ignore[arg-type]
        except _BROKEN as error:
            raise self.broken(str(error)) from error

    def _read(self, name: str) -> bytes:
        try:
            return self._zip.read(name)
        except _BROKEN as error:
            raise self.broken(str(error)) from error

    def _checked(self) -> dict[str, zipfile.ZipInfo]:
        infos = self._zip.infolist()
        size = os.path.getsize(self.path)
        for info in infos:
            complaint = _complaint(info, size)
            if complaint:
                raise self.broken(f"entry {info.filename!r:.80} {complaint}")
        found = {info.filename: info for info in infos}
        if len(found) != len(infos):
            raise self.broken("two entries have one name")
        return found


def _complaint(info: zipfile.ZipInfo, size: int) -> str:
    """Say what an entry has that none of ours has."""
    name = info.orig_filename
    parts = name.split("/")
    if "\\" in name or ":" in name or "\0" in name or any(p in ("", ".", "..") for p in parts):
        return "has a name that leads elsewhere"
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        return "is compressed"
    if info.flag_bits & 1:
        return "is encrypted"
    return "is larger than the file" if info.file_size > size else ""


def _is_listing(file: object) -> bool:
    return (
        isinstance(file, dict)
        and file.keys() == {"path", "size", "sha256"}
        and isinstance(file["path"], str)
        and type(file["size"]) is int
        and isinstance(file["sha256"], str)
    )


def _fill(file: IO[bytes], entries: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name, _NEW_YEAR)
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)

"""The file that a fit goes on from after it was killed."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from unifml.core.files import write_whole
from unifml.errors import FileFormatError, ParameterError
from unifml.training.fingerprint import PARTS, digest, fingerprint

__all__ = ["Resume", "fingerprint", "seed_of"]

Arrays = dict[str, npt.NDArray[Any]]
FORMAT = 1
_META = "meta.json"


class Resume:
    """Keeps the state of one fit in a file, for the same fit to go on from.

    The file is a zip of ``.npy`` arrays and one JSON, as NumPy writes it, without pickles. It is
    written beside its place and put there whole, so that a file which is there can be used.

    Parameters
    ----------
    path : str or path
        A file; or a folder (one that exists, or a path that ends in a separator), which gets a
        file for each fit, named by its fingerprint.
    fingerprint : mapping of str to str
        What the fit is; see `unifml.training.fingerprint.fingerprint`.
    stage : str
        Name of a fit that belongs to another one, such as ``refit``, whose file lies beside.
    """

    def __init__(
        self, path: str | os.PathLike[str], fingerprint: Mapping[str, str], stage: str = ""
    ) -> None:
        self.asked, self.fingerprint, self.stage = os.fspath(path), dict(fingerprint), stage
        place = Path(path) / f"{digest(self.fingerprint)}.ckpt" if is_folder(path) else Path(path)
        self.path = place.with_name(f"{place.name}.{stage}") if stage else place

    def of(self, stage: str) -> Resume:
        """Return the checkpoint of a part of this fit."""
        return Resume(self.asked, self.fingerprint, ".".join(filter(None, (self.stage, stage))))

    def load(self) -> tuple[Arrays, dict[str, Any]] | None:
        """Return arrays and facts as they were saved; None if there is no file yet.

        Raises
        ------
        FileFormatError
            If the file is damaged, or not one of these.
        ParameterError
            If it is of another fit; the message says what differs.
        """
        if not self.path.exists():
            self._make_room()
            return None
        arrays, meta = read(self.path)
        self._require_same(meta["fingerprint"])
        return arrays, meta["facts"]

    def save(self, arrays: Mapping[str, npt.NDArray[Any]], facts: Mapping[str, Any]) -> None:
        """Write arrays and facts; if that fails, the file is as it was before.

        Raises
        ------
        OSError
            If the disk is full, or the folder is gone.
        """
        meta = {"format": FORMAT, "fingerprint": self.fingerprint, "facts": dict(facts)}

        def write(file: IO[bytes]) -> None:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                archive.writestr(_META, json.dumps(meta, default=_plain))
                for name, array in arrays.items():
                    with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                        np.lib.format.write_array(entry, np.asarray(array), allow_pickle=False)

        write_whole(self.path, write)

    def remove(self) -> None:
        """Remove the file, if there is one."""
        self.path.unlink(missing_ok=True)

    def _make_room(self) -> None:
        """Find out before the first epoch whether a file can be put there."""
        folder = self.path.parent
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise ParameterError(
                f"Training(checkpoint={self.asked!r})",
                found="nothing can be written there",
                fix="name a file in a folder of yours",
            )

    def _require_same(self, found: Mapping[str, str]) -> None:
        mine = self.fingerprint
        differ = [part for part in PARTS if found.get(part) != mine.get(part)]
        if not differ:
            return
        raise ParameterError(
            f"Training(checkpoint={self.asked!r})",
            found=f"the file is of another fit, with other {_listed(differ)}"
            + "".join(_detail(part, found, mine) for part in differ),
            rule="a fit goes on from its own checkpoint only",
            fix="undo the change to go on, or delete the file to begin anew; for several fits, "
            "as in a cross-validation, name a folder: checkpoint='checkpoints/'",
        )


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Say whether a path means a folder of checkpoints."""
    ends = tuple(filter(None, (os.sep, os.altsep)))
    return os.fspath(path).endswith(ends) or Path(path).is_dir()


def seed_of(path: str | os.PathLike[str]) -> int | None:
    """Return the seed of the fit that a file is of; None if there is no file, or a folder.

    With it a fit of ``random_state=None`` goes on as well.

    Raises
    ------
    FileFormatError
        If the file is damaged, or not a checkpoint.
    """
    if is_folder(path) or not Path(path).exists():
        return None
    return int(read(Path(path))[1]["fingerprint"]["seed"])


def require_like(arrays: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Raise unless a saved state of a program has the weights of the program at hand.

    Raises
    ------
    ParameterError
        If it is one of another network.
    """
    saved, here = _shapes(arrays), _shapes(state)
    if saved != here:
        differ = sorted({*saved.items()} ^ {*here.items()})[:4]
        raise ParameterError(
            "going on from a checkpoint",
            found=f"its weights are not those of the model: {differ}",
            rule="the model must be built as it was when the fit began",
            fix="undo the change to go on, or delete the file to begin anew",
        )


def read(path: Path) -> tuple[Arrays, dict[str, Any]]:
    """Return all arrays and the JSON of a checkpoint."""
    try:
        with zipfile.ZipFile(path) as archive:
            meta = json.loads(archive.read(_META))
            _require_format(path, meta)
            return _arrays(archive), meta
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise _damaged(path, f"{error!s:.200}") from error


def _arrays(archive: zipfile.ZipFile) -> Arrays:
    found = {}
    for name in archive.namelist():
        if name != _META:
            with archive.open(name) as entry:
                array = np.lib.format.read_array(entry, allow_pickle=False)
            found[name.removesuffix(".npy")] = array
    return found


def _require_format(path: Path, meta: Any) -> None:
    if not isinstance(meta, dict) or not {"format", "fingerprint", "facts"} <= meta.keys():
        raise _damaged(path, "it is no checkpoint of unifml")
    if meta["format"] != FORMAT:
        raise FileFormatError(
            f"reading the checkpoint {path.name!r}",
            found=f"format {meta['format']}",
            rule=f"this version reads format {FORMAT}",
            fix="go on with the version that wrote it, or delete the file to begin anew",
        )


def _damaged(path: Path, why: str) -> FileFormatError:
    return FileFormatError(
        f"reading the checkpoint {path.name!r}",
        found=f"damaged, or not a checkpoint: {why}",
        fix="delete the file to begin the fit anew, or name another one",
    )


def _detail(part: str, found: Mapping[str, str], mine: Mapping[str, str]) -> str:
    """Return what a part was and is, where it is no digest."""
    if part in ("seed", "backend", "dtype"):
        return f"; {part} {found.get(part)!r} in the file, {mine.get(part)!r} now"
    return ""


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _shapes(state: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    wanted = ("weights/", "average/")
    return {name: np.shape(value) for name, value in state.items() if name.startswith(wanted)}


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} in the facts of a checkpoint")

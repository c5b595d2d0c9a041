"""Files that a command writes: looked at before the work, not after it."""

from __future__ import annotations

import os
from pathlib import Path

from unifml.errors import ParameterError


def writable(path: str, *endings: str) -> Path:
    """Return the path of a file that can be written.

    Parameters
    ----------
    path : str
        Where it goes.
    *endings : str
        Endings that another command would write.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError
        If it cannot.
    ParameterError
        For an ending of another kind of file.
    """
    target = Path(path)
    folder = target.parent
    if target.suffix in endings:
        raise ParameterError(
            f"writing {path}",
            found=f"a file {target.suffix} is of another kind",
            fix=_INSTEAD[target.suffix],
        )
    if not folder.is_dir():
        raise FileNotFoundError(f"no such folder: {os.fspath(folder)!r}")
    if target.is_dir():
        raise IsADirectoryError(f"a folder, not a file: {path!r}")
    if not os.access(folder, os.W_OK) or (target.exists() and not os.access(target, os.W_OK)):
        raise PermissionError(f"may not be written: {path!r}")
    return target


_INSTEAD = {
    ".onnx": "write -o MODEL.unifml, then: unifml export MODEL.unifml DATA -o MODEL.onnx",
    ".csv": "give the model a name of its own: -o MODEL.unifml",
    ".parquet": "give the model a name of its own: -o MODEL.unifml",
}

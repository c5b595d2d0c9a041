"""Rows in a file -> X and y as a fitted model takes them, for the command line."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from unifml.errors import DataError, MissingDependencyError
from unifml.runtime.csvfile import names_columns


def read_rows(
    path: str | os.PathLike[str], model: Any, target: str | None = None, *, delimiter: str = ","
) -> tuple[Any, Any, list[str]]:
    """Read rows for a fitted model.

    Parameters
    ----------
    path : str or path
        A file ``.csv`` (with names in its first line, unless all in it are numbers), ``.parquet``,
        or ``.npy`` with one array.
    model : estimator
        Fitted. If it knows names, columns are found by them; else all columns are taken.
    target : str or None
        Name of the column that holds the truth.
    delimiter : str
        What stands between cells of a text file.

    Returns
    -------
    X : frame or array
        The rows.
    y : array or None
        The truth, if there is a target.
    left : list of str
        Columns that the model does not take.

    Raises
    ------
    DataError
        For columns that are not there.
    MissingDependencyError
        If pandas is not installed.
    """
    if Path(path).suffix == ".npy":
        if target is not None:
            raise DataError(
                f"the target {target!r} of {os.fspath(path)}",
                found="an array without names",
                fix="leave --target out",
            )
        return read_array(path), None, []
    frame = read_frame(path, delimiter=delimiter, unnamed=True)
    y = None
    if target is not None:
        y = _column(frame, target, path)
        frame = frame.drop(columns=target)
    X, left = rows_for(model, frame, path)
    return X, y, left


def rows_for(model: Any, frame: Any, path: str | os.PathLike[str]) -> tuple[Any, list[str]]:
    """Return the columns of a frame that a fitted model takes, and the names of the others.

    Raises
    ------
    DataError
        For columns that are not there.
    """
    if getattr(model, "inputs", None) is not None:
        return frame, []
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        return _table(frame), []
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise DataError(
            f"rows of {os.fspath(path)}",
            found=f"columns are missing: {', '.join(map(str, missing[:8]))}",
            rule=f"the model was fitted on {', '.join(map(str, names[:8]))}",
        )
    return frame[list(names)], [str(name) for name in frame.columns if name not in names]


def read_frame(path: str | os.PathLike[str], *, delimiter: str = ",", unnamed: bool = False) -> Any:
    """Read a table with pandas.

    Parameters
    ----------
    path : str or path
        The file; ``.parquet`` by its name, text otherwise.
    delimiter : str
        What stands between cells of a text file.
    unnamed : bool
        Whether a first line of numbers alone is a row, as `runtime.csvfile` has it.
    """
    if find_spec("pandas") is None:
        raise MissingDependencyError.of(f"reading {os.fspath(path)}", ["pandas"], "all")
    import pandas as pd

    _there(path)
    try:
        if Path(path).suffix == ".parquet":
            return pd.read_parquet(path)
        first = pd.read_csv(path, sep=delimiter, nrows=1, header=None, dtype=str)
        named = not unnamed or names_columns(first.iloc[0].tolist())
        return pd.read_csv(path, sep=delimiter, header=0 if named else None)
    except (ValueError, pd.errors.ParserError) as error:
        raise DataError(f"reading {os.fspath(path)}", found=str(error)[:300]) from error


def read_array(path: str | os.PathLike[str]) -> Any:
    """Read one array of NumPy; nothing in it is run as code."""
    _there(path)
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise DataError(f"reading {os.fspath(path)}", found=str(error)[:300]) from error


def _there(path: str | os.PathLike[str]) -> None:
    if not os.path.isfile(path):
        raise FileNotFoundError(f"no such file: {os.fspath(path)!r}")


def _column(frame: Any, name: str, path: str | os.PathLike[str]) -> Any:
    if name not in frame.columns:
        raise DataError(
            f"the target {name!r}",
            found=f"{os.fspath(path)} has no such column",
            rule=f"columns: {', '.join(map(str, frame.columns[:8]))}",
        )
    return np.asarray(frame[name])


def _table(frame: Any) -> Any:
    """Return an array of numbers; of objects where there is text."""
    numeric = all(dtype.kind in "fiub" for dtype in frame.dtypes)
    return frame.to_numpy(np.float64 if numeric else object)

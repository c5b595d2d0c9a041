"""What goes into a file: told by the rows that are given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils import get_tags

from unifml.core.signature import Feeds
from unifml.errors import DataError, DataTypeError
from unifml.runtime.dates import is_dates
from unifml.runtime.feeding import frame_columns, is_missing
from unifml.runtime.frames import picked
from unifml.runtime.schema import OUTPUTS, PROBABILITIES, Input, Kind

TENSOR = "X"
NAMELESS = "_"  # a column called "": to ONNX, that is no input
_SEVERAL = re.compile(rf"{PROBABILITIES}_[0-9]+")


def inputs_of(X: Any) -> tuple[tuple[Input, ...], bool]:
    """Return the inputs, and whether there is one per column.

    Types are kept: a frame's of each column, an array's as float32 or float64, so that what is
    computed before a network or a tree is as exact as in scikit-learn. Images and signals are
    float32.

    Parameters
    ----------
    X : table
        The rows given.

    Raises
    ------
    DataTypeError
        For columns that are neither numbers nor text nor dates.
    """
    columns = frame_columns(X)
    if columns is not None:
        names = _unique([str(name) or NAMELESS for name in columns])
        kinds = [_kind(np.asarray(X[column]), column) for column in columns]
        return tuple(Input(n, k, (1,)) for n, k in zip(names, kinds, strict=True)), True
    if isinstance(X, Mapping) or (isinstance(X, list | tuple) and len({*map(np.shape, X)}) > 1):
        raise DataTypeError(
            f"exporting with X of type {type(X).__name__}",
            rule="a Classifier or Regressor alone takes dicts and sequences of unequal length",
            fix="export the last step of the pipeline",
        )
    values = X if hasattr(X, "shape") else np.asarray(X, dtype=_list_dtype(X))
    if values.ndim < 2:
        return _one_dimension(values)
    if getattr(values, "dtype", np.dtype(float)).kind in "OUSTmM" and values.ndim == 2:
        kinds = [_kind(np.asarray(column), i) for i, column in enumerate(values.T)]
        if "string" in kinds or "date" in kinds:
            return tuple(Input(f"x{i}", k, (1,)) for i, k in enumerate(kinds)), True
    return (
        Input(TENSOR, _precision(values), tuple(int(side) for side in values.shape[1:])),
    ), False


def _one_dimension(values: Any) -> tuple[tuple[Input, ...], bool]:
    """Return the input for documents: a list of texts."""
    if values.ndim == 1 and values.dtype.kind in "OU":
        return (Input(TENSOR, "string", ()),), False
    raise DataTypeError(
        f"exporting with X of {values.ndim} dimension(s)",
        rule="X must be a table of rows, or a list of texts",
    )


def _precision(values: Any) -> Kind:
    """Return float32 for numbers that fit in it, float64 for others: as the model got them."""
    dtype = values.dtype
    if values.ndim > 2 or dtype == np.float32:
        return "float"
    small = dtype.kind in "biuf" and dtype.itemsize <= (1 if dtype.kind == "b" else 2)
    return "float" if small else "double"


def inputs_of_network(feeds: Feeds) -> tuple[Input, ...]:
    """Return the inputs of a network as its file has them: tensors, and lengths of sequences.

    Parameters
    ----------
    feeds : tuple of Feed
        The inputs of the network.
    """
    found: list[tuple[str, Kind, tuple[int, ...]]] = []
    for feed in feeds:
        found.append((feed.name, "float", feed.shape))
        if feed.ragged:
            found.append((feed.lengths, "lengths", ()))
    names = _unique([name for name, _, _ in found])
    both = zip(names, found, strict=True)
    return tuple(Input(name, kind, row, key) for name, (key, kind, row) in both)


def in_order(model: Any, X: Any) -> Any:
    """Return a frame with the columns of fit alone, as they stood there; other rows as they are.

    A model that finds columns by name has taken them in any order, and among others.

    Raises
    ------
    DataError
        For columns that are not there.
    """
    known, names = known_names(model), frame_columns(X)
    if known is None or not names or getattr(model, "inputs", None) is not None:
        return X
    if tuple(names) == known or not all(isinstance(name, str) for name in names):
        return X
    missing = [name for name in known if name not in names]
    if missing:
        raise DataError(
            f"exporting with X without the columns {', '.join(missing[:5])}",
            rule="X has every column that was there in fit, those that are not used as well",
        )
    return picked(X, known)


def known_names(model: Any) -> tuple[str, ...] | None:
    """Return the column names that the model was fitted with."""
    names = getattr(model, "feature_names_in_", None)
    return None if names is None else tuple(str(name) for name in names)


def allows_nan(model: Any, X: Any) -> bool:
    """Say whether NaN is meant to be in X: by the model's tags, or because it is there."""
    if get_tags(model).input_tags.allow_nan:
        return True
    columns = frame_columns(X)
    parts = [X] if columns is None else [X[name] for name in columns]
    return any(_has_nan(part) for part in parts)


def holds_infinity(X: Any) -> bool:
    """Say whether infinite numbers are meant to be in X: a model that was asked took them."""
    columns = frame_columns(X)
    parts = [X] if columns is None else [X[name] for name in columns]
    return any(_has_infinity(part) for part in parts)


def _has_infinity(values: Any) -> bool:
    array = np.asarray(values.data if hasattr(values, "toarray") else values)
    return array.dtype.kind == "f" and bool(np.isinf(array).any())


def _has_nan(values: Any) -> bool:
    array = np.asarray(values.toarray() if hasattr(values, "toarray") else values)
    if array.dtype.kind == "f":
        return bool(np.isnan(array).any())
    return array.dtype.kind == "O" and any(is_missing(v) for v in array.ravel().tolist())


def _kind(values: Any, name: object) -> Kind:
    kind = values.dtype.kind
    if kind in "mM" or is_dates(values):
        return "date"
    if kind == "f":
        return "double" if values.dtype.itemsize > 4 else "float"
    if kind in "iu":
        return "int64"
    if kind == "b":
        return "bool"
    if kind in "UT":
        return "string"
    if kind != "O":
        raise DataTypeError(
            f"exporting column {name!r} of type {values.dtype}",
            rule="columns hold numbers, text or dates",
            fix="turn them into numbers before the pipeline",
        )
    there = [value for value in values.ravel().tolist() if not is_missing(value)]
    if there and all(isinstance(v, int | float) and not isinstance(v, bool) for v in there):
        return "double"
    return "string"


def _list_dtype(rows: Any) -> type | None:
    flat = [value for row in rows for value in (row if isinstance(row, list | tuple) else [row])]
    return object if any(isinstance(value, str) or value is None for value in flat) else None


def _unique(names: list[str]) -> list[str]:
    """Return names that no output has, and none twice."""
    seen = set(OUTPUTS)
    for i, name in enumerate(names):
        while name in seen or _SEVERAL.fullmatch(name):
            name += "_"
        seen.add(name)
        names[i] = name
    return names


def dtypes_of(X: Any) -> tuple[str, ...] | None:
    """Return the dtypes of a frame's columns as its library calls them; None for arrays."""
    columns = frame_columns(X)
    if columns is None:
        return None
    return tuple(str(getattr(X[name], "dtype", getattr(X[name], "type", ""))) for name in columns)

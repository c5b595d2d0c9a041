"""Images, sequences and dicts of arrays -> the tensors of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.errors import DataError, DataTypeError
from unifml.runtime.floats import numbers
from unifml.runtime.frames import cut_frame, frame_columns
from unifml.runtime.schema import LENGTHS, Input, Schema

Array = npt.NDArray[Any]
Feed = dict[str, Array]


def tensors(schema: Schema, X: Any) -> Feed:
    """Return the tensors of a file by name.

    Parameters
    ----------
    schema : Schema
        What the file takes.
    X : array, list of sequences, or dict of these
        As the model took them.

    Raises
    ------
    DataError
        For rows of another shape, or missing or unknown keys.
    DataTypeError
        For something else than a dict where there are several inputs.
    """
    parts = _by_key(schema, X)
    feed: Feed = {}
    for spec in schema.feeds:
        values, lengths = _one(spec, parts, schema)
        feed[spec.name] = values
        feed |= {s.name: lengths for s in schema.inputs if s.source == f"{spec.source}{LENGTHS}"}
    rows = {name: len(values) for name, values in feed.items()}
    if len(set(rows.values())) > 1:
        raise DataError(f"inputs of different numbers of rows: {rows}")
    return feed


def _by_key(schema: Schema, X: Any) -> Mapping[str, Any]:
    keys = [spec.source for spec in schema.inputs]
    if schema.cut is not None and frame_columns(X) is not None:
        X = cut_frame(X, schema.cut)
    if not isinstance(X, Mapping):
        if schema.by_name:
            raise DataTypeError(
                f"X of type {type(X).__name__}", rule=f"X is a dict of {', '.join(keys)}"
            )
        return {keys[0]: X}
    strange = [key for key in X if key not in keys]
    missing = [spec.source for spec in schema.feeds if spec.source not in X]
    if strange or missing:
        raise DataError(
            f"X with the keys {list(X)}",
            found=f"missing: {missing}" if missing else f"unknown: {strange}",
            rule=f"the model takes {', '.join(keys)}",
        )
    return X


def _one(spec: Input, parts: Mapping[str, Any], schema: Schema) -> tuple[Array, Array]:
    """Return one input, and the lengths of its sequences (of all rows, if they are none)."""
    what, X = f"X[{spec.source!r}]" if schema.by_name else "X", from_tensor(parts[spec.source])
    known = parts.get(f"{spec.source}{LENGTHS}")
    apart = isinstance(X, Sequence) or getattr(X, "dtype", None) == np.dtype(object)
    if spec.ragged and apart and known is None:
        values, lengths = _padded(spec, list(X), what)
    else:
        values = numbers(np.asarray(X), what, np.float32)
        values = values[:, None] if values.ndim == 1 and spec.row == (1,) else values
        _check_shape(values, spec, what)
        lengths = _lengths(values, known, what, spec.ragged)
        if known is not None:
            values = _without_padding(values, lengths)
    return values, lengths


def from_tensor(values: Any) -> Any:
    """Return a tensor of a framework on the host and without a gradient; others as they are."""
    if hasattr(type(values), "__dlpack__") and not isinstance(values, np.ndarray | np.generic):
        for name in ("detach", "cpu"):
            values = getattr(values, name, lambda same=values: same)()
    return values


def _padded(spec: Input, rows: list[Any], what: str) -> tuple[Array, Array]:
    """Put sequences side by side, with zeros behind their ends."""
    if not rows:
        raise DataError(f"{what} without rows", rule="at least one row is needed")
    each = [
        numbers(np.asarray(from_tensor(row)), f"{what}[{i}]", np.float32)
        for i, row in enumerate(rows)
    ]
    for i, values in enumerate(each):
        if values.ndim != len(spec.row) or values.shape[1:] != spec.row[1:] or not len(values):
            raise DataError(f"{what}[{i}] of shape {values.shape}", rule=_rule(spec))
    lengths = np.array([len(values) for values in each], dtype=np.int64)
    padded = np.zeros((len(each), int(lengths.max()), *spec.row[1:]), dtype=np.float32)
    for row, values in zip(padded, each, strict=True):
        row[: len(values)] = values
    return padded, lengths


def _check_shape(values: Array, spec: Input, what: str) -> None:
    fixed = 1 + spec.ragged
    fits = values.ndim == 1 + len(spec.row) and values.shape[fixed:] == spec.row[fixed - 1 :]
    if not fits or not values.size:
        raise DataError(f"{what} of shape {values.shape}", rule=_rule(spec))


def _lengths(values: Array, known: Any, what: str, ragged: bool) -> Array:
    if not ragged or known is None:
        return np.full(len(values), values.shape[1] if ragged else 1, dtype=np.int64)
    lengths = np.asarray(known)
    whole = lengths.dtype.kind in "iu" and lengths.shape == values.shape[:1]
    if not whole or lengths.min() < 1 or lengths.max() > values.shape[1]:
        raise DataError(
            f"lengths of {what}",
            rule=f"{len(values)} whole numbers from 1 to {values.shape[1]}",
        )
    return lengths.astype(np.int64)


def _without_padding(values: Array, lengths: Array) -> Array:
    """Set to 0 whatever stands behind the ends."""
    behind = np.arange(values.shape[1]) >= lengths[:, None]
    return np.where(behind.reshape(*behind.shape, *(1,) * (values.ndim - 2)), 0, values)


def _rule(spec: Input) -> str:
    sides = ", ".join("steps" if side < 0 else str(side) for side in spec.row)
    rows = "each row is a sequence" if spec.ragged else "there are rows, each"
    return f"{rows} of shape ({sides}{',' if len(spec.row) == 1 else ''})"

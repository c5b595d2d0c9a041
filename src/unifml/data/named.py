"""Inputs by name: a dict of arrays, or a frame that is cut into some."""

from __future__ import annotations

from collections.abc import Mapping
from keyword import iskeyword
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from unifml.core.inputs import is_lengths
from unifml.core.signature import LENGTHS
from unifml.errors import DataError, DataTypeError, ParameterError


def cut_frame(X: Any, inputs: Any) -> dict[str, Any]:
    """Cut a frame into inputs by name.

    Parameters
    ----------
    X : frame of pandas, polars or Arrow
        The rows; a dict passes, cut already.
    inputs : mapping
        For each input the columns that make it: a list of columns of numbers, or the name of one
        column that holds an array in each row.

    Raises
    ------
    DataTypeError
        For what is no frame.
    ParameterError
        For columns that the frame does not have.
    """
    if not isinstance(inputs, Mapping) or not inputs:
        raise ParameterError(
            f"inputs={inputs!r:.80}", rule='a dict such as {"tabular": ["age"], "image": "pixels"}'
        )
    if isinstance(X, Mapping):
        return dict(X)
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if not isinstance(frame, nw.DataFrame):
        raise DataTypeError(
            f"inputs={inputs!r:.80}", found=f"X is a {type(X).__name__}", rule="a frame can be cut"
        )
    known = set(frame.columns)
    asked = {c for cs in inputs.values() for c in ([cs] if isinstance(cs, str) else cs)}
    if not asked <= known:
        raise ParameterError(
            f"inputs={inputs!r:.80}",
            found=f"no columns {sorted(asked - known)[:5]}",
            rule=f"columns are {sorted(known)[:10]}",
        )
    return {name: _block(frame, columns) for name, columns in inputs.items()}


def check_names(X: Mapping[str, Any]) -> None:
    """Raise for names that no network could have as inputs.

    Raises
    ------
    DataError
    """
    wrong = [name for name in X if not _fits(name)]
    if wrong or not X:
        raise DataError(
            "inputs by name",
            found=f"names {wrong or 'none'}",
            rule=f"names are Python identifiers that do not end in {LENGTHS}",
        )


def _fits(name: object) -> bool:
    """Whether a network may call an input so: it becomes an argument of a function."""
    if not isinstance(name, str) or not name.isidentifier() or iskeyword(name):
        return False
    return name != "self" and not is_lengths(name)


def _block(frame: nw.DataFrame[Any], columns: Any) -> Any:
    if not isinstance(columns, str):
        return frame.select(list(columns)).to_native()
    cells = frame[columns].to_list()
    if cells and np.ndim(cells[0]) == 0:
        return np.asarray(cells)[:, None]
    return [np.asarray(cell) for cell in cells]

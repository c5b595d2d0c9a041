"""Columns that hold codes of categories."""

from __future__ import annotations

from typing import Any

import numpy as np

from unifml.data.streams.lazy import pieces
from unifml.errors import DataError


def code_levels(X: Any, columns: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Return how many codes there are in each of some columns: one more than the largest.

    Raises
    ------
    DataError
        For values that are not whole numbers from 0 on.
    """
    if not columns:
        return ()
    levels = []
    codes = np.concatenate([part[:, list(columns)] for part in pieces(X)])
    for column, values in zip(columns, codes.T, strict=True):
        if np.any(values < 0) or np.any(values != np.floor(values)):
            strange = values[(values < 0) | (values != np.floor(values))][:3].tolist()
            raise DataError(
                f"column {column} of X, which holds codes",
                found=f"{strange}",
                rule="codes are whole numbers from 0 on",
                fix="make them with sklearn.preprocessing.OrdinalEncoder",
            )
        levels.append((column, int(values.max()) + 1))
    return tuple(levels)

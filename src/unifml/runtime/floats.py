"""From a user's values to floats."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.errors import DataError, DataTypeError


def numbers(values: npt.NDArray[Any], what: str, dtype: Any) -> npt.NDArray[Any]:
    """Return floats of `dtype`; missing values of any kind become NaN."""
    if values.dtype.kind in "mMc":
        raise DataTypeError(f"{what} is of type {values.dtype}", rule="numbers are needed")
    if values.dtype.kind == "O":
        flat = [np.nan if is_missing(value) else value for value in values.ravel().tolist()]
        values = _floats(flat, what, dtype).reshape(values.shape)
    with np.errstate(over="ignore"):  # infinite values are refused by name, later
        return np.ascontiguousarray(_floats(values, what, dtype))


def is_missing(value: Any) -> bool:
    """Say whether a value is None, NaN or pandas' NA."""
    return value is None or type(value).__name__ == "NAType" or value != value


def _floats(values: Any, what: str, dtype: Any) -> npt.NDArray[Any]:
    try:
        return np.asarray(values, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise DataError(f"{what}: {error}", rule="numbers are needed") from error


def refuse_not_finite(values: npt.NDArray[Any]) -> None:
    """Raise for values that are NaN or infinite, in scikit-learn's words.

    Raises
    ------
    DataError
    """
    if np.isnan(values).any():
        raise DataError("Input X contains NaN.")
    raise DataError(f"Input X contains infinity or a value too large for {values.dtype!r}.")

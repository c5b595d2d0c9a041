"""From a user's values to floats."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.errors import DataError, DataTypeError

Array = npt.NDArray[Any]


def numbers(values: Array, what: str, dtype: Any) -> Array:
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


def _floats(values: Any, what: str, dtype: Any) -> Array:
    try:
        return np.asarray(values, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise DataError(f"{what}: {error}", rule="numbers are needed") from error


def is_finite(values: Array) -> bool:
    """Say whether there is neither NaN nor infinity.

    One half times the other, summed, is finite only if all values are: every value is read once,
    by BLAS, and nothing is written. Where finite values are so large that their products are not,
    all are looked at.
    """
    flat = values.ravel()
    half = (flat.size + 1) >> 1
    # vdot, for dot would warn of overflow
    return isfinite(np.vdot(flat[:half], flat[-half:])) or bool(np.isfinite(flat).all())


def check_finite(values: Array, allow_nan: bool = False, allow_infinity: bool = False) -> None:
    """Raise for values that are NaN or infinite and may not be, in scikit-learn's words.

    Raises
    ------
    DataError
    """
    if values.dtype.kind != "f" or is_finite(values):
        return
    if not allow_nan and np.isnan(values).any():
        raise DataError("Input X contains NaN.")
    if not allow_infinity and np.isinf(values).any():
        raise DataError(f"Input X contains infinity or a value too large for {values.dtype!r}.")

"""From a user's rows to what the outputs of a file say of them."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.errors import DataError
from unifml.runtime.columns import DTYPES
from unifml.runtime.feeding import Feed, Feeder
from unifml.runtime.floats import is_finite

Array = npt.NDArray[Any]
Ask = Callable[[Any], list[Array]]
_CHUNK, _VALUES = 1 << 14, 1 << 24  # rows and values computed at once, so that memory is bounded
_WITHIN, _FEWEST = 1 << 26, 64  # values of a tensor in between, and rows all the same
_WIDE = np.dtype(np.float64)


def asker(session: Any, feeder: Feeder, outputs: list[str], *, finite: bool = True) -> Ask:
    """Return what asks a file for some of its outputs.

    A tensor that is ready takes a short way, in one function: after onnxruntime has run, nothing
    of Python is left in the caches of the processor, and every further call costs a microsecond.
    It checks what the long way checks, which is left with whatever is to be refused.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        The open file.
    feeder : Feeder
        Makes tensors of rows.
    outputs : list of str
        What is asked.
    finite : bool
        Whether numbers that are NaN or infinite are refused.
    """
    spec, run, vdot, ndarray = feeder.schema.inputs[0], session.run, np.vdot, np.ndarray
    name, width, dtype = spec.name, spec.row, DTYPES.get(spec.kind)
    short = feeder.of_table and finite and dtype is not None
    most = max(_FEWEST, min(_CHUNK, _WITHIN // feeder.schema.widest))

    def ask(X: Any) -> list[Array]:
        ready = short and type(X) is ndarray and X.shape[1:] == width and 0 < X.size <= _VALUES
        if ready and X.dtype == _WIDE != dtype:
            with np.errstate(over="ignore"):
                X = X.astype(dtype)
        if ready and X.dtype == dtype and X.flags.c_contiguous and len(X) <= most:
            flat = X.ravel()
            half = (flat.size + 1) >> 1
            if isfinite(vdot(flat[:half], flat[-half:])):  # as floats.is_finite does it
                try:
                    found: list[Array] = run(outputs, {name: X})
                except Exception as error:
                    raise _not_computed(error) from error
                for values in found:
                    if values.dtype.kind == "f":
                        flat = values.ravel()
                        half = (flat.size + 1) >> 1
                        if not isfinite(vdot(flat[:half], flat[-half:])):
                            _check(values)
                return found
        found = _computed(session, outputs, feeder(X), most)
        for values in found if finite else ():
            _check(values)
        return found

    return ask


def _computed(session: Any, outputs: list[str], feed: Feed, most: int) -> list[Array]:
    """Compute outputs of rows; many rows in parts."""
    n, total = len(next(iter(feed.values()))), sum(values.size for values in feed.values())
    size = min(most, max(1, _VALUES * n // total))
    parts = []
    for start in range(0, n, size):
        part = {name: values[start : start + size] for name, values in feed.items()}
        try:
            parts.append(session.run(outputs, part))
        except Exception as error:
            raise _not_computed(error) from error
    return parts[0] if len(parts) == 1 else [np.concatenate(p) for p in zip(*parts, strict=True)]


def _check(values: Array) -> None:
    if values.dtype.kind == "f" and not is_finite(values):
        raise DataError(
            "predictions are NaN or infinite",
            found="X holds values (NaN, or too large for float32) that the model cannot take",
        )


def _not_computed(error: Exception) -> DataError:
    return DataError("rows that the model cannot compute", found=f"onnxruntime: {str(error)[:300]}")

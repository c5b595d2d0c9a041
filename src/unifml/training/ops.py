"""The few operations on arrays that losses are written in, as any framework has them."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

TINY = 1.1754943508222875e-38
"""The least probability of which a logarithm is taken: the least normal number of float32."""


class Ops(Protocol):
    """A namespace of operations, such as a module; arrays are of any framework.

    Outputs are (n, width); reductions leave one number for each row.
    """

    def exp(self, x: Any, /) -> Any: ...

    def expm1(self, x: Any, /) -> Any: ...

    def log(self, x: Any, /) -> Any: ...

    def abs(self, x: Any, /) -> Any: ...

    def softplus(self, x: Any, /) -> Any:
        """Return ``log(1 + exp(x))`` without overflow."""
        ...

    def log_softmax(self, x: Any, /) -> Any:
        """Return it along the last axis."""
        ...

    def floor_at(self, x: Any, least: float, /) -> Any:
        """Return the larger of x and a number."""
        ...

    def where(self, condition: Any, x: Any, y: Any, /) -> Any: ...

    def mean(self, x: Any, /) -> Any:
        """Return the mean of each row."""
        ...

    def sum(self, x: Any, /) -> Any:
        """Return the sum of each row."""
        ...

    def pick(self, x: Any, codes: Any, /) -> Any:
        """Return of each row the entry at its code."""
        ...

    def concat(self, x: Any, y: Any, /) -> Any:
        """Put columns beside columns."""
        ...

    def is_whole(self, x: Any, /) -> bool:
        """Say whether the dtype is one of whole numbers or bools."""
        ...

    def like(self, x: Any, other: Any, /) -> Any:
        """Return x in the dtype of another array."""
        ...

    def shaped_like(self, x: Any, other: Any, /) -> Any:
        """Return x in the shape of another array."""
        ...


class NumpyOps:
    """`Ops` on NumPy's arrays: the oracle of all others."""

    exp, expm1, log, abs = np.exp, np.expm1, np.log, np.abs

    def softplus(self, x: Any) -> Any:
        return np.logaddexp(0.0, x)

    def log_softmax(self, x: Any) -> Any:
        moved = x - x.max(axis=-1, keepdims=True)
        return moved - np.log(np.exp(moved).sum(axis=-1, keepdims=True))

    def floor_at(self, x: Any, least: float) -> Any:
        return np.maximum(x, least)

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        return np.where(condition, x, y)

    def mean(self, x: Any) -> Any:
        return x.mean(axis=1)

    def sum(self, x: Any) -> Any:
        return x.sum(axis=1)

    def pick(self, x: Any, codes: Any) -> Any:
        return x[np.arange(len(x)), codes]

    def concat(self, x: Any, y: Any) -> Any:
        return np.concatenate([x, y], axis=1)

    def is_whole(self, x: Any) -> bool:
        return bool(x.dtype.kind in "iub")

    def like(self, x: Any, other: Any) -> Any:
        return np.asarray(x, dtype=other.dtype)

    def shaped_like(self, x: Any, other: Any) -> Any:
        return np.reshape(x, other.shape)


NUMPY = NumpyOps()

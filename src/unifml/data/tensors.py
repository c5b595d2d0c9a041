"""Tensors of frameworks as arrays, without importing any framework."""

from __future__ import annotations

from typing import Any

import numpy as np


def from_tensor(values: Any) -> Any:
    """Return a tensor of torch, JAX or TensorFlow as an array; anything else as it is.

    A tensor is told by ``__dlpack__``. One on a device is copied to the host, one with a gradient
    loses it, and bfloat16, which NumPy has not, becomes float32.
    """
    if isinstance(values, np.ndarray | np.generic) or not hasattr(type(values), "__dlpack__"):
        return values
    for name in ("detach", "cpu"):
        values = getattr(values, name, lambda same=values: same)()
    if "bfloat16" in str(getattr(values, "dtype", "")):
        values = values.float() if hasattr(values, "float") else values.astype("float32")
    return np.asarray(values)

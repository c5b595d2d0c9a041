"""Numbers to learn in a regression."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_array, column_or_1d

from unifml.core.table import FloatArray


def check_numbers(y: Any) -> FloatArray:
    """Return targets in float64, of shape (n,) or (n, outputs).

    A single column of two dimensions becomes one dimension, with scikit-learn's warning.
    """
    values = check_array(y, dtype="numeric", ensure_2d=False, allow_nd=False, input_name="y")
    if values.ndim == 2 and values.shape[1] == 1:
        values = column_or_1d(values, warn=True)
    return np.ascontiguousarray(values, dtype=np.float64)

"""Numbers to learn in a regression."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_array, column_or_1d

from unifml.core.table import FloatArray
from unifml.data.strange import as_numbers, check_size


def check_numbers(y: Any) -> FloatArray:
    """Return targets in float64, of shape (n,) or (n, outputs).

    A single column of two dimensions becomes one dimension, with scikit-learn's warning.
    """
    plain = as_numbers(y, "y")
    values = check_array(plain, dtype=np.float64, ensure_2d=False, allow_nd=False, input_name="y")
    if values.ndim == 2 and values.shape[1] == 1:
        values = column_or_1d(values, warn=True)
    check_size(values, "y")
    return np.ascontiguousarray(values)

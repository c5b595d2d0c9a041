"""A table whose columns can be taken one by one, as scikit-learn's inspection does."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.validation import _get_feature_names

from unifml.errors import DataTypeError


def as_columns(asked: str, X: Any) -> Any:
    """Return X as a pandas frame or an array with columns.

    Raises
    ------
    DataTypeError
        For what has no columns: images, sequences, inputs by name, sparse matrices.
    """
    if hasattr(X, "to_pandas"):  # polars and Arrow
        return X.to_pandas()
    if hasattr(X, "iloc"):
        return X
    values = X if sparse.issparse(X) or hasattr(X, "keys") else np.asarray(X)
    if getattr(values, "ndim", 0) != 2 or sparse.issparse(values):
        raise DataTypeError(
            asked,
            found=f"X is {type(X).__name__} of shape {getattr(values, 'shape', 'unknown')}",
            rule="a dense table is needed, whose columns can be changed one by one",
        )
    return values


def names_of(X: Any, estimator: Any) -> list[str]:
    """Return the names of the columns: the frame's, else those learned, else ``x0``, ``x1``."""
    found = _get_feature_names(X)
    if found is None:
        found = getattr(estimator, "feature_names_in_", None)
    if found is None or len(found) != X.shape[1]:
        return [f"x{i}" for i in range(X.shape[1])]
    return [str(name) for name in found]

"""What transformers of columns have in common: the columns of any table, and their names."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

from unifml.errors import DataError

Array = npt.NDArray[Any]


class ColumnByColumn(TransformerMixin, BaseEstimator):
    """The base of transformers that take columns of any type, each by itself."""

    def _columns(self, X: Any, reset: bool) -> list[Array]:
        """Return the columns as arrays; names and their number must agree unless `reset`."""
        if not reset:
            check_is_fitted(self, "n_features_in_")
        table = X if hasattr(X, "shape") else np.asarray(X, dtype=object)
        if len(table.shape) != 2 or not table.shape[0]:
            raise DataError(
                f"{type(self).__name__} with X of shape {tuple(table.shape)}",
                rule="X is a table of at least one row",
                fix='pick a column as a table: X[["name"]]',
            )
        validate_data(self, table, reset=reset, skip_check_array=True)
        return columns_of(table)

    def _names(self, input_features: Any) -> list[str]:
        check_is_fitted(self, "n_features_in_")
        return [str(name) for name in _check_feature_names_in(self, input_features)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.categorical = tags.input_tags.allow_nan = True
        return tags


def columns_of(X: Any) -> list[Array]:
    """Return the columns of a frame of any library, or of a two-dimensional array."""
    if hasattr(X, "iloc"):
        return [as_array(X.iloc[:, i]) for i in range(X.shape[1])]
    names = getattr(X, "column_names", None)  # Arrow
    if names is None and not callable(getattr(X, "columns", len)):
        names = X.columns
    return list(np.asarray(X).T) if names is None else [as_array(X[name]) for name in names]


def as_array(column: Any) -> Array:
    """Return a column of a frame as an array; times that know their zone, in UTC."""
    zoned = getattr(getattr(column, "dtype", None), "tz", None) is not None
    return np.asarray(column, dtype="datetime64[us]" if zoned else None)

"""`Texts`: columns of anything as text."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from unifml.columns.base import Array, ColumnByColumn
from unifml.data.strange import is_missing


class Texts(ColumnByColumn):
    """Turn values into text, and missing ones of any kind into one word.

    Encoders of scikit-learn want columns that are all text or all numbers, and tell None, NaN and
    pandas' NA apart.

    Parameters
    ----------
    missing : str
        What stands for a missing value.

    Examples
    --------
    >>> from unifml.columns import Texts
    >>> Texts().fit_transform([["a", True], [None, 2]]).tolist()
    [['a', 'True'], ['missing', '2']]
    """

    def __init__(self, missing: str = "missing") -> None:
        self.missing = missing

    def fit(self, X: Any, y: Any = None) -> Self:
        """Remember how many columns there are, and their names.

        Parameters
        ----------
        X : table of shape (n, n_features)
            Values of any type.
        y : None
            Is not looked at.
        """
        self._columns(X, reset=True)
        return self

    def transform(self, X: Any) -> Array:
        """Return all values as text.

        Parameters
        ----------
        X : table of shape (n, n_features)
            Values of any type.

        Returns
        -------
        object array of shape (n, n_features)
        """
        columns = self._columns(X, reset=False)
        return np.stack([as_text(column, self.missing) for column in columns], axis=1)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Return the names of the columns."""
        return np.asarray(self._names(input_features), dtype=object)


def as_text(column: Array, missing: str) -> Array:
    """Return values as str, with one text for those that are missing."""
    found = np.empty(len(column), dtype=object)
    found[:] = [
        value if type(value) is str else missing if is_missing(value) else str(value)
        for value in column.tolist()
    ]
    return found

"""`Words`: a column of long text by the words in it."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.utils.validation import check_is_fitted

from unifml.columns.base import Array, ColumnByColumn
from unifml.columns.texts import as_text
from unifml.core.table import FloatArray
from unifml.errors import DataError

ASCII = "[a-zA-Z0-9_]+"
"""A pattern of words that Python and ONNX read alike."""


class Words(TransformerMixin, TfidfVectorizer):
    """scikit-learn's TfidfVectorizer for one column of a table, with missing texts and as an array.

    It has all parameters of `sklearn.feature_extraction.text.TfidfVectorizer`. Missing texts have
    no words. An ONNX file splits and lowers ASCII letters alone, so that ``token_pattern`` should
    be ``"[a-zA-Z0-9_]+"``.

    Examples
    --------
    >>> from unifml.columns import Words
    >>> Words(norm=None, use_idf=False).fit_transform([["red red wine"], [None]])
    array([[2., 1.],
           [0., 0.]])
    """

    def fit(self, raw_documents: Any, y: Any = None) -> Self:
        """Learn the words and how rare they are.

        Parameters
        ----------
        raw_documents : table of shape (n, 1)
            Texts.
        y : None
            Is not looked at.
        """
        super().fit(self._documents(raw_documents, reset=True))
        return self

    def fit_transform(self, raw_documents: Any, y: Any = None) -> FloatArray:
        """Do `fit`, and `transform` the same texts."""
        return self.fit(raw_documents).transform(raw_documents)

    def transform(self, raw_documents: Any) -> FloatArray:
        """Return weights of words.

        Parameters
        ----------
        raw_documents : table of shape (n, 1)
            Texts.

        Returns
        -------
        float64 array of shape (n, words)
        """
        check_is_fitted(self, "vocabulary_")
        documents = self._documents(raw_documents, reset=False)
        return np.asarray(super().transform(documents).toarray())

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Return the words."""
        return np.asarray(super().get_feature_names_out(), dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = tags.input_tags.allow_nan = True
        return tags

    def _documents(self, X: Any, reset: bool) -> list[str]:
        columns = ColumnByColumn._columns(self, X, reset)
        if len(columns) != 1:
            raise DataError(f"Words with {len(columns)} columns", rule="it takes one")
        return list(as_text(columns[0], ""))

"""From a user's table to the tensors of a file: the same way in the proof and in use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.errors import DataError
from unifml.runtime.columns import DTYPES, documents, values_of
from unifml.runtime.columns import strings as strings
from unifml.runtime.columns import text_of as text_of
from unifml.runtime.floats import check_finite
from unifml.runtime.floats import is_missing as is_missing
from unifml.runtime.floats import numbers as numbers
from unifml.runtime.frames import frame_columns as frame_columns
from unifml.runtime.frames import picked
from unifml.runtime.schema import Input, Schema
from unifml.runtime.tensors import from_tensor, tensors

Feed = dict[str, npt.NDArray[Any]]


class Feeder:
    """Checks tables against a schema, in scikit-learn's words, and turns them into tensors.

    Parameters
    ----------
    schema : Schema
        What the file takes.
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.first = schema.inputs[0].name
        self.of_table = not (schema.by_column or schema.of_documents or schema.of_tensors)
        self._width = schema.inputs[0].row[-1:]
        self._floats = all(spec.kind in DTYPES for spec in schema.inputs)
        self._rows = self._way()

    def _way(self) -> Callable[[Any], Feed]:
        """Return what makes tensors of such rows."""
        if self.schema.by_column:
            return self._by_column
        if self.schema.of_documents:
            return lambda X: {self.first: documents(X)}
        if self.schema.of_tensors:
            return lambda X: tensors(self.schema, X)
        return self._table

    def __call__(self, X: Any) -> Feed:
        """Return the tensors by name.

        Raises
        ------
        DataError
            For a table of another shape, other names, or values that the model cannot take.
        """
        feed = self._rows(X)
        for values in feed.values():
            check_finite(values, self.schema.allow_nan, self.schema.allow_infinity)
        return feed

    def _table(self, X: Any) -> Feed:
        values = X if type(X) is np.ndarray else self._array(X)
        values = values_of(self.schema.inputs[0].kind, values, "X")
        if values.shape[1:] != self._width or not len(values):
            self._refuse_shape(values.shape)
        return {self.first: values}

    def _array(self, X: Any) -> npt.NDArray[Any]:
        self._named(X)
        if hasattr(X, "toarray"):
            return np.asarray(X.toarray())
        return _grid(from_tensor(X))

    def _by_column(self, X: Any) -> Feed:
        columns = list(self._columns(X))
        if len(columns) != len(self.schema.inputs):
            self._refuse_width(len(columns))
        feed = {
            i.name: self._column(i, c) for i, c in zip(self.schema.inputs, columns, strict=True)
        }
        if not len(feed[self.first]):
            self._refuse_shape((0, len(columns)))
        return feed

    def _columns(self, X: Any) -> Iterable[Any]:
        names = self._named(X)
        if names is not None:
            together = self._together(X, names)
            return (X[name] for name in names) if together is None else together.T
        values = _grid(X, None if hasattr(X, "dtype") else object)
        if values.ndim != 2:
            self._refuse_shape(values.shape)
        return values.T

    def _column(self, spec: Input, column: Any) -> npt.NDArray[Any]:
        return values_of(spec.kind, column, f"column {spec.name!r}").reshape(-1, 1)

    def _together(self, X: Any, names: Sequence[Any]) -> npt.NDArray[Any] | None:
        """Return a frame of floats as one array, which is faster; None for others."""
        if not self._floats or not hasattr(X, "to_numpy"):
            return None
        values = (X if list(names) == frame_columns(X) else picked(X, names)).to_numpy()
        return values if values.dtype.kind == "f" else None

    def _named(self, X: Any) -> Sequence[Any] | None:
        """Return the columns of a frame as the file has them, None for others."""
        known, names = self.schema.feature_names, feature_names(X)
        if known is None or names is None or names == known:
            return frame_columns(X)
        if self.schema.any_order and {*known} <= {*names}:
            return known
        lines = ["The feature names should match those that were passed during fit."]
        unseen, missing = sorted(set(names) - set(known)), sorted(set(known) - set(names))
        if unseen:
            lines += ["Feature names unseen at fit time:", *_listed(unseen)]
        if missing:
            lines += ["Feature names seen at fit time, yet now missing:", *_listed(missing)]
        if not unseen and not missing:
            lines += ["Feature names must be in the same order as they were in fit."]
        raise DataError("\n".join(lines))

    def _refuse_shape(self, shape: tuple[int, ...]) -> None:
        if len(shape) == 2 and not shape[0]:
            raise DataError(
                f"Found array with 0 sample(s) (shape={shape}) while a minimum of 1 is required."
            )
        if len(shape) == 2:
            self._refuse_width(shape[1])
        raise DataError(
            f"Expected 2D array, got {len(shape)}D array instead",
            fix="Reshape your data using X.reshape(1, -1) if it contains a single sample",
        )

    def _refuse_width(self, width: int) -> None:
        raise DataError(
            f"X has {width} features, but OnnxEstimator is expecting "
            f"{self.schema.n_features} features as input."
        )


def _grid(X: Any, dtype: Any = None) -> npt.NDArray[Any]:
    try:
        return np.asarray(X, dtype=dtype)
    except ValueError as error:
        raise DataError("X", found=str(error)[:100], rule="rows of one length") from error


def feature_names(X: Any) -> tuple[str, ...] | None:
    """Return the names of the columns, if all are strings; else scikit-learn knows no names."""
    names = frame_columns(X)
    if not names or not all(isinstance(name, str) for name in names):
        return None
    return tuple(str(name) for name in names)


def _listed(names: list[str]) -> list[str]:
    shown = [f"- {name}" for name in names[:5]]
    return [*shown, "- ..."] if len(names) > 5 else shown

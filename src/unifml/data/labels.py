"""Class labels of any kind <-> codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from unifml.core.table import IntArray
from unifml.core.task import Task
from unifml.data.strange import is_missing, refuse_container
from unifml.data.tensors import from_tensor
from unifml.errors import DataError, DataTypeError


@dataclass(frozen=True)
class LabelCodes:
    """The classes of a problem and their codes.

    Attributes
    ----------
    classes : array of shape (k,)
        Sorted labels in the user's own type; column numbers of a multilabel problem.
    multilabel : bool
        Whether y is a matrix of labels that are on or off.
    """

    classes: npt.NDArray[Any]
    multilabel: bool = False

    @classmethod
    def of(cls, y: Any, classes: Any = None) -> LabelCodes:
        """Find the classes in y, or take those given (for `partial_fit`)."""
        y = plain_labels(y)
        check_classification_targets(y)
        if type_of_target(y) == "multilabel-indicator":
            return cls(np.arange(np.shape(y)[1]), multilabel=True)
        return cls(np.unique(column_or_1d(y)) if classes is None else _given(classes))

    @property
    def task(self) -> Task:
        """The task that these labels make."""
        if self.multilabel:
            return Task("classification", len(self.classes), 2)
        return Task("classification", 1, len(self.classes))

    def encode(self, y: Any) -> IntArray:
        """Return codes (n,), or the matrix of 0 and 1 of a multilabel problem.

        Raises
        ------
        DataError
            For labels that are not among the classes.
        """
        labels = plain_labels(y)
        if self.multilabel:
            return self._matrix(labels)
        labels = column_or_1d(labels, warn=True)
        if _is_text(labels) != _is_text(self.classes):
            raise self._strangers(labels)
        codes = np.searchsorted(self.classes, labels)
        codes = np.minimum(codes, len(self.classes) - 1).astype(np.int64)
        strange = self.classes[codes] != labels
        if strange.any():
            raise self._strangers(labels[strange])
        return np.asarray(codes)

    def decode(self, codes: IntArray) -> npt.NDArray[Any]:
        """Return labels for codes."""
        return codes if self.multilabel else self.classes[codes]

    def require_same(self, classes: Any) -> None:
        """Raise if `classes`, where given, are not these."""
        if classes is not None and not np.array_equal(_given(classes), self.classes):
            raise DataError(
                f"`classes={classes!r:.100}` is not the same as on last call to partial_fit, "
                f"was: {self.classes[:10].tolist()}"
            )

    def require_two(self, codes: IntArray) -> None:
        """Raise unless at least two classes are among `codes`."""
        if not self.multilabel and len(np.unique(codes)) < 2:
            raise DataError(
                "fitting a classifier",
                found="rows of only one class (after those of zero weight have left)",
                rule="at least 2 classes must be there",
            )

    def _matrix(self, labels: npt.NDArray[Any]) -> IntArray:
        shape = (len(labels), len(self.classes))
        if labels.shape != shape or not np.isin(labels, (0, 1)).all():
            raise DataError(
                "several labels per row",
                found=f"y of shape {labels.shape}",
                rule=f"y is a matrix of 0 and 1 of shape {shape}",
            )
        return np.ascontiguousarray(labels, dtype=np.int64)

    def _strangers(self, labels: npt.NDArray[Any]) -> DataError:
        return DataError(
            "labels of these rows",
            found=f"{np.unique(labels)[:5].tolist()} not among the classes",
            rule=f"classes are {self.classes[:10].tolist()}",
        )


def plain_labels(y: Any) -> npt.NDArray[Any]:
    """Return labels as an array of one type; text keeps the type that it came in.

    Raises
    ------
    DataError, DataTypeError
        For missing labels, labels of several types, and objects that are no labels.
    """
    y = from_tensor(y)
    refuse_container(y, "y")
    if hasattr(type(y), "toarray"):
        raise DataTypeError("y is sparse", rule="dense labels are needed", fix="y.toarray()")
    array = np.asarray(y)
    if array.dtype.kind in "Mm" and np.isnat(array).any():
        raise _missing("NaT")
    if array.dtype.kind == "V":
        raise DataTypeError("y holds records", rule="labels are text, numbers or bools")
    if array.dtype.kind in "OU" and array.ndim and not isinstance(y, np.ndarray):
        _same_types(np.asarray(y, dtype=object))
    elif array.dtype.kind == "O":
        _same_types(array)
    is_text = array.dtype.kind != "O" or isinstance(next(iter(array.flat), ""), str | bytes)
    return array if is_text else _unboxed(array)


def _given(classes: Any) -> npt.NDArray[Any]:
    """Return the classes that a user names, sorted."""
    labels = plain_labels(classes)
    check_classification_targets(labels)
    return np.unique(column_or_1d(labels))


def _same_types(array: npt.NDArray[Any]) -> None:
    for value in filter(is_missing, array.flat):
        raise _missing(repr(value))
    kinds = {type(value) for value in array.flat}
    if len({issubclass(kind, str) for kind in kinds}) > 1:
        raise DataError(
            f"labels of several types: {', '.join(sorted(kind.__name__ for kind in kinds))}",
            rule="labels must be all text or all numbers",
            fix="[str(label) for label in y]",
        )


def _unboxed(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the array that Python numbers and bools make."""
    plain = np.array(array.tolist())
    if plain.dtype.kind not in "biufc":
        raise DataTypeError(
            f"labels of type {type(array.flat[0]).__name__}",
            found=f"{array.flat[0]!r:.60}",
            rule="labels are text, bools, or numbers that fit int64 or float64",
            fix="[str(label) for label in y]",
        )
    return plain


def _missing(value: str) -> DataError:
    return DataError(
        "Input y contains NaN",
        found=f"{value} among the labels",
        rule="every row needs a label",
        fix="leave out the rows without one",
    )


def _is_text(labels: npt.NDArray[Any]) -> bool:
    return labels.dtype.kind in "UO"

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
from unifml.errors import DataError


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
        y = np.asarray(y) if not hasattr(y, "dtype") else y
        check_classification_targets(y)
        if type_of_target(y) == "multilabel-indicator":
            return cls(np.arange(np.shape(y)[1]), multilabel=True)
        found = np.unique(column_or_1d(y)) if classes is None else np.unique(classes)
        return cls(found)

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
        if self.multilabel:
            return np.ascontiguousarray(y, dtype=np.int64)
        labels = column_or_1d(y, warn=True)
        codes = np.searchsorted(self.classes, labels)
        codes = np.minimum(codes, len(self.classes) - 1).astype(np.int64)
        strangers = np.unique(labels[self.classes[codes] != labels])
        if len(strangers):
            raise DataError(
                "labels of these rows",
                found=f"{strangers[:5].tolist()} not among the classes",
                rule=f"classes are {self.classes[:10].tolist()}",
            )
        return codes

    def decode(self, codes: IntArray) -> npt.NDArray[Any]:
        """Return labels for codes."""
        return codes if self.multilabel else self.classes[codes]

    def require_two(self, codes: IntArray) -> None:
        """Raise unless at least two classes are among `codes`."""
        if not self.multilabel and len(np.unique(codes)) < 2:
            raise DataError(
                "fitting a classifier",
                found="rows of only one class (after those of zero weight have left)",
                rule="at least 2 classes must be there",
            )

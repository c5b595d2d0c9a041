"""The labels of a stream, as they come."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.table import FloatArray, IntArray, Table
from unifml.data.labels import LabelCodes, plain_labels
from unifml.errors import DataError


class Tally:
    """Labels seen so far, numbered as they came, and the weight of each.

    Parameters
    ----------
    classes : array-like or None
        All labels that there may be; None takes what comes.
    """

    def __init__(self, classes: Any = None) -> None:
        self._given = classes
        self._labels: LabelCodes | None = None
        self._numbers: IntArray = np.empty(0, np.int64)  # by code
        self._totals: FloatArray = np.empty(0)  # by number

    @property
    def labels(self) -> LabelCodes:
        """The labels, sorted."""
        assert self._labels is not None
        return self._labels

    @property
    def totals(self) -> FloatArray:
        """Sum of weights of the rows of each class, in the order of codes."""
        return self._totals if self.labels.multilabel else np.asarray(self._totals[self._numbers])

    def ids(self, y: Any) -> npt.NDArray[Any]:
        """Return numbers of labels that stay when others come; new labels get the next."""
        labels = plain_labels(column(y))
        self._open_to(LabelCodes.of(labels, self._given))
        codes = self.labels.encode(labels)
        return codes if self.labels.multilabel else np.asarray(self._numbers[codes])

    def codes(self, ids: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the codes of what `ids` gave."""
        if self.labels.multilabel:
            return ids
        codes = np.empty_like(self._numbers)
        codes[self._numbers] = np.arange(len(codes))
        return np.asarray(codes[ids])

    def count(self, table: Table) -> None:
        """Add the weights of rows, whose targets are numbers of labels."""
        if self.labels.multilabel:
            self._totals = self._totals + np.atleast_2d(table.y).sum(axis=0)
        else:
            self._totals = self._totals + np.bincount(table.y, table.weight, len(self._totals))

    def _open_to(self, other: LabelCodes) -> None:
        """Take in the labels of a batch."""
        if self._labels is None:
            self._labels, size = other, len(other.classes)
            self._numbers, self._totals = np.arange(size), np.zeros(size)
        elif self._given is None and not self._labels.multilabel:
            self._join(self._labels.classes, other)

    def _join(self, own: npt.NDArray[Any], other: LabelCodes) -> None:
        if other.multilabel or (own.dtype.kind in "UO") != (other.classes.dtype.kind in "UO"):
            raise DataError(
                "labels of these batches",
                found=f"{own[:3].tolist()}, then {other.classes[:3].tolist()}",
                rule="all are text, or all are numbers",
            )
        classes = np.union1d(own, other.classes)
        numbers = np.full(len(classes), -1, np.int64)
        numbers[np.searchsorted(classes, own)] = self._numbers
        new = numbers < 0
        numbers[new] = len(own) + np.arange(int(new.sum()))
        self._totals = np.append(self._totals, np.zeros(len(classes) - len(own)))
        self._labels, self._numbers = LabelCodes(classes), numbers


def column(y: Any) -> Any:
    """Return targets; those of one column as good as none."""
    y = np.asarray(y) if isinstance(y, list | tuple) else y
    return y.reshape(-1) if getattr(y, "ndim", 1) == 2 and y.shape[1] == 1 else y

"""Weights of rows and of classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import _check_sample_weight

from unifml.core.table import FloatArray, IntArray
from unifml.data.labels import LabelCodes
from unifml.data.strange import as_numbers
from unifml.errors import DataError, ParameterError, UnknownNameError


def check_weights(sample_weight: Any, X: Any) -> FloatArray | None:
    """Return weights in float64, or None; refuse negative ones and a sum of zero."""
    if sample_weight is None:
        return None
    weight = _floats(as_numbers(sample_weight, "sample_weight"), X)
    check_total(weight)
    return weight


def batch_weights(sample_weight: Any, X: Any) -> FloatArray | None:
    """Return weights of a batch, whose sum may be zero, in float64; or None."""
    if sample_weight is None:
        return None
    values = as_numbers(sample_weight, "sample_weight")
    if np.ndim(values) == 1 and not np.any(values):  # scikit-learn would refuse the batch
        return 0.0 * _floats(np.ones(len(values)), X)
    return _floats(values, X)


def _floats(weight: Any, X: Any) -> FloatArray:
    found: FloatArray = _check_sample_weight(weight, X, dtype=np.float64, ensure_non_negative=True)
    return found


def balanced(
    weight: FloatArray | None, class_weight: Any, labels: LabelCodes, codes: IntArray
) -> FloatArray | None:
    """Multiply weights of rows by the weights of their classes.

    Parameters
    ----------
    weight : array of shape (n,) or None
        Weights of rows.
    class_weight : {"balanced"}, dict of label to weight, or None
        ``balanced`` is ``n / (k * count)``, counted in weights of rows.
    labels, codes
        The classes, and the code of each row.
    """
    if class_weight is None:
        return weight
    if labels.multilabel:
        raise ParameterError(
            f"class_weight={class_weight!r}",
            found="y is a matrix of several labels per row",
            rule="weights of classes need one class per row",
            fix="leave class_weight out, and pass sample_weight to fit",
        )
    if isinstance(class_weight, str) and class_weight != "balanced":
        raise UnknownNameError.among("class_weight", class_weight, ("balanced",))
    rows = labels.classes[codes]
    by_class = compute_class_weight(
        class_weight, classes=np.unique(rows), y=rows, sample_weight=weight
    )
    if not np.all(np.isfinite(by_class) & (by_class >= 0)):
        raise ParameterError(
            f"class_weight={class_weight!r}", rule="0 <= weight < inf must hold for each class"
        )
    table = np.zeros(len(labels.classes))
    table[np.unique(codes)] = by_class
    return table[codes] if weight is None else weight * table[codes]


def class_factors(class_weight: Any, labels: LabelCodes, totals: FloatArray) -> FloatArray:
    """Return the weight of each class, as `balanced` has it.

    Parameters
    ----------
    totals : array of shape (k,)
        Sum of weights of the rows of each class.
    """
    factors, there = np.zeros(len(totals)), np.flatnonzero(totals > 0)
    found = balanced(totals[there], class_weight, labels, there)
    assert found is not None
    factors[there] = found / totals[there]
    return factors


def keep_positive(weight: FloatArray | None) -> IntArray | None:
    """Return the rows of positive weight, or None if that is all of them."""
    if weight is None or weight.min() > 0:
        return None
    return np.flatnonzero(weight > 0).astype(np.int64)


def check_total(weight: FloatArray) -> None:
    """Raise for weights that float32 cannot hold; their size means nothing but to be relative."""
    low, high = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
    with np.errstate(over="ignore"):
        total = float(weight.sum())
    if not total > 0:
        raise DataError("sample_weight", found="all are zero", rule="sum(sample_weight) > 0")
    if not low <= total <= high:
        raise DataError(
            "sample_weight",
            found=f"their sum is {total:.3g}",
            rule=f"{low:.2g} <= sum(sample_weight) <= {high:.2g}",
            fix="pass sample_weight / sample_weight.max()",
        )

"""Accuracy and R^2 in NumPy, as scikit-learn defines them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.errors import DataError

Array = npt.NDArray[Any]


def accuracy(y: Array, predicted: Array, weight: Any = None) -> float:
    """Return the (weighted) share of rows whose labels are all right."""
    _check(y, predicted, weight)
    right = y.reshape(len(y), -1) == predicted.reshape(len(predicted), -1)
    return float(np.average(right.all(axis=1), weights=weight))


def r2(y: Array, predicted: Array, weight: Any = None) -> float:
    """Return R^2, averaged over outputs; for a constant output 1 if all is right, else 0."""
    _check(y, predicted, weight)
    truth = y.reshape(len(y), -1).astype(np.float64)
    guess = predicted.reshape(len(predicted), -1).astype(np.float64)
    w = np.ones((len(truth), 1)) if weight is None else np.asarray(weight, float).reshape(-1, 1)
    lost = (w * (truth - guess) ** 2).sum(axis=0)
    total = (w * (truth - np.average(truth, axis=0, weights=w[:, 0])) ** 2).sum(axis=0)
    constant = np.where(lost == 0, 1.0, 0.0)
    ratio = 1.0 - lost / np.where(total == 0, 1.0, total)
    return float(np.where(total == 0, constant, ratio).mean())


def _check(y: Array, predicted: Array, weight: Any) -> None:
    """Refuse a truth of other rows."""
    n = len(predicted)
    for what, values in (("y", y), ("sample_weight", weight)):
        if values is not None and np.shape(values)[:1] != (n,):
            raise DataError(f"{what} of shape {np.shape(values)}", rule=f"there are {n} rows")

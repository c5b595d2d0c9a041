"""Coordinates in which a linear model is easy to solve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.adapter import Weights
from unifml.core.table import FloatArray, Table

_WIDE = 1000  # columns above which only their sizes are evened out, not their correlations


class Coordinates:
    """Kernel and bias of one dense layer <-> a flat vector for columns made alike.

    With the centred columns turned by ``turn``, the second derivative of a squared error (its
    penalty included) is the identity, and that of a logistic loss is not far from it.

    Parameters
    ----------
    weights : mapping
        Weights named ``*.kernel`` and, perhaps, ``*.bias``.
    rows : Table
        The training rows.
    l2 : float
        Strength of the penalty.
    """

    def __init__(self, weights: Weights, rows: Table, l2: float) -> None:
        self.kernel = next(name for name in weights if name.endswith(".kernel"))
        self.bias = next((name for name in weights if name.endswith(".bias")), "")
        self.shape = weights[self.kernel].shape
        X = np.asarray(rows.X, dtype=np.float64)
        # Without a bias there is nothing that could take up a shift of the columns.
        mean = np.average(X, axis=0, weights=rows.weight) if self.bias else np.zeros(X.shape[1])
        self.mean = mean[:, None]
        self.turn = _turn(X - mean, rows.weight, l2)

    def weights(self, flat: FloatArray) -> dict[str, npt.NDArray[Any]]:
        """Return the weights for columns as they are."""
        size = self.shape[0] * self.shape[1]
        kernel = _apply(self.turn, flat[:size].reshape(self.shape))
        if not self.bias:
            return {self.kernel: kernel}
        return {self.kernel: kernel, self.bias: flat[size:] - (self.mean * kernel).sum(axis=0)}

    def gradient(self, gradient: Mapping[str, npt.NDArray[Any]]) -> FloatArray:
        """Return the gradient in these coordinates."""
        kernel = np.asarray(gradient[self.kernel], np.float64)
        bias = np.asarray(gradient[self.bias], np.float64) if self.bias else np.empty(0)
        centred = kernel - self.mean * bias if self.bias else kernel
        return np.concatenate([_apply(self.turn.T, centred).ravel(), bias])

    def origin(self) -> FloatArray:
        """Return the point where all weights are zero."""
        return np.zeros(self.shape[0] * self.shape[1] + (self.shape[1] if self.bias else 0))


def _turn(X: FloatArray, weight: FloatArray | None, l2: float) -> FloatArray:
    """Return a matrix, or only its diagonal, that makes columns alike."""
    weight = np.ones(len(X)) if weight is None else np.asarray(weight, np.float64)
    share = (weight / weight.sum())[:, None]
    size = np.sqrt((share * X * X).sum(axis=0) + l2)
    size[size == 0] = 1.0
    if X.shape[1] > _WIDE:
        inverse: FloatArray = 1.0 / size
        return inverse
    even = X / size
    values, vectors = np.linalg.eigh((share * even).T @ even + np.diag(l2 / size**2))
    values = np.maximum(values, values.max() * np.finfo(np.float64).eps)
    turn: FloatArray = (vectors / np.sqrt(values)) @ vectors.T / size[:, None]
    return turn


def _apply(turn: FloatArray, matrix: FloatArray) -> FloatArray:
    return turn[:, None] * matrix if turn.ndim == 1 else turn @ matrix

"""Weighted means and variances that can be added up piece by piece."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from unifml.core.fitted import Scaling
from unifml.core.table import FloatArray


@dataclass(frozen=True)
class Moments:
    """Weighted mean and sum of squared deviations of each column.

    Attributes
    ----------
    total : float
        Sum of weights.
    mean : array
        Weighted mean of each column.
    squares : array
        Weighted sum of squared deviations from the mean.
    """

    total: float
    mean: FloatArray
    squares: FloatArray

    @classmethod
    def of(cls, values: Any, weight: FloatArray | None) -> Moments:
        """Compute them in float64, in two passes."""
        values = np.asarray(values, dtype=np.float64)
        weight = np.ones(len(values)) if weight is None else np.asarray(weight, np.float64)
        total = float(weight.sum())
        mean = weight @ values.reshape(len(values), -1) / total
        squares = weight @ (values.reshape(len(values), -1) - mean) ** 2
        shape = values.shape[1:]
        return cls(total, mean.reshape(shape), squares.reshape(shape))

    def plus(self, other: Moments) -> Moments:
        """Join the moments of two sets of rows.

        References
        ----------
        Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
        variances", COMPSTAT 1982.
        """
        total = self.total + other.total
        shift = other.mean - self.mean
        mean = self.mean + shift * (other.total / total)
        between = shift**2 * (self.total * other.total / total)
        return Moments(total, mean, self.squares + other.squares + between)

    def scaling(self) -> Scaling:
        """Return mean and standard deviation; columns that do not vary are divided by 1."""
        scale = np.sqrt(self.squares / self.total)
        rounding = 10 * np.finfo(np.float64).eps * np.abs(self.mean)
        return Scaling(self.mean, np.where(scale <= rounding, 1.0, scale))

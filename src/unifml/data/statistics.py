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

    @classmethod
    def of_features(cls, values: Any, weight: FloatArray | None, valid: Any = None) -> Moments:
        """Compute those of the last axis, over all steps and places of a row.

        Parameters
        ----------
        values : array of shape (n, ..., features)
            The rows.
        weight : array of shape (n,) or None
            Weights of the rows.
        valid : array of bool of shape (n, T) or None
            Which steps are no padding.
        """
        values = np.asarray(values)
        if values.ndim == 2:
            return cls.of(values, weight)
        places = values.shape[:-1]
        each = (
            np.ones(places) if weight is None else np.broadcast_to(_column(weight, places), places)
        )
        each = each if valid is None else each * valid
        return cls.of(values.reshape(-1, values.shape[-1]), each.ravel())

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

    def shared(self) -> Moments:
        """Return the moments of all columns together, for each of them."""
        mean = np.full_like(self.mean, self.mean.mean())
        between = self.total * (self.mean - mean) ** 2
        return Moments(self.total, mean, np.full_like(mean, (self.squares + between).mean()))

    def scaling(self) -> Scaling:
        """Return mean and standard deviation; columns that do not vary are divided by 1."""
        scale = np.sqrt(self.squares / self.total)
        rounding = 10 * np.finfo(np.float64).eps * np.abs(self.mean)
        return Scaling(self.mean, np.where(scale <= rounding, 1.0, scale))


_HAIR = 4 * float(np.finfo(np.float32).eps)


def quantile_bins(
    values: Any, weight: FloatArray | None, bins: int
) -> tuple[FloatArray, FloatArray]:
    """Return slope and shift (features, bins) of lines that rise from 0 to 1 in each bin.

    The edges are quantiles of the rows, `bins` + 1 of them. A bin without width gets a line that
    is 0 everywhere.
    """
    shares = np.linspace(0.0, 1.0, bins + 1)
    weight = np.ones(len(values)) if weight is None else weight  # equal weights: the same bins
    rows = np.asarray(values, dtype=np.float64)
    edges = np.quantile(rows, shares, axis=0, weights=weight, method="inverted_cdf").T
    width = np.diff(edges, axis=1)
    slope = np.divide(1.0, width, out=np.zeros_like(width), where=width > 0)
    shift = -edges[:, :-1] * slope
    # A row on an edge is a hair behind it on every backend, not there by the rounding of one.
    return slope, shift + _HAIR * np.abs(shift)


def _column(weight: FloatArray, places: tuple[int, ...]) -> FloatArray:
    return np.asarray(weight).reshape(-1, *[1] * (len(places) - 1))

"""Weighted means and variances that can be added up piece by piece, and quantiles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from unifml.core.fitted import Scaling
from unifml.core.table import FloatArray

BLOCK = 1024  # rows whose moments are computed at once


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
        """Compute them in float64, in two passes over each block of rows.

        However many rows are read at once, the blocks are the same, and so is the result, bitwise.
        """
        return joined(cls._of_block(*block) for block in _blocks(values, weight, None))

    @classmethod
    def _of_block(cls, values: Any, weight: FloatArray | None, valid: Any = None) -> Moments:
        values = np.asarray(values, dtype=np.float64)
        weight = np.ones(len(values)) if weight is None else np.asarray(weight, np.float64)
        total = float(weight.sum())
        mean = weight @ values.reshape(len(values), -1) / (total or 1.0)  # 0: all of it padding
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
        return joined(
            cls._of_block(*part)
            for block in _blocks(values, weight, valid)
            for part in _blocks(*_flat(*block), size=_values_at_once(block[0]))
        )

    def plus(self, other: Moments) -> Moments:
        """Join the moments of two sets of rows.

        References
        ----------
        Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
        variances", COMPSTAT 1982.
        """
        total = self.total + other.total
        part = other.total / (total or 1.0)
        shift = other.mean - self.mean
        mean = self.mean + shift * part
        between = shift**2 * (self.total * part)
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
    edges = _quantiles(rows, shares, weight).T
    width = np.diff(edges, axis=1)
    slope = np.divide(1.0, width, out=np.zeros_like(width), where=width > 0)
    shift = -edges[:, :-1] * slope
    # A row on an edge is a hair behind it on every backend, not there by the rounding of one.
    return slope, shift + _HAIR * np.abs(shift)


def quartile_scaling(
    values: Any, weight: FloatArray | None, valid: Any = None, *, shared: bool = False
) -> Scaling:
    """Return the median of each feature, and the distance of its quartiles.

    Where the quartiles are the same, it is the standard deviation; 1 for what does not vary.

    Parameters
    ----------
    values : array of shape (n, ..., features)
        The rows.
    weight : array of shape (n,) or None
        Weights of the rows.
    valid : array of bool of shape (n, T) or None
        Which steps are no padding.
    shared : bool, default=False
        Whether all features have one median and one distance.
    """
    moments = Moments.of_features(values, weight, valid)
    rows, each, _ = _flat(np.asarray(values, np.float64), weight, valid)
    if each is not None:
        rows, each = rows[each > 0], np.asarray(each[each > 0], np.float64)
    if shared:
        each = None if each is None else np.repeat(each, rows.shape[1])
        rows, moments = rows.reshape(-1, 1), moments.shared()
    low, middle, high = _quartiles(rows, each)
    rounding = 10 * np.finfo(np.float64).eps * np.maximum(np.abs(low), np.abs(high))
    scale = np.where(high - low <= rounding, moments.scaling().scale, high - low)
    return Scaling(np.broadcast_to(middle, scale.shape), scale)


def _quartiles(rows: FloatArray, weight: FloatArray | None) -> FloatArray:
    """Return the three quartiles, as `_quantiles` does; without weights faster."""
    shares = np.array([0.25, 0.5, 0.75])
    if weight is not None:
        return _quantiles(rows, shares, weight)
    places = np.ceil(shares * len(rows)).astype(int) - 1
    return np.asarray(np.partition(rows, places, axis=0)[places])


def _quantiles(rows: FloatArray, shares: FloatArray, weight: FloatArray) -> FloatArray:
    """Return quantiles (shares, features): the first value that has its share up to there.

    A share may be missed by a hair, so that it does not matter in what unit the weights are.
    """
    order = np.argsort(rows, axis=0, kind="stable")
    reached = np.cumsum(weight[order], axis=0)
    places = [np.argmax(reached >= (q - 1e-12) * reached[-1], axis=0) for q in shares]
    return np.take_along_axis(rows, np.take_along_axis(order, np.array(places), 0), 0)


def joined(parts: Iterable[Moments]) -> Moments:
    """Join moments of blocks of rows, one after the other."""
    return reduce(Moments.plus, parts)


def _blocks(
    values: Any, weight: FloatArray | None, valid: Any, size: int = BLOCK
) -> Iterator[tuple[Any, Any, Any]]:
    """Cut rows, their weights and what is valid of them into blocks, read one by one."""
    for at in range(0, max(len(values), 1), size):
        place = slice(at, at + size)
        block = np.asarray(values[place])
        cut = (None if part is None else part[place] for part in (weight, valid))
        yield block, next(cut), next(cut)


def _flat(values: Any, weight: FloatArray | None, valid: Any) -> tuple[Any, Any, Any]:
    """Make each step or place of a row a row of its own."""
    if values.ndim == 2:
        return values, weight, None
    places = values.shape[:-1]
    each = np.ones(places) if weight is None else np.broadcast_to(_column(weight, places), places)
    each = each if valid is None else each * valid
    return values.reshape(-1, values.shape[-1]), each.ravel(), None


def _values_at_once(values: Any) -> int:
    """Return how many rows of a block that was made flat are computed with at once."""
    return max(BLOCK, 2**20 // max(values.shape[-1], 1)) if values.ndim > 2 else BLOCK


def _column(weight: FloatArray, places: tuple[int, ...]) -> FloatArray:
    return np.asarray(weight).reshape(-1, *[1] * (len(places) - 1))

"""Embeddings of numbers: a column becomes several features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unifml.layers.base import Layer, Shape, WeightSpec


@dataclass(frozen=True, repr=False)
class PeriodicFeatures(Layer):
    """Sines and cosines of each feature at learned frequencies.

    ``[sin(2 pi c x), cos(2 pi c x)]`` with `count` numbers ``c`` for each feature.

    Parameters
    ----------
    count : int, default=16
        Frequencies of each feature.
    sigma : float, default=0.1
        Standard deviation of the frequencies at the start.

    References
    ----------
    Gorishniy et al., "On embeddings for numerical features in tabular deep learning",
    NeurIPS 2022.

    Examples
    --------
    >>> from unifml.layers import PeriodicFeatures
    >>> PeriodicFeatures(4).output_shape((3,))
    (3, 8)
    """

    kind: ClassVar[str] = "periodic"
    count: int = 16
    sigma: float = 0.1

    def output_shape(self, *shapes: Shape) -> Shape:
        self.need(len(shapes[0]) == 1, "rows have one axis")
        self.need_counts(count=self.count)
        self.need(self.sigma > 0, "sigma > 0")
        return (shapes[0][0], 2 * self.count)

    def weights(self, *shapes: Shape) -> tuple[WeightSpec, ...]:
        shape = (shapes[0][0], self.count)
        return (WeightSpec("frequency", shape, f"normal:{self.sigma}", "table"),)


@dataclass(frozen=True, repr=False)
class PiecewiseLinear(Layer):
    """How far each feature has come through each of its bins: 0 before, 1 behind, a line inside.

    The bins lie between quantiles of the training rows. The first has no lower end and the last no
    upper one. As the first layer, or the first behind `Standardize`, it learns them from the rows
    before training begins.

    Parameters
    ----------
    bins : int, default=8
        Bins of each feature.

    References
    ----------
    Gorishniy et al., "On embeddings for numerical features in tabular deep learning",
    NeurIPS 2022.

    Examples
    --------
    >>> from unifml.layers import PiecewiseLinear
    >>> PiecewiseLinear(4).output_shape((3,))
    (3, 4)
    """

    kind: ClassVar[str] = "piecewise"
    bins: int = 8

    def output_shape(self, *shapes: Shape) -> Shape:
        self.need(len(shapes[0]) == 1, "rows have one axis")
        self.need_counts(bins=self.bins)
        return (shapes[0][0], self.bins)

    def weights(self, *shapes: Shape) -> tuple[WeightSpec, ...]:
        shape = (shapes[0][0], self.bins)
        return (
            WeightSpec("slope", shape, "ones", "statistic"),
            WeightSpec("shift", shape, "zeros", "statistic"),
        )

"""Standardisation by the statistics of the training rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unifml.errors import UnknownNameError
from unifml.layers.base import Layer, Masks, Shape, WeightSpec

STATISTICS = ("moments", "quantiles")


@dataclass(frozen=True, repr=False)
class Standardize(Layer):
    """Subtract each feature's mean and divide by its standard deviation; or median and quartiles.

    Features are the last axis: columns of a table, channels of an image, series of a sequence.
    Both statistics, ``mean`` and ``scale``, are weights of the network, computed from the training
    rows (with their weights) before the first step. A feature that does not vary is divided by 1.
    It stands right behind an input, and is applied to the user's numbers before they are rounded
    to the network's dtype.

    Parameters
    ----------
    columns : tuple of int or None, default=None
        The features to standardise; others stay as they are. None: all.
    shared : bool, default=False
        Whether all have one mean and one deviation: for rows whose last axis holds no features,
        such as images without an axis of colours.
    statistic : {"moments", "quantiles"}, default="moments"
        ``quantiles`` subtracts the median and divides by the distance of the quartiles, which
        outliers do not move; by the standard deviation where the quartiles are the same. In
        `partial_fit` they are those of the first rows.

    Examples
    --------
    >>> from unifml.layers import Standardize
    >>> [weight.name for weight in Standardize().weights((4,))]
    ['mean', 'scale']
    """

    kind: ClassVar[str] = "standardize"
    masks: ClassVar[Masks] = "keep"
    columns: tuple[int, ...] | None = None
    shared: bool = False
    statistic: str = "moments"

    def output_shape(self, *shapes: Shape) -> Shape:
        if self.statistic not in STATISTICS:
            raise UnknownNameError.among("statistic", self.statistic, STATISTICS)
        self.need(len(shapes[0]) >= 1, "rows have at least one axis")
        inside = all(0 <= c < shapes[0][-1] for c in self.columns or ())
        self.need(inside, f"0 <= column < {shapes[0][-1]}")
        return shapes[0]

    def weights(self, *shapes: Shape) -> tuple[WeightSpec, ...]:
        features = (shapes[0][-1],)
        return (
            WeightSpec("mean", features, "zeros", "statistic"),
            WeightSpec("scale", features, "ones", "statistic"),
        )

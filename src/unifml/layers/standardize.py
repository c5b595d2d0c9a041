"""Standardisation by the statistics of the training rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unifml.layers.base import Layer, Shape, WeightSpec


@dataclass(frozen=True, repr=False)
class Standardize(Layer):
    """Subtract each feature's mean and divide by its standard deviation.

    Both are weights of the network, computed from the training rows (with their weights) before
    the first step. A feature that does not vary is divided by 1. As the first layer of a network
    it is applied to the user's numbers before they are rounded to the network's dtype.

    Examples
    --------
    >>> from unifml.layers import Standardize
    >>> [weight.name for weight in Standardize().weights((4,))]
    ['mean', 'scale']
    """

    kind: ClassVar[str] = "standardize"

    def weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        return (
            WeightSpec("mean", shape, "zeros", "statistic"),
            WeightSpec("scale", shape, "ones", "statistic"),
        )

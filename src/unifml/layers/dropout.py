"""Dropout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unifml.errors import ParameterError
from unifml.layers.base import Layer, Masks, Shape


@dataclass(frozen=True, repr=False)
class Dropout(Layer):
    """Set values to 0 with probability `rate` in training, and divide the others by 1 - rate.

    Parameters
    ----------
    rate : float
        Probability of a value to be dropped, in [0, 1).

    References
    ----------
    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
    JMLR 15, 2014.

    Examples
    --------
    >>> from unifml.layers import Dropout
    >>> Dropout(0.1)
    Dropout(rate=0.1)
    """

    kind: ClassVar[str] = "dropout"
    masks: ClassVar[Masks] = "keep"
    rate: float

    def output_shape(self, *shapes: Shape) -> Shape:
        if not 0 <= self.rate < 1:
            raise ParameterError(f"dropout={self.rate!r}", rule="0 <= dropout < 1 must hold")
        return shapes[0]


@dataclass(frozen=True, repr=False)
class SpatialDropout(Dropout):
    """Drop whole features: all steps of a series, all pixels of a channel.

    Parameters
    ----------
    rate : float
        Probability of a feature to be dropped, in [0, 1).

    References
    ----------
    Tompson et al., "Efficient object localization using convolutional networks", CVPR 2015.

    Examples
    --------
    >>> from unifml.layers import SpatialDropout
    >>> SpatialDropout(0.1).output_shape((28, 28, 3))
    (28, 28, 3)
    """

    kind: ClassVar[str] = "spatial_dropout"

    def output_shape(self, *shapes: Shape) -> Shape:
        self.need(2 <= len(shapes[0]) <= 4, "rows have one to three axes besides the features")
        return super().output_shape(*shapes)

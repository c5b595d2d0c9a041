"""Dropout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unifml.errors import ParameterError
from unifml.layers.base import Layer, Shape


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
    rate: float

    def output_shape(self, shape: Shape) -> Shape:
        if not 0 <= self.rate < 1:
            raise ParameterError(f"dropout={self.rate!r}", rule="0 <= dropout < 1 must hold")
        return shape

"""Where in a sequence a step stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from unifml.core.signature import ANY
from unifml.layers.base import Layer, Masks, Shape, WeightSpec


class Positions(Layer):
    """What embeddings of positions share: they are added to a sequence."""

    masks: ClassVar[Masks] = "keep"
    max_length: int | None

    def output_shape(self, *shapes: Shape) -> Shape:
        self.need(len(shapes[0]) == 2, "rows have the shape (steps, features)")
        self.length(shapes[0])
        return shapes[0]

    def length(self, shape: Shape) -> int:
        """Return the number of positions that there are."""
        steps = shape[0]
        self.need(
            self.max_length or steps != ANY,
            "sequences of unequal length need max_length",
            fix=f"{type(self).__name__}(max_length=512)",
        )
        self.need(steps <= (self.max_length or steps), f"max_length >= {steps}, the steps")
        return self.max_length or steps


@dataclass(frozen=True, repr=False)
class LearnedPositions(Positions):
    """A learned vector for each position, added to the step that stands there.

    Parameters
    ----------
    max_length : int or None, default=None
        Most steps of a sequence; None takes those of the rows.

    References
    ----------
    Gehring et al., "Convolutional sequence to sequence learning", ICML 2017. Devlin et al.,
    "BERT", NAACL 2019.

    Examples
    --------
    >>> from unifml.layers import LearnedPositions
    >>> LearnedPositions().weights((20, 8))[0].shape
    (20, 8)
    """

    kind: ClassVar[str] = "learned_positions"
    max_length: int | None = None

    def weights(self, *shapes: Shape) -> tuple[WeightSpec, ...]:
        shape = (self.length(shapes[0]), shapes[0][-1])
        return (WeightSpec("table", shape, "normal:0.02", "table"),)


@dataclass(frozen=True, repr=False)
class SinusoidalPositions(Positions):
    """Sines and cosines of the position at geometric frequencies, added to each step.

    Feature ``2i`` gets ``sin(t / 10000^(2i / d))``, feature ``2i + 1`` the cosine.

    Parameters
    ----------
    max_length : int or None, default=None
        Most steps of a sequence; None takes those of the rows.

    References
    ----------
    Vaswani et al., "Attention is all you need", NeurIPS 2017.

    Examples
    --------
    >>> from unifml.layers import SinusoidalPositions
    >>> SinusoidalPositions().weights((20, 8))
    ()
    """

    kind: ClassVar[str] = "sinusoidal_positions"
    max_length: int | None = None


def sinusoids(length: int, dim: int) -> npt.NDArray[np.float64]:
    """Return the table of shape (length, dim) that `SinusoidalPositions` adds."""
    angles = np.arange(length)[:, None] / 10000.0 ** (2 * (np.arange(dim) // 2) / dim)
    table: npt.NDArray[Any] = np.where(np.arange(dim) % 2 == 0, np.sin(angles), np.cos(angles))
    return table

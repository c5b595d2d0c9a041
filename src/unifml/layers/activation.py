"""Activations, one meaning each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unifml.errors import UnknownNameError
from unifml.layers.base import Layer, Shape

ACTIVATIONS = (
    "identity",
    "relu",
    "leaky_relu",
    "elu",
    "gelu",
    "silu",
    "tanh",
    "sigmoid",
)
LEAKY_SLOPE = 0.01


@dataclass(frozen=True, repr=False)
class Activation(Layer):
    """A function applied to every value.

    Parameters
    ----------
    function : str
        ``identity``; ``relu``, max(x, 0); ``leaky_relu``, slope 0.01 below 0; ``elu``, exp(x) - 1
        below 0; ``gelu``, the exact x * Phi(x); ``silu``, x * sigmoid(x); ``tanh``; ``sigmoid``.

    References
    ----------
    Hendrycks and Gimpel, "Gaussian error linear units", arXiv:1606.08415. Clevert et al., "Fast
    and accurate deep network learning by exponential linear units", ICLR 2016.

    Examples
    --------
    >>> from unifml.layers import Activation
    >>> Activation("relu").output_shape((4,))
    (4,)
    """

    kind: ClassVar[str] = "activation"
    function: str

    def output_shape(self, shape: Shape) -> Shape:
        if self.function not in ACTIVATIONS:
            raise UnknownNameError.among("activation", self.function, ACTIVATIONS)
        return shape

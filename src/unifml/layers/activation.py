"""Activations, one meaning each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unifml.errors import UnknownNameError
from unifml.layers.base import Layer, Masks, Shape

ACTIVATIONS = (
    *("identity", "relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid"),
    *("softmax", "mish", "softplus", "selu", "relu6", "hard_sigmoid", "hard_silu", "hard_tanh"),
)
ELEMENTWISE = tuple(name for name in ACTIVATIONS if name != "softmax")
LEAKY_SLOPE = 0.01


@dataclass(frozen=True, repr=False)
class Activation(Layer):
    """A function applied to every value; ``softmax`` to every row of features.

    Parameters
    ----------
    function : str
        ``identity``; ``relu``, max(x, 0); ``leaky_relu``, slope 0.01 below 0; ``elu``, exp(x) - 1
        below 0; ``gelu``, the exact x * Phi(x); ``silu``, x * sigmoid(x); ``tanh``; ``sigmoid``;
        ``softmax`` over the last axis; ``mish``, x * tanh(softplus(x)); ``softplus``,
        log(1 + exp(x)); ``selu``, the self-normalising elu; ``relu6``, min(max(x, 0), 6);
        ``hard_sigmoid``, relu6(x + 3) / 6; ``hard_silu``, x * hard_sigmoid(x); ``hard_tanh``, x
        clipped to [-1, 1].

    References
    ----------
    Hendrycks and Gimpel, "Gaussian error linear units", arXiv:1606.08415. Clevert et al., "Fast
    and accurate deep network learning by exponential linear units", ICLR 2016. Misra, "Mish",
    BMVC 2020. Klambauer et al., "Self-normalizing neural networks", NeurIPS 2017. Howard et al.,
    "Searching for MobileNetV3", ICCV 2019.

    Examples
    --------
    >>> from unifml.layers import Activation
    >>> Activation("relu").output_shape((4,))
    (4,)
    """

    kind: ClassVar[str] = "activation"
    masks: ClassVar[Masks] = "keep"
    function: str

    def output_shape(self, *shapes: Shape) -> Shape:
        if self.function not in ACTIVATIONS:
            raise UnknownNameError.among("activation", self.function, ACTIVATIONS)
        self.need(self.function != "softmax" or shapes[0], "softmax needs features")
        return shapes[0]

    def __repr__(self) -> str:
        name = f", name={self.name!r}" if self.name else ""
        return f"Activation({self.function!r}{name})"

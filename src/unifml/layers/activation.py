"""Activations, one meaning each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unifml.errors import UnknownNameError
from unifml.layers.base import Layer, Masks, Shape, WeightSpec

ACTIVATIONS = (
    *("identity", "relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid"),
    *("softmax", "mish", "softplus", "selu", "relu6", "hard_sigmoid", "hard_silu", "hard_tanh"),
    "smooth_clip",
)
ELEMENTWISE = tuple(name for name in ACTIVATIONS if name != "softmax")
LEAKY_SLOPE = 0.01
FAR = 1e15  # from here on smooth_clip is 3 to the last digit, and its square still a float32


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
        clipped to [-1, 1]; ``smooth_clip``, x / sqrt(1 + (x / 3)^2), which leaves small numbers
        nearly as they are and never reaches 3.

    References
    ----------
    Hendrycks and Gimpel, "Gaussian error linear units", arXiv:1606.08415. Clevert et al., "Fast
    and accurate deep network learning by exponential linear units", ICLR 2016. Misra, "Mish",
    BMVC 2020. Klambauer et al., "Self-normalizing neural networks", NeurIPS 2017. Howard et al.,
    "Searching for MobileNetV3", ICCV 2019. Holzmüller et al., "Better by default: strong pre-tuned
    MLPs and boosted trees on tabular data", NeurIPS 2024 (``smooth_clip``).

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


@dataclass(frozen=True, repr=False)
class LearnedActivation(Layer):
    """An activation whose strength is learned, a number for each feature: ``x + a (f(x) - x)``.

    At 1, where it starts, it is the activation; at 0 it is no activation at all.

    Parameters
    ----------
    function : str, default="selu"
        The activation, one of those of `Activation` but ``softmax``.

    References
    ----------
    Holzmüller et al., "Better by default: strong pre-tuned MLPs and boosted trees on tabular
    data", NeurIPS 2024.

    Examples
    --------
    >>> from unifml.layers import LearnedActivation
    >>> [weight.name for weight in LearnedActivation("relu").weights((4,))]
    ['strength']
    """

    kind: ClassVar[str] = "learned_activation"
    masks: ClassVar[Masks] = "keep"
    function: str = "selu"

    def output_shape(self, *shapes: Shape) -> Shape:
        if self.function not in ELEMENTWISE:
            raise UnknownNameError.among("activation", self.function, ELEMENTWISE)
        self.need(len(shapes[0]) >= 1, "len(shape) >= 1: there must be features")
        return shapes[0]

    def weights(self, *shapes: Shape) -> tuple[WeightSpec, ...]:
        return (WeightSpec("strength", (shapes[0][-1],), "ones", "bias"),)

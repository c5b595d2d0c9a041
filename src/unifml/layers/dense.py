"""Fully connected layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unifml.errors import ParameterError
from unifml.layers.base import Layer, Shape, WeightSpec


@dataclass(frozen=True, repr=False)
class Dense(Layer):
    """A fully connected layer, ``x @ kernel + bias``.

    Parameters
    ----------
    units : int
        Number of outputs.
    bias : bool, default=True
        Whether a bias is added.
    initial : {"glorot_uniform", "he_normal", "zeros"}, default="glorot_uniform"
        How the kernel starts; biases start at 0.

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010. He et al., "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> from unifml.layers import Dense
    >>> Dense(3).output_shape((8,))
    (3,)
    """

    kind: ClassVar[str] = "dense"
    units: int
    bias: bool = True
    initial: str = "glorot_uniform"

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) < 1:
            raise ParameterError(f"{self!r} on rows of shape {shape}", rule="len(shape) >= 1")
        return (*shape[:-1], self.units)

    def weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        kernel = WeightSpec("kernel", (shape[-1], self.units), self.initial, "kernel")
        bias = WeightSpec("bias", (self.units,), "zeros", "bias")
        return (kernel, bias) if self.bias else (kernel,)

"""Fully connected layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unifml.layers.base import Layer, Masks, Shape, WeightSpec


@dataclass(frozen=True, repr=False)
class Dense(Layer):
    """A fully connected layer on the last axis, ``x @ kernel + bias``.

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
    masks: ClassVar[Masks] = "keep"
    units: int
    bias: bool = True
    initial: str = "glorot_uniform"

    def output_shape(self, *shapes: Shape) -> Shape:
        self.need(len(shapes[0]) >= 1, "len(shape) >= 1: there must be features")
        self.need_counts(units=self.units)
        return (*shapes[0][:-1], self.units)

    def weights(self, *shapes: Shape) -> tuple[WeightSpec, ...]:
        kernel = WeightSpec("kernel", (shapes[0][-1], self.units), self.initial, "kernel")
        bias = WeightSpec("bias", (self.units,), "zeros", "bias")
        return (kernel, bias) if self.bias else (kernel,)


@dataclass(frozen=True, repr=False)
class FeatureDense(Layer):
    """A fully connected layer of its own for each feature: ``x[f] @ kernel[f] + bias[f]``.

    It takes rows of shape (features, values), such as embeddings of numbers give.

    Parameters
    ----------
    units : int
        Number of outputs of each feature.
    bias : bool, default=True
        Whether a bias is added.

    References
    ----------
    Gorishniy et al., "On embeddings for numerical features in tabular deep learning",
    NeurIPS 2022.

    Examples
    --------
    >>> from unifml.layers import FeatureDense
    >>> FeatureDense(3).output_shape((8, 5))
    (8, 3)
    """

    kind: ClassVar[str] = "feature_dense"
    units: int
    bias: bool = True

    def output_shape(self, *shapes: Shape) -> Shape:
        self.need(len(shapes[0]) == 2, "rows have the shape (features, values)")
        self.need_counts(units=self.units)
        return (shapes[0][0], self.units)

    def weights(self, *shapes: Shape) -> tuple[WeightSpec, ...]:
        features, values = shapes[0]
        shape, fans = (features, values, self.units), (values, self.units)
        kernel = WeightSpec("kernel", shape, "glorot_uniform", "kernel", fans)
        bias = WeightSpec("bias", (features, self.units), "zeros", "bias")
        return (kernel, bias) if self.bias else (kernel,)

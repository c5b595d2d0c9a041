"""Normalisation inside networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unifml.layers.base import Layer, Masks, Shape, WeightSpec


def _scale(shape: Shape) -> WeightSpec:
    return WeightSpec("scale", (shape[-1],), "ones", "norm")


def _offset(shape: Shape) -> WeightSpec:
    return WeightSpec("offset", (shape[-1],), "zeros", "norm")


class Norm(Layer):
    """What all normalisations share: a scale and an offset for each feature."""

    epsilon: float  # a field of each, in the place that suits it

    def output_shape(self, *shapes: Shape) -> Shape:
        self.need(1 <= len(shapes[0]) <= 4, "rows have features and up to three axes before them")
        self.need(self.epsilon > 0, "epsilon > 0")
        return shapes[0]

    def weights(self, *shapes: Shape) -> tuple[WeightSpec, ...]:
        return (_scale(shapes[0]), _offset(shapes[0]))


@dataclass(frozen=True, repr=False)
class BatchNorm(Norm):
    """Normalise each feature over the batch, and by running statistics in inference.

    ``y = (x - mean) / sqrt(variance + epsilon) * scale + offset``, with mean and variance of each
    feature over the batch and all axes between. The running ones keep 0.9 of themselves at each
    step; the variance is the biased one of the batch, in training and in the running average.

    Parameters
    ----------
    epsilon : float, default=1e-5
        Added to the variance.
    momentum : float, default=0.9
        Share of the running statistics that is kept at each step.

    References
    ----------
    Ioffe and Szegedy, "Batch normalization", ICML 2015.

    Examples
    --------
    >>> from unifml.layers import BatchNorm
    >>> [weight.name for weight in BatchNorm().weights((4,))]
    ['scale', 'offset', 'mean', 'variance']
    """

    kind: ClassVar[str] = "batch_norm"
    epsilon: float = 1e-5
    momentum: float = 0.9

    def output_shape(self, *shapes: Shape) -> Shape:
        self.need(0 <= self.momentum < 1, "0 <= momentum < 1")
        return super().output_shape(*shapes)

    def weights(self, *shapes: Shape) -> tuple[WeightSpec, ...]:
        features = (shapes[0][-1],)
        return (
            *super().weights(*shapes),
            WeightSpec("mean", features, "zeros", "statistic"),
            WeightSpec("variance", features, "ones", "statistic"),
        )


@dataclass(frozen=True, repr=False)
class LayerNorm(Norm):
    """Normalise over the features: of each row, each step, each pixel by itself.

    ``y = (x - mean) / sqrt(variance + epsilon) * scale + offset``, with mean and variance over the
    last axis.

    Parameters
    ----------
    epsilon : float, default=1e-5
        Added to the variance.

    References
    ----------
    Ba et al., "Layer normalization", arXiv:1607.06450.

    Examples
    --------
    >>> from unifml.layers import LayerNorm
    >>> [weight.name for weight in LayerNorm().weights((4,))]
    ['scale', 'offset']
    """

    kind: ClassVar[str] = "layer_norm"
    masks: ClassVar[Masks] = "keep"
    epsilon: float = 1e-5


@dataclass(frozen=True, repr=False)
class GroupNorm(Norm):
    """Normalise over groups of features and all axes before them, of each row by itself.

    ``y = (x - mean) / sqrt(variance + epsilon) * scale + offset``, with mean and variance over a
    group of features and all steps or pixels.

    Parameters
    ----------
    groups : int, default=8
        Number of groups; it divides the features.
    epsilon : float, default=1e-5
        Added to the variance.

    References
    ----------
    Wu and He, "Group normalization", ECCV 2018.

    Examples
    --------
    >>> from unifml.layers import GroupNorm
    >>> GroupNorm(groups=2).output_shape((8, 8, 4))
    (8, 8, 4)
    """

    kind: ClassVar[str] = "group_norm"
    groups: int = 8
    epsilon: float = 1e-5

    def output_shape(self, *shapes: Shape) -> Shape:
        divides = self.groups >= 1 and shapes[0][-1] % self.groups == 0
        self.need(divides, f"groups divides the {shapes[0][-1]} features")
        return super().output_shape(*shapes)


@dataclass(frozen=True, repr=False)
class RMSNorm(Norm):
    """Divide by the root mean square of the features, and scale.

    ``y = x / sqrt(mean(x^2) + epsilon) * scale``, with the mean over the last axis.

    Parameters
    ----------
    epsilon : float, default=1e-5
        Added to the mean square.

    References
    ----------
    Zhang and Sennrich, "Root mean square layer normalization", NeurIPS 2019.

    Examples
    --------
    >>> from unifml.layers import RMSNorm
    >>> [weight.name for weight in RMSNorm().weights((4,))]
    ['scale']
    """

    kind: ClassVar[str] = "rms_norm"
    masks: ClassVar[Masks] = "keep"
    epsilon: float = 1e-5

    def weights(self, *shapes: Shape) -> tuple[WeightSpec, ...]:
        return (_scale(shapes[0]),)

"""Normalisation inside networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unifml.layers.base import Layer, Shape, WeightSpec


@dataclass(frozen=True, repr=False)
class BatchNorm(Layer):
    """Normalise each feature over the batch, and by running statistics in inference.

    The running mean and variance keep 0.9 of themselves at each step; the variance is the biased
    one of the batch, in training and in the running average.

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

    def weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        features = (shape[-1],)
        return (
            WeightSpec("scale", features, "ones", "norm"),
            WeightSpec("offset", features, "zeros", "norm"),
            WeightSpec("mean", features, "zeros", "statistic"),
            WeightSpec("variance", features, "ones", "statistic"),
        )


@dataclass(frozen=True, repr=False)
class LayerNorm(Layer):
    """Normalise each row over its features.

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
    epsilon: float = 1e-5

    def weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        features = (shape[-1],)
        return (
            WeightSpec("scale", features, "ones", "norm"),
            WeightSpec("offset", features, "zeros", "norm"),
        )

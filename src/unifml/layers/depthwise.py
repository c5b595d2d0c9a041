"""Convolutions of each feature by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unifml.layers.base import Layer, Shape, WeightSpec
from unifml.layers.convolution import CONVOLUTIONS, Convolution
from unifml.layers.windows import PADDINGS, Size, check_sizes, sides, size_of, slid


@dataclass(frozen=True, repr=False)
class DepthwiseConv(Convolution):
    """A window of its own for each feature.

    ``y[i, c * multiplier + m] = bias + sum_k x[i * stride + k, c] * kernel[k, c, m]``.

    Parameters
    ----------
    kernel_size : int or tuple of int
        Size of the window.
    strides : int, default=1
        How far it moves, along every axis.
    padding : {"same", "valid"}, default="same"
        As in `Conv`.
    multiplier : int, default=1
        Number of outputs of each feature; those of one feature stand together.
    bias : bool, default=True
        Whether a bias is added.

    References
    ----------
    Howard et al., "MobileNets", arXiv:1704.04861.

    Examples
    --------
    >>> from unifml.layers import DepthwiseConv2D
    >>> DepthwiseConv2D(3, multiplier=2).output_shape((28, 28, 3))
    (28, 28, 6)
    """

    kernel_size: Size
    strides: int = 1
    padding: str = "same"
    multiplier: int = 1
    bias: bool = True

    def output_shape(self, *shapes: Shape) -> Shape:
        shape = shapes[0]
        self.need_axes(shape)
        check_sizes(self, self.rank, kernel_size=self.kernel_size)
        check_sizes(self, 1, strides=self.strides, multiplier=self.multiplier)
        self.need(self.padding in PADDINGS, f"padding in {PADDINGS}")
        window = slid(self, shape, self.kernel_size, self.strides, 1, self.padding)
        return (*window, shape[-1] * self.multiplier)

    def weights(self, *shapes: Shape) -> tuple[WeightSpec, ...]:
        features, values = shapes[0][-1], size_of(self.kernel_size, self.rank)
        shape = (*sides(self.kernel_size, self.rank), features, self.multiplier)
        fans = (values, values * self.multiplier)
        kernel = WeightSpec("kernel", shape, "glorot_uniform", "kernel", fans)
        bias = WeightSpec("bias", (features * self.multiplier,), "zeros", "bias")
        return (kernel, bias) if self.bias else (kernel,)


class DepthwiseConv1D(DepthwiseConv):
    """A depthwise convolution over signals: rows of shape (steps, features).

    Its parameters are those of `unifml.layers.depthwise.DepthwiseConv`.

    Examples
    --------
    >>> from unifml.layers import DepthwiseConv1D
    >>> DepthwiseConv1D(3, multiplier=2).output_shape((28, 3))
    (28, 6)
    """

    kind: ClassVar[str] = "depthwise_conv1d"
    rank: ClassVar[int] = 1


class DepthwiseConv2D(DepthwiseConv):
    """A depthwise convolution over images: rows of shape (height, width, features).

    Its parameters are those of `unifml.layers.depthwise.DepthwiseConv`.

    Examples
    --------
    >>> from unifml.layers import DepthwiseConv2D
    >>> DepthwiseConv2D(3, multiplier=2).output_shape((28, 28, 3))
    (28, 28, 6)
    """

    kind: ClassVar[str] = "depthwise_conv2d"
    rank: ClassVar[int] = 2


@dataclass(frozen=True, repr=False)
class SeparableConv(Convolution):
    """A depthwise convolution, and a map of the features at each place.

    It is `DepthwiseConv` without a bias, and `Conv` with a window of 1.

    Parameters
    ----------
    filters : int
        Number of outputs at each place.
    kernel_size : int or tuple of int
        Size of the window.
    strides : int, default=1
        How far it moves, along every axis.
    padding : {"same", "valid"}, default="same"
        As in `Conv`.
    bias : bool, default=True
        Whether a bias is added at the end.

    References
    ----------
    Chollet, "Xception: deep learning with depthwise separable convolutions", CVPR 2017.

    Examples
    --------
    >>> from unifml.layers import SeparableConv2D
    >>> SeparableConv2D(8, 3).output_shape((28, 28, 3))
    (28, 28, 8)
    """

    filters: int
    kernel_size: Size
    strides: int = 1
    padding: str = "same"
    bias: bool = True

    def expand(self, shape: Shape) -> Layer:
        from unifml.layers.combinators import Sequential

        window = {1: DepthwiseConv1D, 2: DepthwiseConv2D}[self.rank](
            self.kernel_size, self.strides, self.padding, bias=False, name="depthwise"
        )
        point = CONVOLUTIONS[self.rank](self.filters, 1, bias=self.bias, name="pointwise")
        return Sequential((window, point), name=self.name)


class SeparableConv1D(SeparableConv):
    """A separable convolution over signals: rows of shape (steps, features).

    Its parameters are those of `unifml.layers.depthwise.SeparableConv`.

    Examples
    --------
    >>> from unifml.layers import SeparableConv1D
    >>> SeparableConv1D(8, 3).output_shape((28, 3))
    (28, 8)
    """

    kind: ClassVar[str] = "separable_conv1d"
    rank: ClassVar[int] = 1


class SeparableConv2D(SeparableConv):
    """A separable convolution over images: rows of shape (height, width, features).

    Its parameters are those of `unifml.layers.depthwise.SeparableConv`.

    Examples
    --------
    >>> from unifml.layers import SeparableConv2D
    >>> SeparableConv2D(8, 3).output_shape((28, 28, 3))
    (28, 28, 8)
    """

    kind: ClassVar[str] = "separable_conv2d"
    rank: ClassVar[int] = 2

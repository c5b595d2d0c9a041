"""Convolutions over signals, images and volumes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unifml.layers.base import Layer, Shape, WeightSpec
from unifml.layers.windows import Size, check_sizes, sides, slid


class Convolution(Layer):
    """What all convolutions share: the number of axes that they slide over."""

    rank: ClassVar[int]

    def need_axes(self, shape: Shape) -> None:
        """Raise unless rows have as many axes as the window, and features."""
        axes = ", ".join(
            ("steps", "height, width", "depth, height, width")[self.rank - 1 : self.rank]
        )
        self.need(len(shape) == self.rank + 1, f"rows have the shape ({axes}, features)")


@dataclass(frozen=True, repr=False)
class Conv(Convolution):
    """A window of weights that slides over the axes before the features.

    ``y[i, o] = bias[o] + sum_kc x[i * stride + k * dilation, c] * kernel[k, c, o]``, where ``i`` is
    a place, ``k`` a place in the window and ``c`` a feature of the group of ``o``.

    Parameters
    ----------
    filters : int
        Number of outputs at each place.
    kernel_size : int or tuple of int
        Size of the window.
    strides : int or tuple of int, default=1
        How far it moves.
    padding : {"same", "valid", "causal"}, default="same"
        ``same`` pads with zeros so that ``ceil(side / stride)`` places remain, more at the end
        where the number is odd; ``causal`` (one axis only) pads the beginning.
    dilation : int or tuple of int, default=1
        Distance of the values that the window looks at.
    groups : int, default=1
        Groups of features that do not see each other; it divides features and `filters`.
    bias : bool, default=True
        Whether a bias is added.
    initial : {"glorot_uniform", "he_normal", "zeros"}, default="glorot_uniform"
        How the kernel starts.

    References
    ----------
    LeCun et al., "Gradient-based learning applied to document recognition", Proceedings of the
    IEEE 86, 1998. Yu and Koltun, "Multi-scale context aggregation by dilated convolutions", ICLR
    2016. Xie et al., "Aggregated residual transformations", CVPR 2017.

    Examples
    --------
    >>> from unifml.layers import Conv2D
    >>> Conv2D(16, 3, strides=2).output_shape((28, 28, 1))
    (14, 14, 16)
    """

    filters: int
    kernel_size: Size
    strides: Size = 1
    padding: str = "same"
    dilation: Size = 1
    groups: int = 1
    bias: bool = True
    initial: str = "glorot_uniform"

    def output_shape(self, *shapes: Shape) -> Shape:
        shape = shapes[0]
        self.need_axes(shape)
        given = {"kernel_size": self.kernel_size, "strides": self.strides}
        check_sizes(self, self.rank, **given, dilation=self.dilation)
        self.need_counts(filters=self.filters)
        divides = self.groups >= 1 and shape[-1] % self.groups == self.filters % self.groups == 0
        self.need(divides, f"groups divides the {shape[-1]} features and the filters")
        one_way = (
            max(sides(self.strides, self.rank)) == 1 or max(sides(self.dilation, self.rank)) == 1
        )
        self.need(one_way, "strides and dilation are not both above 1")
        window = (self.kernel_size, self.strides, self.dilation, self.padding)
        return (*slid(self, shape, *window), self.filters)

    def weights(self, *shapes: Shape) -> tuple[WeightSpec, ...]:
        inputs = shapes[0][-1] // self.groups
        shape = (*sides(self.kernel_size, self.rank), inputs, self.filters)
        kernel = WeightSpec("kernel", shape, self.initial, "kernel")
        bias = WeightSpec("bias", (self.filters,), "zeros", "bias")
        return (kernel, bias) if self.bias else (kernel,)


class Conv1D(Conv):
    """A convolution over signals: rows of shape (steps, features).

    Its parameters are those of `unifml.layers.convolution.Conv`.

    Examples
    --------
    >>> from unifml.layers import Conv1D
    >>> Conv1D(16, 3, strides=2).output_shape((28, 1))
    (14, 16)
    """

    kind: ClassVar[str] = "conv1d"
    rank: ClassVar[int] = 1


class Conv2D(Conv):
    """A convolution over images: rows of shape (height, width, features).

    Its parameters are those of `unifml.layers.convolution.Conv`.

    Examples
    --------
    >>> from unifml.layers import Conv2D
    >>> Conv2D(16, 3, strides=2).output_shape((28, 28, 1))
    (14, 14, 16)
    """

    kind: ClassVar[str] = "conv2d"
    rank: ClassVar[int] = 2


class Conv3D(Conv):
    """A convolution over volumes: rows of shape (depth, height, width, features).

    Its parameters are those of `unifml.layers.convolution.Conv`.

    Examples
    --------
    >>> from unifml.layers import Conv3D
    >>> Conv3D(16, 3, strides=2).output_shape((8, 8, 8, 1))
    (4, 4, 4, 16)
    """

    kind: ClassVar[str] = "conv3d"
    rank: ClassVar[int] = 3


CONVOLUTIONS: dict[int, type[Conv]] = {1: Conv1D, 2: Conv2D, 3: Conv3D}

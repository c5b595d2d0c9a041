"""Transposed convolutions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unifml.layers.base import Shape, WeightSpec
from unifml.layers.convolution import Convolution
from unifml.layers.windows import PADDINGS, Size, check_sizes, sides


@dataclass(frozen=True, repr=False)
class ConvTranspose(Convolution):
    """The way back of a convolution: each value spreads a window of weights, and they add up.

    ``y[i * stride + k, o] = bias[o] + sum_ic x[i, c] * kernel[k, c, o]``.

    Parameters
    ----------
    filters : int
        Number of outputs at each place.
    kernel_size : int or tuple of int
        Size of the window.
    strides : int or tuple of int, default=1
        How far apart the windows are.
    padding : {"same", "valid"}, default="same"
        ``same`` gives ``side * stride`` places, ``valid`` all that the windows cover.
    bias : bool, default=True
        Whether a bias is added.

    References
    ----------
    Zeiler et al., "Deconvolutional networks", CVPR 2010.

    Examples
    --------
    >>> from unifml.layers import ConvTranspose2D
    >>> ConvTranspose2D(8, 3, strides=2).output_shape((14, 14, 3))
    (28, 28, 8)
    """

    filters: int
    kernel_size: Size
    strides: Size = 1
    padding: str = "same"
    bias: bool = True

    def output_shape(self, *shapes: Shape) -> Shape:
        shape = shapes[0]
        self.need_axes(shape)
        check_sizes(self, self.rank, kernel_size=self.kernel_size, strides=self.strides)
        self.need_counts(filters=self.filters)
        self.need(self.padding in PADDINGS, f"padding in {PADDINGS}")
        steps, window = sides(self.strides, self.rank), sides(self.kernel_size, self.rank)
        each = zip(shape[:-1], steps, window, strict=True)
        if self.padding == "same":
            return (*(n * s for n, s, _ in each), self.filters)
        return (*(n * s + max(k - s, 0) for n, s, k in each), self.filters)

    def weights(self, *shapes: Shape) -> tuple[WeightSpec, ...]:
        shape = (*sides(self.kernel_size, self.rank), shapes[0][-1], self.filters)
        kernel = WeightSpec("kernel", shape, "glorot_uniform", "kernel")
        bias = WeightSpec("bias", (self.filters,), "zeros", "bias")
        return (kernel, bias) if self.bias else (kernel,)


class ConvTranspose1D(ConvTranspose):
    """A transposed convolution over signals: rows of shape (steps, features).

    Its parameters are those of `unifml.layers.transposed.ConvTranspose`.

    Examples
    --------
    >>> from unifml.layers import ConvTranspose1D
    >>> ConvTranspose1D(8, 3, strides=2).output_shape((14, 3))
    (28, 8)
    """

    kind: ClassVar[str] = "conv_transpose1d"
    rank: ClassVar[int] = 1


class ConvTranspose2D(ConvTranspose):
    """A transposed convolution over images: rows of shape (height, width, features).

    Its parameters are those of `unifml.layers.transposed.ConvTranspose`.

    Examples
    --------
    >>> from unifml.layers import ConvTranspose2D
    >>> ConvTranspose2D(8, 3, strides=2).output_shape((14, 14, 3))
    (28, 28, 8)
    """

    kind: ClassVar[str] = "conv_transpose2d"
    rank: ClassVar[int] = 2


class ConvTranspose3D(ConvTranspose):
    """A transposed convolution over volumes: rows of shape (depth, height, width, features).

    Its parameters are those of `unifml.layers.transposed.ConvTranspose`.

    Examples
    --------
    >>> from unifml.layers import ConvTranspose3D
    >>> ConvTranspose3D(8, 3, strides=2).output_shape((4, 4, 4, 3))
    (8, 8, 8, 8)
    """

    kind: ClassVar[str] = "conv_transpose3d"
    rank: ClassVar[int] = 3

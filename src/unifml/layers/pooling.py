"""Pooling, and its way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unifml.layers.base import Layer, Masks, Shape
from unifml.layers.windows import Size, check_sizes, sides, slid


@dataclass(frozen=True, repr=False)
class MaxPool(Layer):
    """The largest value of each feature in a window, over one to three axes.

    ``y[i, c] = max_k x[i * stride + k, c]``.

    Parameters
    ----------
    size : int or tuple of int, default=2
        Size of the window.
    strides : int, tuple of int or None, default=None
        How far it moves; None: by its size.
    padding : {"valid", "same"}, default="valid"
        ``same`` keeps ``ceil(side / stride)`` places; what is padded does not count.

    References
    ----------
    Boureau et al., "A theoretical analysis of feature pooling in visual recognition", ICML 2010.

    Examples
    --------
    >>> from unifml.layers import MaxPool
    >>> MaxPool(2).output_shape((28, 28, 3))
    (14, 14, 3)
    """

    kind: ClassVar[str] = "max_pool"
    size: Size = 2
    strides: Size | None = None
    padding: str = "valid"

    @property
    def steps(self) -> Size:
        """How far the window moves."""
        return self.size if self.strides is None else self.strides

    def output_shape(self, *shapes: Shape) -> Shape:
        shape, rank = shapes[0], len(shapes[0]) - 1
        self.need(1 <= rank <= 3, "rows have one to three axes besides the features")
        check_sizes(self, rank, size=self.size, strides=self.steps)
        self.need(self.padding in ("valid", "same"), 'padding in ("valid", "same")')
        return (*slid(self, shape, self.size, self.steps, 1, self.padding), shape[-1])


@dataclass(frozen=True, repr=False)
class AvgPool(MaxPool):
    """The mean of each feature in a window, over one to three axes.

    ``y[i, c] = mean_k x[i * stride + k, c]``.

    Parameters
    ----------
    size : int or tuple of int, default=2
        Size of the window.
    strides : int, tuple of int or None, default=None
        How far it moves; None: by its size.
    padding : {"valid", "same"}, default="valid"
        ``same`` keeps ``ceil(side / stride)`` places; what is padded does not count.

    Examples
    --------
    >>> from unifml.layers import AvgPool
    >>> AvgPool(2).output_shape((28, 3))
    (14, 3)
    """

    kind: ClassVar[str] = "avg_pool"


@dataclass(frozen=True, repr=False)
class GlobalAvgPool(Layer):
    """The mean of each feature over all axes before it; of sequences, over their own steps.

    References
    ----------
    Lin et al., "Network in network", ICLR 2014.

    Examples
    --------
    >>> from unifml.layers import GlobalAvgPool
    >>> GlobalAvgPool().output_shape((7, 7, 64))
    (64,)
    """

    kind: ClassVar[str] = "global_avg_pool"
    masks: ClassVar[Masks] = "end"

    def output_shape(self, *shapes: Shape) -> Shape:
        axes = len(shapes[0]) - 1
        self.need(1 <= axes <= 3, "rows have one to three axes besides the features")
        return shapes[0][-1:]


@dataclass(frozen=True, repr=False)
class GlobalMaxPool(GlobalAvgPool):
    """The largest value of each feature over all axes before it.

    Examples
    --------
    >>> from unifml.layers import GlobalMaxPool
    >>> GlobalMaxPool().output_shape((7, 7, 64))
    (64,)
    """

    kind: ClassVar[str] = "global_max_pool"


@dataclass(frozen=True, repr=False)
class UpSample(Layer):
    """More places: values repeated, or interpolated between the middles of the old places.

    Parameters
    ----------
    size : int or tuple of int, default=2
        How many times more, along each axis.
    interpolation : {"nearest", "bilinear"}, default="nearest"
        ``bilinear`` is for images.

    References
    ----------
    Odena et al., "Deconvolution and checkerboard artifacts", Distill, 2016.

    Examples
    --------
    >>> from unifml.layers import UpSample
    >>> UpSample(2).output_shape((7, 7, 64))
    (14, 14, 64)
    """

    kind: ClassVar[str] = "upsample"
    size: Size = 2
    interpolation: str = "nearest"

    def output_shape(self, *shapes: Shape) -> Shape:
        shape, rank = shapes[0], len(shapes[0]) - 1
        self.need(1 <= rank <= 3, "rows have one to three axes besides the features")
        check_sizes(self, rank, size=self.size)
        known = ("nearest", "bilinear") if rank == 2 else ("nearest",)
        self.need(self.interpolation in known, f"interpolation in {known}")
        return (*(n * k for n, k in zip(shape, sides(self.size, rank), strict=False)), shape[-1])

"""Layers that only move values."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

from unifml.layers.base import Layer, Masks, Shape
from unifml.layers.windows import Size, check_sizes, sides


@dataclass(frozen=True, repr=False)
class Flatten(Layer):
    """All values of a row on one axis, the last axis running fastest.

    Examples
    --------
    >>> from unifml.layers import Flatten
    >>> Flatten().output_shape((7, 7, 64))
    (3136,)
    """

    kind: ClassVar[str] = "flatten"

    def output_shape(self, *shapes: Shape) -> Shape:
        return (prod(shapes[0]),)


@dataclass(frozen=True, repr=False)
class Reshape(Layer):
    """The values of a row, in their order, on other axes.

    Parameters
    ----------
    shape : tuple of int
        The new shape of a row.

    Examples
    --------
    >>> from unifml.layers import Reshape
    >>> Reshape((4, 2)).output_shape((8,))
    (4, 2)
    """

    kind: ClassVar[str] = "reshape"
    shape: tuple[int, ...]

    def output_shape(self, *shapes: Shape) -> Shape:
        whole = all(side >= 1 for side in self.shape)
        fits = whole and prod(self.shape) == prod(shapes[0])
        self.need(fits, f"prod(shape) == {prod(shapes[0])}, the values of a row")
        return tuple(self.shape)


@dataclass(frozen=True, repr=False)
class Permute(Layer):
    """The axes of a row in another order.

    Parameters
    ----------
    axes : tuple of int
        The old place of each new axis, counted from 0 without the batch.

    Examples
    --------
    >>> from unifml.layers import Permute
    >>> Permute((1, 0)).output_shape((7, 3))
    (3, 7)
    """

    kind: ClassVar[str] = "permute"
    axes: tuple[int, ...]

    def output_shape(self, *shapes: Shape) -> Shape:
        shape = shapes[0]
        self.need(sorted(self.axes) == list(range(len(shape))), f"axes are 0 to {len(shape) - 1}")
        return tuple(shape[axis] for axis in self.axes)


@dataclass(frozen=True, repr=False)
class Columns(Layer):
    """Some of the features.

    Parameters
    ----------
    indices : tuple of int
        Which, counted from 0, in the order wanted.

    Examples
    --------
    >>> from unifml.layers import Columns
    >>> Columns((0, 3)).output_shape((5,))
    (2,)
    """

    kind: ClassVar[str] = "columns"
    masks: ClassVar[Masks] = "keep"
    indices: tuple[int, ...]

    def output_shape(self, *shapes: Shape) -> Shape:
        features = shapes[0][-1] if shapes[0] else 0
        inside = bool(self.indices) and all(0 <= i < features for i in self.indices)
        self.need(inside, f"0 <= index < {features}, one at least")
        return (*shapes[0][:-1], len(self.indices))


@dataclass(frozen=True, repr=False)
class Patchify(Layer):
    """Cut a signal, an image or a volume into patches: a sequence of flat pieces.

    Parameters
    ----------
    size : int or tuple of int
        Sides of a patch; they divide those of a row.

    References
    ----------
    Dosovitskiy et al., "An image is worth 16x16 words", ICLR 2021.

    Examples
    --------
    >>> from unifml.layers import Patchify
    >>> Patchify(2).output_shape((8, 8, 1))
    (16, 4)
    """

    kind: ClassVar[str] = "patchify"
    size: Size

    def expand(self, shape: Shape) -> Layer:
        from unifml.layers.combinators import Sequential

        rank = len(shape) - 1
        self.need(1 <= rank <= 3, "rows have one to three axes besides the features")
        check_sizes(self, rank, size=self.size)
        size = sides(self.size, rank)
        self.need(
            all(side % s == 0 for side, s in zip(shape, size, strict=False)),
            f"size divides {shape[:-1]}",
        )
        counts = tuple(side // s for side, s in zip(shape, size, strict=False))
        cut = tuple(side for pair in zip(counts, size, strict=True) for side in pair)
        order = (*range(0, 2 * rank, 2), *range(1, 2 * rank, 2), 2 * rank)
        flat = Reshape((prod(counts), prod(size) * shape[-1]), name="flat")
        steps: tuple[Layer, ...] = (
            Reshape((*cut, shape[-1]), name="cut"),
            Permute(order, name="order"),
            flat,
        )
        return Sequential(steps if rank > 1 else (flat,), name=self.name)

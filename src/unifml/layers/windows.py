"""Windows that slide over one to three axes: what convolutions and poolings share."""

from __future__ import annotations

from math import prod
from operator import index

from unifml.layers.base import Layer, Shape

Size = int | tuple[int, ...]
PADDINGS = ("same", "valid")


def sides(size: Size, rank: int) -> tuple[int, ...]:
    """Return a size for each axis; one number stands for all."""
    return tuple(size) if isinstance(size, tuple) else (int(size),) * rank


def check_sizes(layer: Layer, rank: int, **sizes: Size) -> None:
    """Raise unless each size is a whole number >= 1, or one for each axis."""
    for name, size in sizes.items():
        each = size if isinstance(size, tuple) else (size,) * rank
        whole = len(each) == rank and all(map(_whole, each))
        layer.need(whole, f"{name} is a whole number >= 1, or {rank} of them")


def slid(
    layer: Layer, shape: Shape, window: Size, strides: Size, dilation: Size, padding: str
) -> Shape:
    """Return the axes before the features after a window slid over them.

    ``same`` keeps ``ceil(side / stride)``, and pads more at the end; ``causal`` keeps as many, and
    pads at the beginning only.
    """
    rank = len(shape) - 1
    known = (*PADDINGS, "causal") if rank == 1 else PADDINGS
    layer.need(padding in known, f"padding in {known}")
    reach = [
        d * (k - 1) + 1 for k, d in zip(sides(window, rank), sides(dilation, rank), strict=True)
    ]
    room = (
        shape[:-1]
        if padding == "valid"
        else tuple(s + r - 1 for s, r in zip(shape, reach, strict=False))
    )
    steps = sides(strides, rank)
    layer.need(
        all(side >= r for side, r in zip(room, reach, strict=True)),
        f"the window of {tuple(reach)} fits into {shape[:-1]}",
        fix='use padding="same"',
    )
    return tuple((side - r) // s + 1 for side, r, s in zip(room, reach, steps, strict=True))


def pads(side: int, window: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Return what ``same`` padding adds before and after an axis of `side` values."""
    reach = dilation * (window - 1) + 1
    total = max((-(-side // stride) - 1) * stride + reach - side, 0)
    return total // 2, total - total // 2


def size_of(window: Size, rank: int) -> int:
    """Return how many values a window holds."""
    return prod(sides(window, rank))


def _whole(side: object) -> bool:
    try:
        return index(side) >= 1  # type: ignore[arg-type]
    except TypeError:
        return False

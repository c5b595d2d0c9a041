"""The oracle's convolutions and poolings: a window at each place, one place after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Array = Any  # a NumPy array of floats
Size = int | tuple[int, ...]


def each(size: Size, rank: int) -> tuple[int, ...]:
    return (size,) * rank if isinstance(size, int) else tuple(size)


def before_and_after(side: int, reach: int, stride: int, padding: str) -> tuple[int, int]:
    """Return how many places are padded: ``same`` more at the end, ``causal`` all before."""
    if padding == "valid":
        return 0, 0
    if padding == "causal":
        return reach - 1, 0
    kept = -(-side // stride)
    total = max((kept - 1) * stride + reach - side, 0)
    return total // 2, total - total // 2


def places(
    shape: tuple[int, ...], window: Size, strides: Size, padding: str, dilation: Size = 1
) -> Iterator[tuple[tuple[int, ...], list[list[int]]]]:
    """Yield each place of the output, and what its window sees of each axis.

    Indices outside an axis stand for padding.
    """
    rank = len(shape)
    window, strides, dilation = each(window, rank), each(strides, rank), each(dilation, rank)
    axes = []
    for n, k, s, d in zip(shape, window, strides, dilation, strict=True):
        reach = d * (k - 1) + 1
        before, after = before_and_after(n, reach, s, padding)
        count = (n + before + after - reach) // s + 1
        axes.append([[i * s + j * d - before for j in range(k)] for i in range(count)])
    for place in np.ndindex(*(len(axis) for axis in axes)):
        yield place, [axis[i] for axis, i in zip(axes, place, strict=True)]


def seen(x: Array, look: list[list[int]]) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Return x (n, *axes, features) in a window (n, *window, features), and what is no padding."""
    sides = x.shape[1:-1]
    inside = np.ones(tuple(len(indices) for indices in look), bool)
    for axis, (indices, side) in enumerate(zip(look, sides, strict=True)):
        ok = np.array([0 <= i < side for i in indices])
        inside &= ok.reshape([-1 if a == axis else 1 for a in range(len(sides))])
    near = [np.clip(indices, 0, side - 1) for indices, side in zip(look, sides, strict=True)]
    values = x[(slice(None), *np.ix_(*near))]
    return np.where(inside[None, ..., None], values, 0.0), inside


def filled(results: dict[tuple[int, ...], Array]) -> Array:
    """Return the results (n, features) of all places as one array (n, *axes, features)."""
    sides = tuple(side + 1 for side in max(results))
    first = next(iter(results.values()))
    out: Array = np.empty((len(first), *sides, first.shape[-1]))
    for place, value in results.items():
        out[:, *place] = value
    return out


def conv(
    x: Array, kernel: Array, strides: Size, padding: str, dilation: Size, groups: int
) -> Array:
    """Kernel (*window, in / groups, out); the outputs of a group see its features only."""
    window, (taken, filters) = kernel.shape[:-2], kernel.shape[-2:]
    wide, results = filters // groups, {}
    for place, look in places(x.shape[1:-1], window, strides, padding, dilation):
        values, _ = seen(x, look)
        parts = []
        for g in range(groups):
            own = values[..., g * taken : (g + 1) * taken].reshape(len(x), -1)
            parts.append(own @ kernel[..., g * wide : (g + 1) * wide].reshape(-1, wide))
        results[place] = np.concatenate(parts, -1)
    return filled(results)


def depthwise(x: Array, kernel: Array, strides: Size, padding: str) -> Array:
    """Kernel (*window, in, multiplier); the outputs of one feature stand together."""
    window, (features, multiplier) = kernel.shape[:-2], kernel.shape[-2:]
    flat, results = kernel.reshape(-1, features, multiplier), {}
    for place, look in places(x.shape[1:-1], window, strides, padding):
        values = seen(x, look)[0].reshape(len(x), -1, features)
        own = [values[:, :, f] @ flat[:, f] for f in range(features)]
        results[place] = np.concatenate(own, -1)
    return filled(results)


def conv_transpose(x: Array, kernel: Array, strides: Size, padding: str) -> Array:
    """Kernel (*window, in, out); ``y[s * i + k] += x[i] @ kernel[k]``."""
    rank = x.ndim - 2
    window, steps = kernel.shape[:-2], each(strides, rank)
    sides = [n * s + max(k - s, 0) for n, s, k in zip(x.shape[1:-1], steps, window, strict=True)]
    out = np.zeros((len(x), *sides, kernel.shape[-1]))
    for i in np.ndindex(*x.shape[1:-1]):
        for k in np.ndindex(*window):
            place = tuple(s * a + b for s, a, b in zip(steps, i, k, strict=True))
            out[(slice(None), *place)] += x[(slice(None), *i)] @ kernel[k]
    if padding == "same":
        for axis, (n, s, k) in enumerate(zip(x.shape[1:-1], steps, window, strict=True)):
            before = max(k - s, 0) // 2
            out = np.take(out, range(before, before + n * s), axis=axis + 1)
    return out


def pool(x: Array, size: Size, strides: Size, padding: str, how: Callable[..., Any]) -> Array:
    """What is padded does not count."""
    results = {}
    for place, look in places(x.shape[1:-1], size, strides, padding):
        values, inside = seen(x, look)
        results[place] = how(values[:, inside], axis=1)
    return filled(results)


def upsample(x: Array, size: Size, interpolation: str) -> Array:
    for axis, times in enumerate(each(size, x.ndim - 2), start=1):
        side = x.shape[axis]
        if interpolation == "nearest":
            x = np.take(x, [i // times for i in range(side * times)], axis=axis)
            continue
        # The middle of new place i lies at (i + 1/2) / times; old middles at j + 1/2.
        at = np.clip((np.arange(side * times) + 0.5) / times - 0.5, 0, side - 1)
        low = np.floor(at).astype(int)
        share = (at - low).reshape([-1 if a == axis else 1 for a in range(x.ndim)])
        high = np.minimum(low + 1, side - 1)
        x = np.take(x, low, axis=axis) * (1 - share) + np.take(x, high, axis=axis) * share
    return x

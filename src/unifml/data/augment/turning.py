"""Rotation of images, all at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.table import FloatArray

_AT_ONCE = 2**22  # values that the corners of pixels hold at once


def rotated(X: npt.NDArray[Any], angles: FloatArray) -> npt.NDArray[Any]:
    """Turn images counter-clockwise about their centres, bilinearly, with 0 outside.

    Parameters
    ----------
    X : array of shape (n, H, W, C)
        Images.
    angles : array of shape (n,)
        In radians.
    """
    found = np.empty_like(X)
    step = max(1, _AT_ONCE // max(1, X[:1].size))
    for at in range(0, len(X), step):
        place = slice(at, at + step)
        found[place] = _rotated(X[place], angles[place])
    return found


def _rotated(X: npt.NDArray[Any], angles: FloatArray) -> npt.NDArray[Any]:
    n, height, width, channels = X.shape
    y, x = _sources((height, width), angles)
    top, left = np.floor(y).astype(np.int64), np.floor(x).astype(np.int64)
    down, right = (y - top).astype(X.dtype), (x - left).astype(X.dtype)
    # A frame of zeros, two pixels wide, is all of the outside that matters.
    framed = np.pad(X, ((0, 0), (2, 2), (2, 2), (0, 0)))
    rows, columns = height + 4, width + 4
    top = np.clip(top + 2, 0, rows - 2)
    left = np.clip(left + 2, 0, columns - 2)
    corner = (np.arange(n)[:, None, None] * rows + top) * columns + left
    pixels = framed.reshape(-1, channels)
    sums = _between(pixels, corner, right)
    sums += (_between(pixels, corner + columns, right) - sums) * down[..., None]
    return sums


def _between(
    pixels: npt.NDArray[Any], place: npt.NDArray[np.int64], share: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    """Mix each pixel with its neighbour on the right."""
    here, there = (pixels.take(at, axis=0, mode="clip") for at in (place, place + 1))
    return np.asarray(here + (there - here) * share[..., None])


def _sources(shape: tuple[int, int], angles: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return where each pixel (n, H, W) comes from."""
    middle_y, middle_x = (shape[0] - 1) / 2, (shape[1] - 1) / 2
    y = np.arange(shape[0])[:, None] - middle_y
    x = np.arange(shape[1])[None, :] - middle_x
    cos, sin = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
    # Rounded, so that a quarter turn moves pixels onto pixels.
    source_y = np.round(cos * y + sin * x + middle_y, 9)
    source_x = np.round(cos * x - sin * y + middle_x, 9)
    return source_y, source_x

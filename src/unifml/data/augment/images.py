"""Changes of images of shape (n, H, W, C)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from unifml.core.table import FloatArray, IntArray
from unifml.data.augment.base import About, Augmentation, is_real
from unifml.data.augment.turning import rotated

Images = npt.NDArray[Any]


@dataclass(frozen=True, repr=False)
class _OfImages(Augmentation):
    kinds: ClassVar[tuple[str, ...]] = ("image",)


@dataclass(frozen=True, repr=False)
class Flip(_OfImages):
    """Mirror half of the images.

    Parameters
    ----------
    horizontal : bool, default=True
        Left and right change places, in each image with probability 1/2.
    vertical : bool, default=False
        Top and bottom, likewise.

    Examples
    --------
    >>> from unifml import Flip, Training
    >>> Training(augment=(Flip(),))
    Training(augment=(Flip(),))
    """

    kind: ClassVar[str] = "flip"
    horizontal: bool = True
    vertical: bool = False

    def check(self) -> None:
        flags = (self.horizontal, self.vertical)
        self.require(all(isinstance(flag, bool) for flag in flags) and any(flags), "one is True")

    def apply(
        self, rng: np.random.Generator, X: Images, about: About, lengths: IntArray | None = None
    ) -> Images:
        for axis, wanted in ((1, self.horizontal), (0, self.vertical)):
            if wanted:
                chosen = rng.random(len(X)) < 0.5
                X[chosen] = np.flip(X[chosen], axis + 1)
        return X


@dataclass(frozen=True, repr=False)
class Crop(_OfImages):
    """Pad images with zeros on all sides, and cut out a part of their size at random.

    Parameters
    ----------
    padding : int, default=4
        Pixels on each side: the furthest that an image moves.

    References
    ----------
    He et al., "Deep residual learning for image recognition", CVPR 2016: 4 pixels on 32 x 32.

    Examples
    --------
    >>> from unifml import Crop, Flip, Training
    >>> Training(augment=(Crop(padding=2), Flip()))
    Training(augment=(Crop(padding=2), Flip()))
    """

    kind: ClassVar[str] = "crop"
    padding: int = 4

    def check(self) -> None:
        self.require(
            is_real(self.padding, 1) and self.padding == int(self.padding),
            "padding >= 1, a whole number,",
        )

    def apply(
        self, rng: np.random.Generator, X: Images, about: About, lengths: IntArray | None = None
    ) -> Images:
        height, width, pad = X.shape[1], X.shape[2], int(self.padding)
        wide = np.pad(X, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
        corners = rng.integers(0, 2 * pad + 1, (len(X), 2)).tolist()
        for image, source, (top, left) in zip(X, wide, corners, strict=True):
            image[...] = source[top : top + height, left : left + width]
        return X


@dataclass(frozen=True, repr=False)
class Rotate(_OfImages):
    """Turn images about their centre, bilinearly; what comes in from outside is 0.

    Parameters
    ----------
    degrees : float, default=15.0
        Angles are drawn evenly from ``-degrees`` to ``degrees``.

    Examples
    --------
    >>> from unifml import Rotate, Training
    >>> Training(augment=(Rotate(degrees=10),))
    Training(augment=(Rotate(degrees=10),))
    """

    kind: ClassVar[str] = "rotate"
    degrees: float = 15.0

    def check(self) -> None:
        self.require(is_real(self.degrees, 0, 180) and self.degrees > 0, "0 < degrees <= 180")

    def apply(
        self, rng: np.random.Generator, X: Images, about: About, lengths: IntArray | None = None
    ) -> Images:
        return rotated(X, np.deg2rad(rng.uniform(-self.degrees, self.degrees, len(X))))


@dataclass(frozen=True, repr=False)
class Color(_OfImages):
    """Change brightness, contrast and saturation of whole images, in this order.

    Pixels are standardised, so brightness is a shift in units of their deviation, contrast
    stretches an image about its own mean, and saturation stretches pixels about their grey value
    (the mean of their channels). Nothing is clipped.

    Parameters
    ----------
    brightness : float, default=0.2
        The shift is drawn evenly from ``-brightness`` to ``brightness``.
    contrast, saturation : float, default=0.2
        The factor is drawn evenly from ``1 - contrast`` to ``1 + contrast``. Images of one channel
        have no saturation.

    Examples
    --------
    >>> from unifml import Color, Training
    >>> Training(augment=(Color(saturation=0),))
    Training(augment=(Color(saturation=0),))
    """

    kind: ClassVar[str] = "color"
    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.2

    def check(self) -> None:
        self.require(is_real(self.brightness, 0), "0 <= brightness < inf")
        self.require(is_real(self.contrast, 0, 1), "0 <= contrast <= 1")
        self.require(is_real(self.saturation, 0, 1), "0 <= saturation <= 1")

    def apply(
        self, rng: np.random.Generator, X: Images, about: About, lengths: IntArray | None = None
    ) -> Images:
        shift, stretch, vividness = (
            rng.uniform(middle - width, middle + width, (len(X), 1, 1, 1)).astype(X.dtype)
            for middle, width in ((0, self.brightness), (1, self.contrast), (1, self.saturation))
        )
        if self.brightness:
            X += shift * np.asarray(about.deviation, X.dtype)
        if self.contrast:
            X = _stretched(X, _over_pixels(X), stretch)
        if self.saturation and X.shape[-1] > 1:
            X = _stretched(X, _over_channels(X), vividness)
        return X


@dataclass(frozen=True, repr=False)
class Cutout(_OfImages):
    """Set a square of each image to 0; its centre is anywhere, so the edge may cut it.

    Parameters
    ----------
    size : int or float, default=0.5
        Side of the square: pixels, or a share below 1 of the shorter side of the image.

    References
    ----------
    DeVries and Taylor, "Improved regularization of convolutional neural networks with cutout",
    2017: 16 of 32 pixels on CIFAR-10.

    Examples
    --------
    >>> from unifml import Cutout, Training
    >>> Training(augment=(Cutout(size=8),))
    Training(augment=(Cutout(size=8),))
    """

    kind: ClassVar[str] = "cutout"
    size: float = 0.5

    def check(self) -> None:
        whole = is_real(self.size, 1) and self.size == int(self.size)
        self.require(
            whole or (is_real(self.size, 0, 1) and self.size > 0),
            "size is a whole number >= 1, or 0 < size < 1: this",
        )

    def apply(
        self, rng: np.random.Generator, X: Images, about: About, lengths: IntArray | None = None
    ) -> Images:
        height, width = X.shape[1:3]
        side = self.size if self.size >= 1 else max(1, round(self.size * min(height, width)))
        boxes = boxes_at(rng.random((len(X), 2)), (height, width), np.array([[side, side]]))
        for image, (top, bottom, left, right) in zip(X, boxes.tolist(), strict=True):
            image[top:bottom, left:right] = 0
        return X


def boxes_at(places: FloatArray, shape: tuple[int, int], sides: npt.NDArray[Any]) -> IntArray:
    """Return boxes (n, 4): top, bottom, left, right, cut by the edges.

    Parameters
    ----------
    places : array of shape (n, 2)
        Centres, as shares of height and width.
    shape : (int, int)
        Height and width of the images.
    sides : array of shape (n, 2) or (1, 2)
        Height and width of the boxes, in pixels.
    """
    sides = sides.astype(np.int64)
    first = (places * shape).astype(np.int64) - sides // 2
    edges = np.clip(np.stack([first, first + sides], axis=2), 0, np.array(shape)[:, None])
    return np.asarray(edges.reshape(len(places), 4))


def _stretched(X: Images, middle: FloatArray, factor: FloatArray) -> Images:
    X -= middle
    X *= factor
    X += middle
    return X


def _over_pixels(X: Images) -> Images:
    """Return the mean of each channel; a product is faster here than ``mean``."""
    pixels = X.reshape(len(X), -1, X.shape[-1])
    weights = np.full((1, pixels.shape[1]), 1.0 / pixels.shape[1], X.dtype)
    return np.asarray((weights @ pixels)[:, None])


def _over_channels(X: Images) -> Images:
    """Return the mean of the channels of each pixel."""
    return np.asarray(X @ np.full((X.shape[-1], 1), 1.0 / X.shape[-1], X.dtype))

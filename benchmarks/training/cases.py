"""What is trained on: tables, images and series, from small to large."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_breast_cancer, load_digits

Array = npt.NDArray[Any]
Data = tuple[Array, Array]


@dataclass(frozen=True)
class Case:
    """A network, the rows it learns from, and how many of them make a step.

    Attributes
    ----------
    sizes : tuple of int
        Units of the hidden layers, filters of the convolutions, or units of the LSTM.
    short : int
        Epochs of the shorter of two fits. Roads may be chosen by the number of steps, so both have
        less than 600, or both have more.
    """

    name: str
    kind: str
    data: str
    batch: int
    sizes: tuple[int, ...] = (100,)
    short: int = 10

    def wider(self, more: int) -> Case:
        """Return the case of a network that no one has seen."""
        return replace(self, sizes=(self.sizes[0] + more, *self.sizes[1:]))

    def load(self) -> Data:
        return _DATA[self.data]()

    def steps(self, rows: int) -> int:
        return -(-rows // self.batch)


def outputs(y: Array) -> int:
    """Return the width of the last layer: one logit for two classes."""
    classes = int(y.max()) + 1
    return 1 if classes == 2 else classes


@cache
def breast_cancer() -> Data:
    X, y = load_breast_cancer(return_X_y=True)
    return _standard(X), y.astype(np.int64)


@cache
def digits() -> Data:
    X, y = load_digits(return_X_y=True)
    return _standard(X), y.astype(np.int64)


@cache
def digit_images() -> Data:
    X, y = load_digits(return_X_y=True)
    return _standard(X).reshape(-1, 8, 8, 1), y.astype(np.int64)


@cache
def wide() -> Data:
    """Return 50,000 rows of 100 columns in ten classes."""
    return generated((50_000, 100))


@cache
def images() -> Data:
    """Return 2,000 images of 28 x 28 in ten classes."""
    X, y = generated((2000, 28 * 28))
    return X.reshape(-1, 28, 28, 1), y


@cache
def series() -> Data:
    """Return 2,000 series of 20 steps and 4 features in ten classes."""
    X, y = generated((2000, 20 * 4))
    return X.reshape(-1, 20, 4), y


def generated(shape: tuple[int, int], classes: int = 10) -> Data:
    """Return rows whose class is the largest of linear functions of them, with noise."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal(shape, dtype=np.float32)
    noise = rng.standard_normal((len(X), classes), dtype=np.float32)
    map_ = rng.standard_normal((shape[1], classes), dtype=np.float32)
    return X, (X @ map_ + noise).argmax(axis=1).astype(np.int64)


def _standard(X: Array) -> Array:
    scale = X.std(axis=0)
    found: Array = ((X - X.mean(axis=0)) / np.where(scale > 0, scale, 1)).astype(np.float32)
    return found


_DATA: dict[str, Callable[[], Data]] = {
    each.__name__: each for each in (breast_cancer, digits, digit_images, wide, images, series)
}

CASES = (
    Case("569 x 30, batch 32", "mlp", "breast_cancer", 32, short=34),
    Case("569 x 30, batch 256", "mlp", "breast_cancer", 256, short=30),
    Case("1797 x 64, batch 32", "mlp", "digits", 32, short=11),
    Case("1797 x 64, batch 256", "mlp", "digits", 256, short=30),
    Case("50,000 x 100, batch 256", "mlp", "wide", 256, (256, 128), short=4),
    Case("50,000 x 100, batch 1024", "mlp", "wide", 1024, (256, 128), short=4),
    Case("CNN, 1797 x 8 x 8", "cnn", "digit_images", 64, (16, 32), short=8),
    Case("CNN, 2000 x 28 x 28", "cnn", "images", 64, (16, 32), short=2),
    Case("LSTM, 2000 x 20 x 4", "lstm", "series", 64, (32,), short=20),
)
SMALL, DIGITS, WIDE = CASES[0], CASES[2], CASES[4]
QUICK = (SMALL, DIGITS, WIDE, CASES[6], CASES[8])
FOLDED = (replace(SMALL, name="569 x 30, 32 units", sizes=(32,)), DIGITS)

"""Changes of rows of tables, of shape (n, F)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from unifml.core.table import IntArray
from unifml.data.augment.base import About, Augmentation, gaussian, is_real

Rows = npt.NDArray[Any]


@dataclass(frozen=True, repr=False)
class _OfTables(Augmentation):
    kinds: ClassVar[tuple[str, ...]] = ("table",)


@dataclass(frozen=True, repr=False)
class Noise(_OfTables):
    """Add Gaussian noise to every column of a table but those that hold codes.

    Parameters
    ----------
    scale : float, default=0.1
        Deviation of the noise, in units of each column's own.

    References
    ----------
    Bishop, "Training with noise is equivalent to Tikhonov regularization", Neural Computation
    1995.

    Examples
    --------
    >>> from unifml import Noise, Training
    >>> Training(augment=(Noise(scale=0.05),))
    Training(augment=(Noise(scale=0.05),))
    """

    kind: ClassVar[str] = "noise"
    scale: float = 0.1

    def check(self) -> None:
        self.require(is_real(self.scale, 0), "0 <= scale < inf")

    def apply(
        self, rng: np.random.Generator, X: Rows, about: About, lengths: IntArray | None = None
    ) -> Rows:
        scale = np.array(self.scale * about.deviation, X.dtype)
        scale[list(about.coded)] = 0
        X += gaussian(rng, X) * scale
        return X


@dataclass(frozen=True, repr=False)
class Swap(_OfTables):
    """Replace some values by those of other rows in the same column (swap noise).

    Parameters
    ----------
    rate : float, default=0.1
        Probability of each value to be replaced. The other row is any of some hundred that are
        changed together.

    References
    ----------
    Vincent et al., "Extracting and composing robust features with denoising autoencoders", ICML
    2008, for corruption; Yoon et al., "VIME: extending the success of self- and semi-supervised
    learning to tabular domain", NeurIPS 2020, for values of other rows.

    Examples
    --------
    >>> from unifml import Swap, Training
    >>> Training(augment=(Swap(rate=0.15),))
    Training(augment=(Swap(rate=0.15),))
    """

    kind: ClassVar[str] = "swap"
    rate: float = 0.1

    def check(self) -> None:
        self.require(is_real(self.rate, 0, 1), "0 <= rate <= 1")

    def apply(
        self, rng: np.random.Generator, X: Rows, about: About, lengths: IntArray | None = None
    ) -> Rows:
        n = len(X)
        row, column = np.nonzero(rng.random(X.shape) < self.rate)
        other = (row + rng.integers(1, max(n, 2), len(row))) % n
        X[row, column] = X[other, column]  # read before it is written
        return X

"""What an augmentation is: a random change of rows that leaves their targets as they are."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from unifml.core.spec import Spec
from unifml.core.table import FloatArray, IntArray
from unifml.errors import ParameterError

InputKind = Literal["image", "series", "table"]


@dataclass(frozen=True, eq=False)
class About:
    """What an augmentation is told of the input that it changes.

    Attributes
    ----------
    kind : {"image", "series", "table"}
        Rows of shape (H, W, C), (T, F) or (F,).
    deviation : array of shape (features,)
        Standard deviation of each feature (the last axis), as a program takes them: 1 where the
        network standardises, else that of the training rows.
    coded : tuple of int
        Columns that hold codes of categories, where sums mean nothing.
    """

    kind: InputKind
    deviation: FloatArray
    coded: tuple[int, ...] = ()


@dataclass(frozen=True, repr=False)
class Augmentation(Spec):
    """The base of all augmentations; override `apply`.

    Rows come as a program takes them: standardised, if the network standardises its inputs, so
    that 0 is the mean and 1 the deviation of each feature over the training rows. They are changed
    anew in each epoch, in NumPy, by random numbers that depend on the seed, the epoch and the
    place in it alone: equal seeds give equal rows on every backend. Rows to validate on and to
    predict are never changed.

    Attributes
    ----------
    kinds : tuple of str
        The inputs that it is for: ``"image"`` (H, W, C), ``"series"`` (T, F), ``"table"`` (F,).

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from unifml import Augmentation, Training
    >>> @dataclass(frozen=True, repr=False)
    ... class Dim(Augmentation):
    ...     kinds = ("image",)
    ...     lowest: float = 0.5
    ...     def apply(self, rng, X, about, lengths=None):
    ...         return X * rng.uniform(self.lowest, 1.0, (len(X), 1, 1, 1)).astype(X.dtype)
    >>> Training(augment=(Dim(lowest=0.8),))
    Training(augment=(Dim(lowest=0.8),))
    """

    kinds: ClassVar[tuple[str, ...]] = ("image", "series", "table")
    kind: ClassVar[str] = "augmentation"

    def check(self) -> None:
        """Raise a `ParameterError` for a field whose value cannot be."""

    def apply(
        self,
        rng: np.random.Generator,
        X: npt.NDArray[Any],
        about: About,
        lengths: IntArray | None = None,
    ) -> npt.NDArray[Any]:
        """Return changed rows of the same shape and dtype.

        Parameters
        ----------
        rng : numpy.random.Generator
            All that is random comes from it.
        X : array of shape (n, ...)
            Some hundred rows, or a batch; a copy, which may be changed in place.
        about : About
            What the input is.
        lengths : int array of shape (n,) or None
            Steps of each row of a series of unequal length; what is behind them is padding.
        """
        raise NotImplementedError

    def require(self, holds: bool, rule: str) -> None:
        """Raise a `ParameterError` unless a rule holds."""
        if not holds:
            raise ParameterError(repr(self), rule=f"{rule} must hold")


def is_real(value: object, low: float, high: float = float("inf")) -> bool:
    """Say whether a value is a number from `low` to `high`, infinity excluded."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    return low <= float(value) <= high and float(value) < float("inf")


def valid_mask(X: npt.NDArray[Any], lengths: IntArray | None) -> npt.NDArray[np.bool_] | None:
    """Return which steps (n, T, 1) of series are theirs; None where all are."""
    if lengths is None:
        return None
    return np.asarray(np.arange(X.shape[1])[:, None] < np.asarray(lengths)[:, None, None])


def gaussian(rng: np.random.Generator, X: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return standard normal numbers in shape and dtype of X."""
    dtype: Any = X.dtype.type
    return rng.standard_normal(X.shape, dtype=dtype)

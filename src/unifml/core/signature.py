"""What a model must fit to: the shapes, dtype and names of the data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SMALL = 100_000  # values; up to here float64 data are computed in float64
ANY = -1
"""Stands in a shape for a number of time steps that differs from row to row."""
LENGTHS = "_lengths"
"""Ends the name of the array that holds the lengths of an input's sequences."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Feed:
    """One input of a network.

    Attributes
    ----------
    name : str
        Its name; ``X`` where there is only one.
    shape : tuple of int
        Shape of one row. `ANY` stands first for sequences of unequal length.
    """

    name: str
    shape: Shape

    @property
    def ragged(self) -> bool:
        """Whether its rows are sequences of unequal length, padded, with lengths beside them."""
        return bool(self.shape) and self.shape[0] == ANY

    @property
    def lengths(self) -> str:
        """Name of the array of lengths that goes with it."""
        return f"{self.name}{LENGTHS}"


Feeds = tuple[Feed, ...]


@dataclass(frozen=True)
class Signature:
    """Shapes and types of the data that a model is built for.

    A factory of a native model receives it, whole or field by field.

    Attributes
    ----------
    input_shape : tuple of int
        Shape of one row, without the batch dimension; of the first input, if there are several.
        -1 stands first for sequences of unequal length.
    n_outputs : int
        Columns that a native network returns: classes (2 for two classes), labels or targets.
    n_classes : int
        Number of classes; 0 in regression.
    dtype : str
        ``"float32"`` or ``"float64"``, the dtype to build in.
    feature_names : tuple of str or None
        Column names, if the data had any.
    named : tuple of Feed
        The inputs by name, where X is a dict of arrays; empty for one array.
    levels : tuple of (int, int)
        Column number and number of codes of each integer-coded column that the model asked for.

    Examples
    --------
    >>> from unifml import Signature
    >>> Signature(input_shape=(4,), n_outputs=3, n_classes=3).n_features
    4
    """

    input_shape: Shape
    n_outputs: int
    n_classes: int = 0
    dtype: str = "float32"
    feature_names: tuple[str, ...] | None = None
    named: Feeds = ()
    levels: tuple[tuple[int, int], ...] = ()

    @property
    def n_features(self) -> int:
        """Number of columns of X."""
        return self.input_shape[-1]

    @property
    def feeds(self) -> Feeds:
        """All inputs; a single array is called ``X``."""
        return self.named or (Feed("X", self.input_shape),)


def compute_dtype(dtype: np.dtype[np.generic], size: int) -> str:
    """Return float64 for small float64 data, else float32."""
    return "float64" if dtype == np.float64 and size <= SMALL else "float32"

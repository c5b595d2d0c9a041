"""What a model must fit to: the shapes, dtype and names of the data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SMALL = 100_000  # values; up to here float64 data are computed in float64


@dataclass(frozen=True)
class Signature:
    """Shapes and types of the data that a model is built for.

    A factory of a native model receives it, whole or field by field.

    Attributes
    ----------
    input_shape : tuple of int
        Shape of one row, without the batch dimension.
    n_outputs : int
        Columns that a native network returns: classes (2 for two classes), labels or targets.
    n_classes : int
        Number of classes; 0 in regression.
    dtype : str
        ``"float32"`` or ``"float64"``, the dtype to build in.
    feature_names : tuple of str or None
        Column names, if the data had any.

    Examples
    --------
    >>> from unifml import Signature
    >>> Signature(input_shape=(4,), n_outputs=3, n_classes=3).n_features
    4
    """

    input_shape: tuple[int, ...]
    n_outputs: int
    n_classes: int = 0
    dtype: str = "float32"
    feature_names: tuple[str, ...] | None = None

    @property
    def n_features(self) -> int:
        """Number of columns of X."""
        return self.input_shape[-1]


def compute_dtype(dtype: np.dtype[np.generic], size: int) -> str:
    """Return float64 for small float64 data, else float32."""
    return "float64" if dtype == np.float64 and size <= SMALL else "float32"

"""The fast door of the gate: rows that are plainly as they were fitted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from unifml.core.signature import Feeds


def is_plain(estimator: Any, X: Any, known: Feeds | None) -> bool:
    """Say whether X can go to a program as it is, with nothing to convert, refuse or warn of.

    A no sends it through the slow door, where the reason is found and said. So this may only look
    at what is cheap, and must never say yes where scikit-learn would speak.

    Parameters
    ----------
    estimator : object
        What was fitted; one with names of columns warns of rows without.
    X : object
        What the user passed.
    known : tuple of Feed or None
        The inputs that were fitted.
    """
    return (
        type(X) is np.ndarray
        and known is not None
        and len(known) == 1
        and known[0].name == "X"
        and X.dtype.char in "fd"
        and X.dtype.isnative
        and X.shape[1:] == known[0].shape
        and len(X) > 0
        and X.flags.c_contiguous
        and not hasattr(estimator, "feature_names_in_")
        and _small(X.reshape(-1))
    )


def _small(values: np.ndarray) -> bool:
    """Whether the sum of squares is finite: then so is each value, and each square."""
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(np.dot(values, values))

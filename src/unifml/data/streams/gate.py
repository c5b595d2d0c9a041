"""The gate for rows that come in pieces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils.validation import check_consistent_length

from unifml.core.inputs import mapped
from unifml.core.signature import Feeds
from unifml.data.gate import check_block, check_inputs, feeds_of
from unifml.data.streams.lazy import is_lazy


def check_lazy(estimator: Any, X: Any, **rules: Any) -> Any:
    """Check the first rows of inputs that are read later, where each piece is checked.

    Inputs in memory beside them are checked whole. See `check_inputs`.
    """
    few = slice(0, max(2, rules["min_samples"]))
    check_inputs(estimator, mapped(lambda part: np.asarray(part[few]), X), **rules)
    if not isinstance(X, Mapping):
        return X
    ready = {name: part if is_lazy(part) else check_block(part, name) for name, part in X.items()}
    check_consistent_length(*ready.values())
    return ready


class StreamGate:
    """Checks each piece of X; the first one says what the others must be.

    Parameters
    ----------
    estimator : object
        Receives ``n_features_in_``, ``feature_names_in_``; pass a scratch copy.
    known : tuple of Feed or None
        The inputs that were fitted, or None before the first piece.
    **rules
        As in `check_inputs`.
    """

    def __init__(self, estimator: Any, known: Feeds | None = None, **rules: Any) -> None:
        self.estimator, self.known, self.rules = estimator, known, rules

    def __call__(self, X: Any) -> Any:
        """Return X as programs take it."""
        first = self.known is None
        values = check_inputs(self.estimator, X, reset=first, known=self.known, **self.rules)
        if first:
            self.known = feeds_of(values)
        return values

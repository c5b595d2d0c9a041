"""What X is behind the gate: one array, or arrays by name that are equally long."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.signature import LENGTHS, Feed, Feeds

Array = npt.NDArray[Any]
Inputs = Array | Mapping[str, Array]
"""One array; or, by name, the inputs of a network and the lengths of those of unequal length."""


def by_name(X: Any) -> Mapping[str, Any]:
    """Return arrays by name; a single one is called ``X``."""
    return X if isinstance(X, Mapping) else {"X": X}


def mapped(function: Callable[[Any], Any], X: Any) -> Any:
    """Apply a function to the array, or to each of the arrays."""
    if isinstance(X, Mapping):
        return {name: function(values) for name, values in X.items()}
    return function(X)


def count(X: Any) -> int:
    """Return the number of rows."""
    if isinstance(X, Mapping):
        return count(next(iter(X.values())))
    return len(X) if hasattr(X, "__len__") else int(X.shape[0])


def first_of(X: Any) -> Any:
    """Return the array, or the first of the arrays."""
    return next(iter(by_name(X).values()))


def size(X: Any) -> int:
    """Return the number of values."""
    return sum(int(np.size(values)) for values in by_name(X).values())


def is_lengths(name: str) -> bool:
    """Say whether an array holds the lengths of another one's sequences."""
    return name.endswith(LENGTHS)


def valid_steps(feed: Feed, X: Mapping[str, Array]) -> Array | None:
    """Return which steps (n, T) of sequences of unequal length are theirs; None for others."""
    if not feed.ragged:
        return None
    steps = np.arange(X[feed.name].shape[1])
    return np.asarray(steps < np.asarray(X[feed.lengths])[:, None])


def arrays_of(feeds: Feeds) -> tuple[str, ...]:
    """Return the names of all arrays that a network with these inputs takes."""
    return tuple(
        name
        for feed in feeds
        for name in ((feed.name, feed.lengths) if feed.ragged else (feed.name,))
    )


class NamedRows(Mapping[str, Any]):
    """Arrays by name that can be cut into rows, as scikit-learn's splitters and searches do.

    Parameters
    ----------
    arrays : mapping of str to array
        Equally long arrays, or lists of sequences.
    """

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        self._arrays = dict(arrays)

    @property
    def shape(self) -> tuple[int]:
        """The number of rows, as scikit-learn asks for it."""
        return (count(self._arrays),)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return self._arrays[key]
        rows = key[0] if isinstance(key, tuple) else key
        return NamedRows({name: _cut(values, rows) for name, values in self._arrays.items()})

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return self.shape[0]


def as_rows(X: Any) -> Any:
    """Return arrays by name as `NamedRows`; anything else as it is."""
    return NamedRows(X) if isinstance(X, Mapping) and not isinstance(X, NamedRows) else X


def _cut(values: Any, rows: Any) -> Any:
    if isinstance(values, list | tuple):
        return [values[i] for i in np.arange(len(values))[rows]]
    return values.iloc[rows] if hasattr(values, "iloc") else values[rows]

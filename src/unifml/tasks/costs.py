"""What a fitted model costs: bytes, weights, and the time of an answer."""

from __future__ import annotations

import pickle
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from unifml.errors import CapabilityError

_FEWEST, _MOST, _PATIENCE = 5, 100, 0.25  # calls, calls, seconds


def n_bytes(estimator: Any) -> int | None:
    """Return the length of a fitted estimator's pickle; None where it has none."""
    counter = _Counter()
    try:
        pickle.dump(estimator, counter, protocol=pickle.HIGHEST_PROTOCOL)
    except (pickle.PicklingError, TypeError, AttributeError, CapabilityError):
        return None
    return counter.count


def n_weights(estimator: Any) -> int | None:
    """Return how many numbers a network learned, those of a Pipeline's last step; else None."""
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    if not hasattr(estimator, "get_weights"):
        return None
    try:
        weights = estimator.get_weights()
    except CapabilityError:  # a model of scikit-learn that is no network
        return None
    return sum(int(np.size(value)) for value in weights.values())


def latency(estimator: Any, row: Any) -> float:
    """Return the median time in seconds of ``predict`` on one row.

    The first two calls are not counted; then up to 100, as many as fit into a quarter of a second,
    at least 5.
    """
    for _ in range(2):
        estimator.predict(row)
    times: list[float] = []
    start = time.perf_counter()
    while len(times) < _FEWEST or (len(times) < _MOST and time.perf_counter() - start < _PATIENCE):
        begin = time.perf_counter()
        estimator.predict(row)
        times.append(time.perf_counter() - begin)
    return float(np.median(times))


def undominated(gains: Mapping[str, float], prices: Mapping[str, float]) -> list[str]:
    """Return the names that no other beats in gain and price at once, cheapest first.

    Parameters
    ----------
    gains : mapping
        More is better.
    prices : mapping
        Less is better.
    """

    def beaten(name: str) -> bool:
        return any(
            gains[other] >= gains[name]
            and prices[other] <= prices[name]
            and (gains[other] > gains[name] or prices[other] < prices[name])
            for other in gains
        )

    return sorted((name for name in gains if not beaten(name)), key=lambda name: prices[name])


class _Counter:
    """A file that keeps nothing but its length."""

    count = 0

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self.count += size
        return size

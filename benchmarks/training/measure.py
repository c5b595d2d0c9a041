"""Times of contenders that take turns, and what is made of them."""

from __future__ import annotations

import gc
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

Clocks = tuple[float, float]  # CPU seconds of the process, and seconds on the wall
Work = Callable[[], Clocks]  # does something once, and says what it cost
Times = dict[str, list[Clocks]]


def clocked(run: Callable[[], object]) -> Clocks:
    """Run something once."""
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    run()
    return time.process_time() - cpu, time.perf_counter() - wall


def minus(one: Clocks, other: Clocks, divisor: float) -> Clocks:
    return (one[0] - other[0]) / divisor, (one[1] - other[1]) / divisor


def per_call(run: Callable[[], object], seconds: float) -> Clocks:
    """Run something so often that the clocks can tell, and divide."""
    times, spent = 1, clocked(run)
    while spent[1] < seconds:
        times = max(2 * times, round(1.2 * times * seconds / max(spent[1], 1e-9)))
        spent = clocked(partial(_often, run, times))
    return spent[0] / times, spent[1] / times


def _often(run: Callable[[], object], times: int) -> None:
    for _ in range(times):
        run()


class Turns:
    """Lets contenders take turns, so that all see the same machine; who fails drops out."""

    def __init__(self, repeats: int) -> None:
        self.repeats = repeats
        self.failures: dict[str, str] = {}

    def ready(self, makers: Mapping[str, Callable[[], Work]]) -> dict[str, Work]:
        """Make what is to be timed; programs are warm after it."""
        found = {name: self.tried(name, make) for name, make in makers.items()}
        return {name: work for name, work in found.items() if work is not None}

    def take(self, works: Mapping[str, Work]) -> Times:
        times: Times = {name: [] for name in works}
        for _ in range(self.repeats):
            for name, work in works.items():
                if name not in self.failures:
                    clocks = self.tried(name, work)
                    times[name] += [] if clocks is None else [clocks]
        return {name: found for name, found in times.items() if name not in self.failures}

    def tried(self, name: str, run: Callable[[], Any]) -> Any:
        try:
            return run()
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            self.failures[name] = f"{type(error).__name__}: {error}".splitlines()[0][:200]
            return None


def summary(times: Times, reference: str = "unifml") -> dict[str, Any]:
    """Return for each contender its medians, and how many times it takes what unifml takes.

    The ratio is the median, low and high are the quartiles, of the ratios of CPU time turn by turn.
    """
    found: dict[str, Any] = {}
    ours = np.array(times.get(reference, []))
    for name, values in times.items():
        pairs = np.array(values)
        found[name] = {"cpu": float(np.median(pairs[:, 0])), "wall": float(np.median(pairs[:, 1]))}
        if len(ours):
            cpu, wall = (pairs / ours).T
            low, ratio, high = np.percentile(cpu, [25, 50, 75])
            wall = float(np.median(wall))
            found[name] |= {"ratio": ratio, "low": low, "high": high, "ratio_wall": wall}
    return found

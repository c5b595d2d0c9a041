"""How many threads a piece of work deserves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# Multiplications in one step below which a second thread costs more than it brings.
WORTHWHILE = 2**25

_lock = threading.Lock()
_inside = 0
_before = 1


@contextmanager
def threads_for(work: int) -> Iterator[None]:
    """Run small work on one thread; torch has as many as before afterwards.

    Parameters
    ----------
    work : int
        Multiplications in one call, about rows times weights.
    """
    if work >= WORTHWHILE:
        yield
        return
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _inside, _before
    with _lock:
        if _inside == 0:
            _before = torch.get_num_threads()
            torch.set_num_threads(1)
        _inside += 1


def _leave() -> None:
    global _inside
    with _lock:
        _inside -= 1
        if _inside == 0:
            torch.set_num_threads(_before)

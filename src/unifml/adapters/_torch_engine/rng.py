"""Global random state: set inside a block, and as it was after it."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple

import numpy as np
import torch

from unifml.adapters._torch_engine.modes import TF32

_LOCK = threading.RLock()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed Python's, NumPy's and torch's global generators inside a block, one thread at a time."""
    with _LOCK:
        python, legacy = random.getstate(), np.random.get_state()
        cards = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
        try:
            with torch.random.fork_rng(devices=cards):
                torch.manual_seed(seed)
                random.seed(seed)
                np.random.seed(seed % 2**32)
                yield
        finally:
            random.setstate(python)
            np.random.set_state(legacy)


class Stream:
    """The random numbers of one program, which run on from one stretch of training to the next.

    They come from the global generators, one thread at a time; these are as before afterwards.

    Parameters
    ----------
    device : torch.device
        Where it computes.
    others : bool
        Whether code of the user runs, which may draw from Python, NumPy and other devices too.
    """

    def __init__(self, device: torch.device, *, others: bool) -> None:
        self.device, self.others = device, others
        self.kept: list[Any] = []

    @contextmanager
    def flowing(self, seed: int | None) -> Iterator[None]:
        """Begin anew from a seed inside a block, or, for None, go on where the last one ended."""
        with _LOCK:
            sources = self._sources()
            before = [source.get() for source in sources]
            try:
                if seed is None and self.kept:
                    _put(sources, self.kept)
                else:
                    for source in sources:
                        source.seed(seed or 0)
                yield
                self.kept = [source.get() for source in sources]
            finally:
                _put(sources, before)

    def _sources(self) -> list[_Source]:
        sources = [_of(torch.default_generator)]
        if torch.cuda.is_initialized() and (self.others or self.device.type == "cuda"):
            cards, own = torch.cuda.default_generators, self.device.index
            sources += map(_of, cards if self.others or own is None else cards[own : own + 1])
        if self.device.type == "mps":
            mps = torch.mps
            sources.append(_Source(mps.get_rng_state, mps.set_rng_state, mps.manual_seed))
        return sources + ([_PYTHON, _NUMPY] if self.others else [])


class _Source(NamedTuple):
    """A global generator: read it, write it, start it from a seed."""

    get: Callable[[], Any]
    put: Callable[[Any], Any]
    seed: Callable[[int], Any]


def _of(generator: torch.Generator) -> _Source:
    return _Source(generator.get_state, generator.set_state, generator.manual_seed)


def _put(sources: list[_Source], states: list[Any]) -> None:
    for source, state in zip(sources, states, strict=True):
        source.put(state)


_PYTHON = _Source(random.getstate, random.setstate, random.seed)
_NUMPY = _Source(
    np.random.get_state, np.random.set_state, lambda seed: np.random.seed(seed % 2**32)
)


def exact_floats(device: torch.device) -> AbstractContextManager[None]:
    """Switch TF32 off inside a block on a GPU, where torch would use it for convolutions."""
    return TF32.at(False) if device.type == "cuda" else nullcontext()

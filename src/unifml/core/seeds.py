"""Named streams of random numbers, all drawn from one seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from zlib import crc32

import numpy as np

from unifml.errors import ParameterError

Stream = Literal["split", "init", "order", "dropout", "augment", "native", "sampler", "member"]


@dataclass(frozen=True)
class Seeds:
    """One seed, and the independent streams that it gives.

    A stream is found by its name (and, for one drawn anew each epoch, the epoch's number): none
    depends on how much another one drew, and a resumed fit finds its place by the number alone.
    """

    entropy: int

    def generator(self, stream: Stream, *place: int) -> np.random.Generator:
        """Return a NumPy generator for `stream` (and `place`, such as an epoch)."""
        return np.random.default_rng(self._sequence(stream, place))

    def integer(self, stream: Stream, *place: int) -> int:
        """Return a number below 2**31 - 1 that seeds foreign generators."""
        return int(self._sequence(stream, place).generate_state(1)[0] % (2**31 - 1))

    def _sequence(self, stream: str, place: tuple[int, ...]) -> np.random.SeedSequence:
        return np.random.SeedSequence(self.entropy, spawn_key=(crc32(stream.encode()), *place))


def draw_seed(random_state: object) -> int:
    """Turn any ``random_state`` into a seed; None draws a fresh one.

    Parameters
    ----------
    random_state : None, int, numpy.random.RandomState or numpy.random.Generator
        As scikit-learn understands it.
    """
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31 - 1))
    return _whole(random_state)


def _whole(random_state: object) -> int:
    whole = isinstance(random_state, int | np.integer) and not isinstance(random_state, bool)
    if not whole or random_state < 0:  # type: ignore[operator]
        raise ParameterError(
            f"random_state={random_state!r}",
            rule="random_state must be None, an int >= 0, a RandomState or a Generator",
        )
    return int(random_state)  # type: ignore[call-overload,no-any-return]

"""Global random generators: seeded inside a block, and as they were after it."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from unifml.adapters.keras.engine import load

_globals = threading.RLock()


@contextmanager
def seeded(seed: int, *, fresh: bool = True) -> Iterator[None]:
    """Seed Python's, NumPy's, Keras's and the engine's global generators in this block.

    One thread at a time may be inside; all generators are restored at the end, and so are the
    counters from which Keras makes the names of layers, so that equal models get equal names.

    Parameters
    ----------
    seed : int
        The seed.
    fresh : bool, default=True
        Also reset operations that keep a random state of their own (slow; see the engine).
    """
    with _globals:
        python, numpy_state, names = random.getstate(), np.random.get_state(), _keras_state()
        try:
            _set_keras_state(dict.fromkeys(_NAMES))
            random.seed(seed)
            np.random.seed(seed % 2**32)
            with load().seeded(seed, fresh=fresh):
                yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy_state)
            _set_keras_state(names)


class Stream:
    """The global generators as one program sees them: others draw from them in between."""

    def __init__(self) -> None:
        self._left: Any = None

    @contextmanager
    def running(self, seed: int | None) -> Iterator[None]:
        """Start from a seed in this block, or go on where the last block stopped."""
        with seeded(0 if seed is None else seed, fresh=False):
            if seed is None and self._left is not None:
                python, numpy_state, names, framework = self._left
                random.setstate(python)
                np.random.set_state(numpy_state)
                _set_keras_state(names)
                load().set_random_state(framework)
            yield
            numpy_state = np.random.get_state()
            self._left = random.getstate(), numpy_state, _keras_state(), load().random_state()


def layer_seeds(seed: int, count: int) -> np.ndarray:
    """Return a start for the seed generators of `count` layers, each its own, for one epoch."""
    words = np.random.SeedSequence(seed).generate_state(count) if count else np.empty(0, np.uint32)
    half = (words >> 1).astype(np.int64)  # on torch they must fit into int32
    return np.stack([half, np.zeros(count, np.int64)], axis=1)


# Keras keeps these for each thread: the generator for calls without a seed, the seed that
# `keras.utils.set_random_seed` was given, and the counters of automatic names.
_NAMES = ("global_seed_generator", "global_random_seed", "object_name_uids")


def _keras_state() -> dict[str, Any]:
    from keras.src.backend.common import global_state

    return {name: global_state.get_global_attribute(name) for name in _NAMES}


def _set_keras_state(values: dict[str, Any]) -> None:
    from keras.src.backend.common import global_state

    for name, value in values.items():
        global_state.set_global_attribute(name, value)

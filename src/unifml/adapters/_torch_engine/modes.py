"""Switches of torch that hold for the whole process: set inside a block, and back after it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

Undo = Callable[[], None]


class Switch:
    """A switch that threads share: those that want it alike run at once, the others wait.

    Several blocks of a thread are entered in one order everywhere (TF32, determinism, then the
    lock of random numbers), so that none waits for another in a circle.

    Parameters
    ----------
    turn : callable
        Sets the switch, and returns what sets it back.
    """

    def __init__(self, turn: Callable[[bool], Undo]) -> None:
        self._turn, self._free = turn, threading.Condition()
        self._inside, self._wish, self._undo = 0, False, _nothing

    @contextmanager
    def at(self, wish: bool) -> Iterator[None]:
        """Hold the switch at `wish` inside a block."""
        with self._free:
            self._free.wait_for(lambda: not self._inside or self._wish == wish)
            if not self._inside:
                self._undo, self._wish = self._turn(wish), wish
            self._inside += 1
        try:
            yield
        finally:
            with self._free:
                self._inside -= 1
                if not self._inside:
                    self._undo()
                    self._free.notify_all()


def _nothing() -> None:
    pass


def _turn_tf32(wish: bool) -> Undo:
    backends: Any = torch.backends
    try:
        before = backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32
    except RuntimeError:  # somebody set them one by one, which these two cannot tell
        return _turn_each("tf32" if wish else "ieee")
    backends.cudnn.allow_tf32 = backends.cuda.matmul.allow_tf32 = wish

    def undo() -> None:
        backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32 = before

    return undo


def _turn_each(wish: str) -> Undo:
    backends: Any = torch.backends
    places = (backends.cudnn.conv, backends.cudnn.rnn, backends.cuda.matmul)
    before = [place.fp32_precision for place in places]
    for place in places:
        place.fp32_precision = wish

    def undo() -> None:
        for place, value in zip(places, before, strict=True):
            place.fp32_precision = value

    return undo


def _turn_deterministic(wish: bool) -> Undo:
    if not wish:  # whoever set it for the process meant it
        return _nothing
    cudnn: Any = torch.backends.cudnn
    before = torch.are_deterministic_algorithms_enabled()
    only_warns = torch.is_deterministic_algorithms_warn_only_enabled()
    tries = cudnn.benchmark
    torch.use_deterministic_algorithms(True)
    cudnn.benchmark = False

    def undo() -> None:
        torch.use_deterministic_algorithms(before, warn_only=only_warns)
        cudnn.benchmark = tries

    return undo


TF32 = Switch(_turn_tf32)
"""Whether float32 is multiplied with 10 bits of fraction on GPUs."""
DETERMINISTIC = Switch(_turn_deterministic)
"""Whether operations that may differ from run to run are refused; False leaves it as it is."""

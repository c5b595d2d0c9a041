"""Settings of a whole process, turned inside a block and as they were after it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Switch:
    """A setting of the process; as long as any thread holds it, it stays as the first one set it.

    Parameters
    ----------
    read : callable
        Returns what it is now.
    write : callable
        Sets it.
    """

    def __init__(self, read: Callable[[], Any], write: Callable[[Any], None]) -> None:
        self._read, self._write = read, write
        self._lock, self._holders, self._before = threading.Lock(), 0, None

    @contextmanager
    def at(self, value: Any) -> Iterator[None]:
        """Hold the setting at a value in this block."""
        with self._lock:
            if not self._holders:
                self._before = self._read()
                self._write(value)
            self._holders += 1
        try:
            yield
        finally:
            with self._lock:
                self._holders -= 1
                if not self._holders:
                    self._write(self._before)

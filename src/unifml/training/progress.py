"""A progress bar that appears on long work, where somebody can see it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from numbers import Integral
from typing import Any, Protocol

from unifml.config import get_config
from unifml.errors import ParameterError

PATIENCE = 1.5  # seconds of work before a bar appears
_REDRAW = 0.1  # seconds between two pictures of it


class Bar(Protocol):
    """Something that is told of progress."""

    def advance(self, text: str = "", steps: int = 1) -> None:
        """Say that `steps` more of the total are done, with a few words about them."""
        ...


@contextmanager
def progress(total: int, label: str, verbose: int | None = None) -> Iterator[Bar]:
    """Show progress inside a ``with`` block.

    Parameters
    ----------
    total : int
        How much there is to do.
    label : str
        What is being done.
    verbose : int or None
        0 silent; 1 a bar; 2 a line at each step. None takes the configured one, else a bar that
        appears after 1.5 seconds, in terminals and notebooks only.
    """
    level = resolve_verbose(verbose)
    if level == 0 or (level is None and not _seen()):
        yield _Silent()
    elif level is not None and level >= 2:
        yield _Lines(total, label)
    else:
        bar = _Picture(total, label, patience=PATIENCE if level is None else 0.0)
        try:
            yield bar
        finally:
            bar.close()


def resolve_verbose(verbose: int | None) -> int | None:
    """Return what was said, else what is configured, else None."""
    level = get_config()["verbose"] if verbose is None else verbose
    if level is not None and (not isinstance(level, Integral) or level not in (0, 1, 2)):
        raise ParameterError(f"verbose={level!r}", rule="verbose in (0, 1, 2, None)")
    return level  # type: ignore[return-value]


class _Silent:
    def advance(self, text: str = "", steps: int = 1) -> None:
        """Say nothing."""


class _Lines:
    def __init__(self, total: int, label: str) -> None:
        self.total, self.label, self.done = total, label, 0

    def advance(self, text: str = "", steps: int = 1) -> None:
        self.done += steps
        print(f"{self.label} {self.done}/{self.total}  {text}", flush=True)


class _Picture:
    """A bar, drawn by rich where it is installed, else with plain characters.

    The first that is drawn has the screen to itself until it is closed: others wait.
    """

    def __init__(self, total: int, label: str, patience: float) -> None:
        self.total, self.label, self.done = total, label, 0
        self.started, self.patience, self.drawn = time.perf_counter(), patience, 0.0
        self.painter: Any = None

    def advance(self, text: str = "", steps: int = 1) -> None:
        self.done += steps
        now = time.perf_counter()
        late = now - self.started >= self.patience
        due = now - self.drawn >= _REDRAW or self.done == self.total
        if late and due and (self.painter is not None or _screen.acquire(blocking=False)):
            self.painter = self.painter or _painter(self.total, self.label)
            self.painter.show(self.done, text)
            self.drawn = now

    def close(self) -> None:
        if self.painter is not None:
            self.painter.close()
            self.painter = None
            _screen.release()


_screen = threading.Lock()


class _Plain:
    def __init__(self, total: int, label: str) -> None:
        self.total, self.label = total, label

    def show(self, done: int, text: str) -> None:
        filled = int(30 * done / max(self.total, 1))
        bar = "#" * filled + "-" * (30 - filled)
        sys.stderr.write(f"\r{self.label} [{bar}] {done}/{self.total} {text:<40.40}")
        sys.stderr.flush()

    def close(self) -> None:
        sys.stderr.write("\n")


class _Rich:
    def __init__(self, total: int, label: str) -> None:
        from rich import progress as rich

        columns = ("{task.description}", rich.BarColumn(), rich.MofNCompleteColumn())
        self.progress = rich.Progress(
            *columns, rich.TimeRemainingColumn(), "{task.fields[text]}", transient=True
        )
        self.task = self.progress.add_task(label, total=total, text="")
        self.progress.start()

    def show(self, done: int, text: str) -> None:
        self.progress.update(self.task, completed=done, text=text)

    def close(self) -> None:
        self.progress.stop()


def _painter(total: int, label: str) -> _Rich | _Plain:
    return _Rich(total, label) if find_spec("rich") else _Plain(total, label)


def _seen() -> bool:
    return sys.stderr.isatty() or "ipykernel" in sys.modules

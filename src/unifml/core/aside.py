"""Where estimators go while something that holds them is written to a file, or read from one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol


class Aside(Protocol):
    """Takes estimators out of a composite that another library writes, and puts them back."""

    def put(self, estimator: Any) -> dict[str, Any]:
        """Keep an estimator, and return what the composite holds in its place."""
        ...

    def take(self, estimator: Any, state: Mapping[str, Any]) -> None:
        """Fill an empty estimator that stands where `put` returned `state`."""
        ...


_current: ContextVar[Aside | None] = ContextVar("aside", default=None)


def aside() -> Aside | None:
    """Return what takes estimators now; None where they are copied or pickled as they are."""
    return _current.get()


@contextmanager
def putting(taker: Aside) -> Iterator[None]:
    """Let `taker` take all estimators that are written or read inside the block."""
    token = _current.set(taker)
    try:
        yield
    finally:
        _current.reset(token)

"""One thread for each fold: its numbers are then the same however many folds run at once.

A product of matrices is summed in another order on two threads than on one, and the last digits of
a score with it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from threadpoolctl import ThreadpoolController

from unifml.core.adapter import Adapter, Pinnable
from unifml.core.registry import adapters
from unifml.estimators.base import Base
from unifml.estimators.resolve import resolve_adapter, resolve_model, unknown


@contextmanager
def one_thread(estimator: Any, fresh: bool) -> Iterator[None]:
    """Compute on one thread inside a block: linear algebra, OpenMP, and the frameworks used.

    Parameters
    ----------
    estimator : Estimator
        What will be fitted; the frameworks that it needs are loaded.
    fresh : bool
        Whether this process is a worker, whose threads may be set for good.
    """
    with ExitStack() as stack:
        for adapter in _at_work(estimator):
            if isinstance(adapter, Pinnable):
                stack.enter_context(adapter.one_thread(fresh))
        stack.enter_context(_LIBRARIES.held())
        yield


class _Libraries:
    """The threads of BLAS, one number for a process, and of OpenMP, one for each of its threads."""

    def __init__(self) -> None:
        self.lock, self.inside, self.loaded = threading.Lock(), 0, 0
        self.controller: Any = None
        self.blas: Any = None

    @contextmanager
    def held(self) -> Iterator[None]:
        controller = self._enter()
        try:
            with controller.limit(limits=1, user_api="openmp"):
                yield
        finally:
            self._leave()

    def _enter(self) -> Any:
        with self.lock:
            if self.loaded != len(sys.modules):  # to look for libraries takes milliseconds
                self.controller, self.loaded = ThreadpoolController(), len(sys.modules)
            if self.inside == 0:
                self.blas = self.controller.limit(limits=1, user_api="blas")
            self.inside += 1
            return self.controller

    def _leave(self) -> None:
        with self.lock:
            self.inside -= 1
            if self.inside == 0:
                self.blas.restore_original_limits()


_LIBRARIES = _Libraries()


def _at_work(estimator: Any) -> list[Adapter]:
    """Return the adapters that an estimator needs, and those whose frameworks are loaded."""
    parts = [estimator, *estimator.get_params(deep=True).values()]
    needed = {adapter.name for part in parts for adapter in _adapter_of(part)}
    return [each for each in adapters() if each.name in needed or _loaded(each)]


def _adapter_of(part: Any) -> list[Adapter]:
    if not isinstance(part, Base):
        return []
    model = resolve_model(part.model)
    return [] if unknown(model) else [resolve_adapter(model, part.backend)]


def _loaded(adapter: Adapter) -> bool:
    return all(package in sys.modules for package in adapter.capabilities.packages)

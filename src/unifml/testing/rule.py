"""How a check says what it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from unifml.core.adapter import Adapter


class Skip(Exception):  # noqa: N818  (nothing is wrong)
    """A check that does not apply, because the capabilities say so."""


@dataclass(frozen=True)
class Case:
    """A check ready to be run."""

    name: str
    run: Callable[[], None]


@dataclass(frozen=True)
class Rule:
    """A check, and what must be claimed for it to apply.

    Attributes
    ----------
    check : callable
        Takes the adapter, and one of the things claimed if `over` is set; raises if it fails.
    needs : str
        A field of `Capabilities` that must not be empty; "" for checks of every adapter.
    over : str
        A field of `Capabilities`; the check is run for each thing in it.
    """

    check: Callable[..., None]
    needs: str = ""
    over: str = ""

    def cases(self, adapter: Adapter) -> Iterator[Case]:
        """Yield the check for each thing that it is about, or one that is skipped."""
        name = self.check.__name__
        for field in (self.needs, self.over):
            if field and not getattr(adapter.capabilities, field):
                claim = getattr(adapter.capabilities, field)
                yield Case(name, partial(_skip, f"capabilities.{field} is {claim!r}"))
                return
        if not self.over:
            yield Case(name, partial(self.check, adapter))
            return
        for thing in sorted(getattr(adapter.capabilities, self.over)):
            yield Case(f"{name}[{thing}]", partial(self.check, adapter, thing))


def check(
    checks: list[Rule], needs: str = "", over: str = ""
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the function below to `checks`."""

    def add(function: Callable[..., None]) -> Callable[..., None]:
        checks.append(Rule(function, needs, over))
        return function

    return add


def require(holds: Any, complaint: str) -> None:
    """Raise with the complaint unless something holds (``assert`` would vanish under -O)."""
    if not holds:
        raise AssertionError(complaint)


def _skip(reason: str) -> None:
    raise Skip(reason)

"""The conformance kit: what an adapter must do, as checks that say what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from unifml.core.adapter import Adapter
from unifml.core.registry import get_adapter, require
from unifml.errors import UnifmlError
from unifml.testing import (
    checks_estimators,
    checks_layers,
    checks_protocol,
    checks_techniques,
    checks_training,
)
from unifml.testing.rule import Case, Skip

Status = Literal["passed", "failed", "skipped"]
ROOMS = (
    checks_protocol,
    checks_training,
    checks_techniques,
    checks_layers,
    checks_estimators,
)


@dataclass(frozen=True)
class Check:
    """What became of one check.

    Attributes
    ----------
    name : str
        Its name; in brackets what it was tried with.
    status : {"passed", "failed", "skipped"}
        A check is skipped only where the capabilities say that it does not apply.
    reason : str
        Why it failed or was skipped.
    """

    name: str
    status: Status
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.status:<8}{self.name}" + (f": {self.reason}" if self.reason else "")


class ConformanceError(UnifmlError, AssertionError):
    """An adapter does not do what it must; the message lists every failed check."""


def check_adapter(name: str, *, on_fail: Literal["raise"] | None = "raise") -> list[Check]:
    """Try an adapter on everything that it claims; it takes less than a minute.

    Parameters
    ----------
    name : str
        Name of a registered backend.
    on_fail : {"raise"} or None, default="raise"
        None returns the failures among the checks.

    Returns
    -------
    list of Check
        One for each check, in the order in which they were run.

    Raises
    ------
    ConformanceError
        Listing all that failed.

    Examples
    --------
    >>> from unifml.testing import check_adapter
    >>> checks = check_adapter("sklearn")
    >>> [check.name for check in checks if check.status == "failed"]
    []
    """
    adapter = require(get_adapter(name))
    checks = [_run(case) for case in cases(adapter)]
    failed = [check for check in checks if check.status == "failed"]
    if failed and on_fail == "raise":
        raise ConformanceError(
            f"adapter {name!r} fails {len(failed)} of {len(checks)} checks:\n  "
            + "\n  ".join(f"{check.name}: {check.reason}" for check in failed)
        )
    return checks


def cases(adapter: Adapter) -> Iterator[Case]:
    """Yield every check, once for each thing claimed that it is about."""
    for rule in chain.from_iterable(room.CHECKS for room in ROOMS):
        yield from rule.cases(adapter)


def _run(case: Case) -> Check:
    try:
        case.run()
    except Skip as skip:
        return Check(case.name, "skipped", str(skip))
    except AssertionError as broken:
        return Check(case.name, "failed", str(broken) or "an assertion without words")
    except Exception as error:
        return Check(case.name, "failed", f"{type(error).__name__}: {error}")
    return Check(case.name, "passed")

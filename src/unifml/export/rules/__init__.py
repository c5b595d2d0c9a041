"""Which rule writes which type: unifml's own first, then skl2onnx's converters."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from unifml.export.leaf import known
from unifml.export.values import Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer

_LIBRARIES = ("sklearn.", "unifml.", "lightgbm.", "xgboost.", "catboost.", "imblearn.")


@cache
def _rules() -> dict[type, Rule]:
    """Return the rules of all rooms, by type."""
    rooms = [import_module(f"{__name__}.{room.name}") for room in iter_modules(__path__)]
    return {kind: rule for room in rooms for kind, rule in room.RULES.items()}


def rule_of(kind: type) -> Rule | None:
    """Return the rule for a type: its own, that of a base, or that of its library.

    A converter that the user registered with skl2onnx for a type of theirs comes first.
    """
    if known(kind) and not kind.__module__.startswith(_LIBRARIES):
        return _by_skl2onnx
    for base in kind.__mro__:
        rule = _rules().get(base) or _of_library(base)
        if rule is not None:
            return rule
    return _by_skl2onnx if any(known(base) for base in kind.__mro__) else None


def _of_library(base: type) -> Rule | None:
    """Return the rule of a library that is not imported here: it is in the process if its type is.

    A converter that the user registered with skl2onnx for the type goes before it.
    """
    from unifml.export.rules import boosters

    return None if known(base) else boosters.rule_of(base)


def _by_skl2onnx(w: Writer, model: Any, rows: Rows) -> Answers:
    return w.convert(model, rows)

"""Words of a command line -> values: settings, folds, lists of names."""

from __future__ import annotations

import ast
from argparse import ArgumentTypeError
from typing import Any

_OWN = {"task": "--task", "backend": "--backend", "model": "--model", "random_state": "--seed"}


def setting(text: str) -> tuple[str, Any]:
    """Return name and value of ``name=value``.

    The value is a literal of Python (a number, ``64,32``, ``None``, ``True``, ``{0: 1, 1: 5}``);
    what is none is a text. Nothing in it is run as code.
    """
    name, mark, value = text.partition("=")
    name = name.strip()
    if not (mark and name.isidentifier()):
        raise ArgumentTypeError(f"{text!r} is not NAME=VALUE, as in epochs=50")
    if name in _OWN:
        raise ArgumentTypeError(f"{text!r} has an option of its own: {_OWN[name]} {value}")
    return name, literal(value.strip())


def literal(text: str) -> Any:
    """Return the literal that a text is, or the text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def folds(text: str) -> int | float | str:
    """Return what ``--cv`` means: a number of folds, a share to hold out, or a name."""
    value = literal(text)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else text


def names(text: str) -> list[str]:
    """Return the names in ``a,b``."""
    found = [name.strip() for name in text.split(",")]
    if not all(found):
        raise ArgumentTypeError(f"{text!r} is not a list of names, as in a,b")
    twice = [name for name in found if found.count(name) > 1]
    if twice:
        raise ArgumentTypeError(f"{twice[0]!r} is there twice in {text!r}")
    return found

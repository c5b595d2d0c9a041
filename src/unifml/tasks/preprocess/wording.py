"""Words for tables of decisions."""

from __future__ import annotations

_LONGEST = 20


def count(number: int, what: str) -> str:
    """Return a number with what it counts, in the plural where it is one."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def few(value: object) -> str:
    """Return a value as text, cut where it is long."""
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."

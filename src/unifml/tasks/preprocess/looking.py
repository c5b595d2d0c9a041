"""Looks at one column and decides what is to be done with it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from unifml.columns.dates import DAY, NEVER, microseconds
from unifml.errors import DataError
from unifml.tasks.preprocess.decision import Decision
from unifml.tasks.preprocess.nature import SAMPLE, SPLIT, nature_of, refused
from unifml.tasks.preprocess.table import Column
from unifml.tasks.preprocess.wording import count, few

FEWEST = 20  # rows from which on "no value occurs twice" says something
UNIQUE = 0.95  # share of values that differ, from which on text tells rows apart and no more
WORDS = 4  # on average, from which on text is more than a name
FOREIGN = 0.1  # share of letters beyond ASCII, from which on words are split by Unicode's rules
_ID = re.compile(r"(?i:(^|[^a-z])(id|ids|uuid|guid)([^a-z]|$)|^unnamed)|[a-z](Id|ID)$")


@dataclass(frozen=True)
class Rules:
    """What all columns have in common.

    Attributes
    ----------
    max_one_hot : int
        Most categories that get a column each.
    target : bool
        Whether means of y can stand for categories.
    rare : int or None
        Categories of fewer rows are put together.
    """

    max_one_hot: int
    target: bool
    rare: int | None


def decide(column: Column, rules: Rules) -> Decision:
    """Return what is to be done with a column.

    Raises
    ------
    DataError
        For cells that no transformer takes: lists, dicts, bytes, complex numbers, infinity.
    """
    if column.values.ndim > 1:
        raise refused(column, "cells of several values", SPLIT)
    if not len(column.known):
        return Decision(column.name, "empty", "left out", "all values are missing")
    nature = nature_of(column)
    if len(column.values) > 1 and len(column.known) == len(column.values) and _constant(column):
        seen = f"always {few(column.known[0])}"
        return Decision(column.name, "constant", "left out", seen)
    return _WAYS[nature](column, rules)


def _constant(column: Column) -> bool:
    first = column.known[0]
    return bool(all(value == first for value in column.known[:2])) and bool(
        np.all(column.known == first)
    )


def _numbers(column: Column, rules: Rules) -> Decision:
    if column.objects and any(type(v).__name__ == "NAType" for v in column.values.tolist()):
        raise DataError(
            f"column {column.name!r}",
            found="numbers and pandas' NA as Python objects",
            rule="scikit-learn takes them in a column that has a type of numbers",
            fix='X[name] = X[name].astype("Float64")',
        )
    known = column.known.astype(np.float64) if column.values.dtype.kind == "O" else column.known
    if known.dtype.kind == "f" and np.isinf(known).any():
        raise DataError(
            f"column {column.name!r}",
            found="infinity",
            rule="numbers are finite",
            fix="X = X.replace([numpy.inf, -numpy.inf], numpy.nan) makes them missing values",
        )
    if _counts_rows(column, known):
        return Decision(column.name, "identifier", "left out", "its name, and no value twice")
    gaps = int(column.missing.sum())
    done = "standardised; gaps: median, marked" if gaps else "standardised"
    return Decision(column.name, "number", done, _gaps(column, "numbers"), "numbers")


def _counts_rows(column: Column, known: Any) -> bool:
    """Say whether a column is called an identifier, and numbers rows."""
    if len(known) < FEWEST or len(known) < len(column.values):
        return False
    if not _ID.search(str(column.name)) or np.any(known != np.floor(known)):
        return False
    return len(np.unique(known)) == len(known)


def _flags(column: Column, rules: Rules) -> Decision:
    if column.missing.any():
        why = _gaps(column, "True and False")
        return Decision(column.name, "truth value", "one-hot", why, "categories", ("text",))
    return Decision(column.name, "truth value", "0 and 1", "True and False", "flags")


def _codes(column: Column, rules: Rules) -> Decision:
    return _categories(column, rules, f"categories by its type, {_different(column)}", ())


def _ordered(column: Column, rules: Rules) -> Decision:
    order = tuple(column.order or ())
    if all(isinstance(value, int | float | np.number) for value in order):
        if list(order) != sorted(order):
            why = f"numbers in an order of their own, {_different(column)}"
            return _categories(column, rules, why, ())
        settings: tuple[Any, ...] = ("plain", *order)
    else:
        settings = ("text", *map(str, order))
    why = _gaps(column, f"{' < '.join(map(few, order[:3]))}{' < ...' if len(order) > 3 else ''}")
    return Decision(column.name, "ordered", "0, 1, ...; standardised", why, "ordered", settings)


def _texts(column: Column, rules: Rules) -> Decision:
    mixed = column.values.dtype.kind == "O" and not all(issubclass(k, str) for k in column.types)
    if mixed:
        names = ", ".join(sorted(kind.__name__ for kind in column.types)[:3])
        return _categories(column, rules, f"{_different(column)} of types {names}", ("text",))
    rows, different = len(column.known), len(column.counts)
    words = _words(column)
    if not column.categorical and words >= WORDS and different > rows / 2 and different > 1:
        return _long_text(column, words)
    if rows >= FEWEST and different >= UNIQUE * rows:
        why = f"{different} of {rows} values differ"
        return Decision(column.name, "identifier", "left out", why)
    hint = "; all read as numbers" if _reads_as_numbers(column) else ""
    return _categories(column, rules, f"{_different(column)}{hint}", ("text",))


def _long_text(column: Column, words: float) -> Decision:
    foreign = _share_beyond_ascii(column)
    why = f"{words:.0f} words on average"
    if foreign > FOREIGN:
        why += "; letters beyond ASCII, which ONNX cannot lower"
    way = "unicode" if foreign > FOREIGN else "ascii"
    return Decision(column.name, "text", "TF-IDF of its words", why, "words", (way,))


def _categories(column: Column, rules: Rules, why: str, settings: tuple[Any, ...]) -> Decision:
    different = len(column.counts)
    why = _gaps(column, why)
    if different > rules.max_one_hot:
        done = "mean of y (target encoding)" if rules.target else "one-hot of the most frequent"
        return Decision(column.name, "many categories", done, why, "many", settings)
    rare = sum(n < rules.rare for n in column.counts.values()) if rules.rare else 0
    done = f"one-hot, {rare} rare ones together" if rare > 1 else "one-hot"
    return Decision(column.name, "category", done, why, "categories", settings)


def _dates(column: Column, rules: Rules) -> Decision:
    us = microseconds(column.known)
    us = us[us != NEVER]
    parts = ("days", *(name for name, unit in _PERIODS.items() if _varies(us, unit)))
    parts += ("missing",) if column.missing.any() else ()
    text = column.values.dtype.kind in "UT" or (
        column.values.dtype.kind == "O" and issubclass(next(iter(column.types)), str)
    )
    span = f"{_day(us.min())} to {_day(us.max())}"
    why = f"text that reads as dates, {span}" if text else span
    return Decision(column.name, "date", ", ".join(parts), _gaps(column, why), "dates", parts)


def _durations(column: Column, rules: Rules) -> Decision:
    parts = ("days", "missing") if column.missing.any() else ("days",)
    return Decision(
        column.name, "duration", ", ".join(parts), _gaps(column, "durations"), "dates", parts
    )


_PERIODS: dict[str, Callable[[Any], Any]] = {
    "year": lambda us: us.view("datetime64[us]").astype("datetime64[Y]").astype(np.int64),
    "month": lambda us: us.view("datetime64[us]").astype("datetime64[M]").astype(np.int64) % 12,
    "weekday": lambda us: us // DAY % 7,
    "hour": lambda us: us // (DAY // 24) % 24,
}


def _varies(us: Any, unit: Callable[[Any], Any]) -> bool:
    found = unit(us)
    return bool(found.min() != found.max())


def _day(us: Any) -> str:
    return str(np.datetime64(int(us), "us").astype("datetime64[D]"))


def _reads_as_numbers(column: Column) -> bool:
    try:
        np.asarray(list(column.counts)[:SAMPLE], dtype=np.float64)
    except ValueError:
        return False
    return True


def _words(column: Column) -> float:
    texts = column.known[:SAMPLE].tolist()
    return sum(len(text.split()) for text in texts) / len(texts)


def _share_beyond_ascii(column: Column) -> float:
    letters = [letter for text in column.known[:SAMPLE].tolist() for letter in text]
    letters = [letter for letter in letters if letter.isalpha()]
    return sum(not letter.isascii() for letter in letters) / max(1, len(letters))


def _different(column: Column) -> str:
    return count(len(column.counts), "different value")


def _gaps(column: Column, why: str) -> str:
    gaps = int(column.missing.sum())
    return f"{why}, {gaps} missing" if gaps else why


_WAYS: dict[str, Callable[[Column, Rules], Decision]] = {
    "numbers": _numbers,
    "flags": _flags,
    "codes": _codes,
    "ordered": _ordered,
    "texts": _texts,
    "dates": _dates,
    "durations": _durations,
}

"""`Dates`: parts of a date, by arithmetic of whole numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unifml.columns import Dates
from unifml.columns.dates import DAY, NEVER
from unifml.export.algebra import Algebra
from unifml.export.own import by_unifml
from unifml.export.values import ELEMENTS, Answers, Block, Rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from unifml.export.graph import Graph
    from unifml.export.writer import Rule, Writer

_ERA, _YEARS = 146_097, 400  # days and years after which the calendar repeats
_FIRST = 719_468  # days from 1 March of the year 0 to 1970
_EARLIER = 1000  # eras added, so that no number is below zero where it is divided


class Whole:
    """A tensor of int64, in formulas that read like Python.

    Parameters
    ----------
    g : Graph
        Receives the nodes.
    name : str
        The tensor's name.
    """

    def __init__(self, g: Graph, name: str) -> None:
        self.g, self.name = g, name

    def do(self, kind: str, other: Whole | int) -> Whole:
        """Return the result of an operator."""
        b = other.name if isinstance(other, Whole) else self.g.constant("whole", other, np.int64)
        return Whole(self.g, self.g.op(kind, self.name, b))

    def __add__(self, other: Whole | int) -> Whole:
        return self.do("Add", other)

    def __sub__(self, other: Whole | int) -> Whole:
        return self.do("Sub", other)

    def __mul__(self, other: int) -> Whole:
        return self.do("Mul", other)

    def __floordiv__(self, other: int) -> Whole:
        """Divide; ONNX rounds towards zero, so that this is right from zero on."""
        return self.do("Div", other)

    def __mod__(self, other: int) -> Whole:
        """Return what is left, of the divisor's sign, as in Python."""
        return self.do("Mod", other)

    def days(self) -> Whole:
        """Return whole days since 1970 of microseconds, before it as well."""
        return (self - self % DAY) // DAY

    def number(self) -> str:
        """Return it in float64."""
        return self.g.op("Cast", self.name, to=ELEMENTS["double"])


def _dates(w: Writer, model: Any, rows: Rows) -> Answers:
    moments = zip(_moments(w, model, rows), model.first_, strict=True)
    found = [_part(w, name, us, float(first)) for us, first in moments for name in model.parts]
    return w.transformed(Algebra(w.g).stack(*found, name="dates"), "double", len(found))


def _moments(w: Writer, model: Any, rows: Rows) -> list[Whole]:
    """Return the microseconds of each column (n, 1)."""
    columns = rows.columns(w.g)
    if any(column.kind not in ("date", "string") for column in columns):
        raise w.refusal(
            model,
            "columns that are no dates",
            rule="dates are needed",
            fix="turn them into dates before fit: X[name] = pandas.to_datetime(X[name])",
        )
    return [_read(w, c) if c.kind == "string" else Whole(w.g, c.name) for c in columns]


def _read(w: Writer, column: Block) -> Whole:
    """Return the microseconds that text in the form of ISO 8601 tells; of other text `NEVER`."""
    numbers = _found(w, column, "[0-9]+", 6)
    year, month, day, *clock = (_whole(w, numbers, i) for i in range(6))
    gone = day.do("Equal", 0).name
    since_march = (month + 9) % 12
    year = year - since_march // 10 + _YEARS  # never below zero
    us = year * 365 + year // 4 - year // 100 + year // _YEARS
    us = us + (since_march * 153 + 2) // 5 + day - (_FIRST + _ERA + 1)
    for part, units in zip(clock, (24, 60, 60), strict=True):
        us = us * units + part
    below = Algebra(w.g).mul(_found(w, column, "[.][0-9]+", 1), 1e6)
    us = us * 1_000_000 + _whole(w, below, 0)
    never = w.g.constant("never", NEVER, np.int64)
    return Whole(w.g, w.g.op("Where", gone, never, us.name, name="moment"))


def _found(w: Writer, column: Block, pattern: str, width: int) -> str:
    """Return the numbers in text that match, in float64, with zeros behind: (n, width or more)."""
    a = Algebra(w.g)
    settings: dict[str, Any] = {"tokenexp": pattern, "pad_value": "0", "mark": 0, "mincharnum": 1}
    text = a.flat(column.name)
    words = w.g.op("Tokenizer", text, domain="com.microsoft", name="numbers", **settings)
    return a.stack(a.number(words), a.filled(column.name, np.zeros(width)))


def _whole(w: Writer, numbers: str, at: int) -> Whole:
    a = Algebra(w.g)
    column = w.g.op("Gather", numbers, a.ints(at), axis=1)
    return Whole(w.g, a.whole(w.g.op("Round", column)))


def _part(w: Writer, name: str, us: Whole, first: float) -> str:
    """Return one part of dates (n, 1), in float64."""
    a = Algebra(w.g)
    gone = us.do("Equal", NEVER).name
    if name == "missing":
        return a.number(gone)
    value = a.sub(a.div(us.number(), DAY), first) if name == "days" else _WAYS[name](us).number()
    return a.where(gone, np.nan, value)


def _march(us: Whole) -> tuple[Whole, Whole, Whole]:
    """Return year, month and day of a calendar whose years begin in March.

    From Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
    """
    z = us.days() + (_FIRST + _EARLIER * _ERA)
    of_era = z % _ERA
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // (_ERA - 1)) // 365
    of_year = of_era - (year * 365 + year // 4 - year // 100)
    month = (of_year * 5 + 2) // 153
    day = of_year - (month * 153 + 2) // 5 + 1
    return year + (z // _ERA - _EARLIER) * _YEARS, month, day


def _year(us: Whole) -> Whole:
    year, month, _ = _march(us)
    return year + month // 10  # January and February are its last months


_WAYS: dict[str, Callable[[Whole], Whole]] = {
    "year": _year,
    "month": lambda us: (_march(us)[1] + 2) % 12 + 1,
    "day": lambda us: _march(us)[2],
    "weekday": lambda us: (us.days() + 3) % 7,
    "hour": lambda us: us % DAY // (DAY // 24),
    "minute": lambda us: us % (DAY // 24) // (DAY // 1440),
}


RULES: dict[type, Rule] = by_unifml({Dates: _dates})

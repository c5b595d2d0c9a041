"""Splits by sets of categories: columns beside the rows, 0 for the left and 1 for the right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from unifml.export.algebra import Algebra
from unifml.export.forest import Array, Tree
from unifml.export.rules.categories import UNKNOWN, numbered
from unifml.export.values import Block, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Writer

HALF = 0.5
"""The threshold of a split at such a column."""


@dataclass
class Sets:
    """The sets that the splits of an ensemble ask for.

    Attributes
    ----------
    width : int
        Columns of the rows; the columns of sets come behind them.
    tables : list of (int, array of bool)
        Of each set: the column that holds the categories as numbers, and whether the categories
        0, 1, 2, ... go to the right, then whether other numbers do, then whether NaN does.
    """

    width: int
    tables: list[tuple[int, Array]] = field(default_factory=list)

    def column(self, feature: int, right: Any, *, other: bool, missing: bool) -> int:
        """Return the number of a set's column, until `placed` says the final one."""
        table = np.concatenate([np.asarray(right, dtype=bool), [other, missing]])
        self.tables.append((feature, table))
        return self.width + len(self.tables) - 1

    def placed(self, trees: Sequence[Tree]) -> list[Tree]:
        """Return trees whose splits ask the columns that `beside` writes."""
        place = np.arange(self.width + len(self.tables))
        place[self.width + np.array(self._order, dtype=int)] = place[self.width :].copy()
        return [replace(tree, feature=place[tree.feature]) for tree in trees]

    @property
    def _order(self) -> list[int]:
        """Return the numbers of sets, those of one column together."""
        return sorted(range(len(self.tables)), key=lambda i: self.tables[i][0])

    def beside(self, w: Writer, x: str) -> str:
        """Write rows of float64 with the columns of all sets beside them."""
        of: dict[int, list[Array]] = {}
        for i in self._order:
            feature, table = self.tables[i]
            of.setdefault(feature, []).append(table)
        asked = [_asked(Algebra(w.g), x, feature, tables) for feature, tables in of.items()]
        return Algebra(w.g).stack(x, *asked) if asked else x


def _asked(a: Algebra, x: str, feature: int, tables: list[Array]) -> str:
    """Look one column up in all its tables at once."""
    size = max(len(table) for table in tables) - 2
    each = [np.concatenate([t[:-2], np.repeat(t[-2], size + 2 - len(t)), t[-2:]]) for t in tables]
    table = np.stack([np.concatenate([t[-2:-1], t]) for t in each], axis=1)  # from -1 on
    value = a.at(x, feature)
    near = a.op("Min", a.op("Max", value, -1.0), float(size))
    known = a.where(a.g.op("IsNaN", value), float(size + 1), near)
    row = a.g.op("Add", a.whole(known), a.ints(1))
    return a.number(a.take(a.g.constant("sets", table, np.bool_), row))


def coded(w: Writer, rows: Rows, categories: Mapping[int, Any], *, closed: bool) -> Rows:
    """Write columns of categories as their numbers, in float64; missing ones stay NaN.

    Parameters
    ----------
    w : Writer
        Receives the nodes.
    rows : Rows
        What goes in.
    categories : dict of int to array
        What is known, in the order in which it is counted, by the number of the column.
    closed : bool
        Whether other categories are refused; else they are missing ones.
    """
    a, blocks = Algebra(w.g), list(rows.blocks)
    for place, known in categories.items():
        each = np.array([*known, None, np.nan], dtype=object)
        lost = len(known)
        codes = np.minimum(np.arange(len(each)), lost)
        found = numbered(w, Rows((blocks[place],)), [each], [codes], [UNKNOWN if closed else lost])
        w.closed |= {blocks[place].name} if closed else set()
        numbers = np.append(np.arange(lost, dtype=np.float64), np.nan)
        blocks[place] = Block(a.take(numbers, found, name="category"), "double")
    return Rows(tuple(blocks))

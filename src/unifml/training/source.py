"""Where the rows of an epoch come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from unifml.core.plan import Plan
from unifml.core.table import BatchOrder, Table

Parts = Iterator[tuple[Table | None, BatchOrder]]
Order = Callable[[Plan, Table, int], BatchOrder]


class Source(Protocol):
    """The rows of every epoch, in order, in one part or in several.

    Attributes
    ----------
    first : Table
        What a program is made with; sources of several parts give their first rows.
    updates : int
        Optimizer steps of an epoch.
    own_order : bool
        The rows come in an order that is not ours: equal seeds need not give equal models.
    """

    @property
    def first(self) -> Table: ...

    @property
    def whole(self) -> Table | None:
        """All rows as they are, where they are at hand: to measure on."""
        ...

    @property
    def updates(self) -> int: ...

    @property
    def own_order(self) -> bool: ...

    def again(self, plan: Any) -> Source:
        """Return the same rows for another plan, whose seeds give another order."""
        ...

    def epoch(self, number: int) -> Parts:
        """Yield the parts of an epoch, counted from 0.

        Each is the rows to take and their order; None for the rows that the program has already.
        """
        ...


class Resident:
    """Rows that stay where they are computed on; an epoch is one part.

    Parameters
    ----------
    first : Table
        All rows.
    plan : Plan
        Its seeds draw the order.
    order : callable
        Plan, rows and epoch (from 0) to `BatchOrder`.
    """

    own_order = False

    def __init__(self, first: Table, plan: Plan, order: Order) -> None:
        self.first = self.whole = first
        self._plan, self._order = plan, order
        self.updates = order(plan, first, 0).updates

    def again(self, plan: Plan) -> Resident:
        """Return the same rows for another plan."""
        return Resident(self.first, plan, self._order)

    def epoch(self, number: int) -> Parts:
        """Yield the whole epoch."""
        yield None, self._order(self._plan, self.first, number)

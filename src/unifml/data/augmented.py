"""Epochs of rows that are changed anew each time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from unifml.core.inputs import by_name, mapped
from unifml.core.plan import Plan
from unifml.core.signature import LENGTHS
from unifml.core.table import BatchOrder, Table
from unifml.data.augment.suited import describe
from unifml.data.mixing import cutmix, mixup, partners, shares
from unifml.data.splits import take
from unifml.data.streams import memory
from unifml.data.streams.sources import empty_like, write

if TYPE_CHECKING:
    from unifml.training.source import Source

Random = np.random.Generator


class Augmented:
    """Rows of another source, augmented and mixed in the order in which they are learned from.

    The numbers drawn depend on the seed, the epoch and the place of a block of optimizer steps in
    it, not on how many rows are in memory at once. See `unifml.training.source.Source`.

    Parameters
    ----------
    inner : Source
        Where rows come from, as a program takes them.
    plan : Plan
        What is trained: seeds, task and settings.
    budget : int or None
        Bytes of the inputs that are changed and handed over at once; None takes `memory.CHUNK`.
    """

    def __init__(self, inner: Source, plan: Plan, budget: int | None = None) -> None:
        self._inner, self._plan = inner, plan
        self._budget = memory.CHUNK if budget is None else budget
        self.updates, self.own_order = inner.updates, inner.own_order
        first = inner.first
        self._about = describe(plan, first) if plan.settings.augment else {}
        self._size = max(1, memory.table_bytes(first) // max(len(first), 1))

    @property
    def first(self) -> Table:
        """Rows of the inner source with targets that can be mixed; no more than a part has."""
        first = self._inner.first
        few = max(1, self._budget // self._size)
        return self._ready(take(first, np.arange(few)) if few < len(first) else first)

    @property
    def whole(self) -> Table | None:
        """All rows as they are, where they are at hand."""
        return self._inner.whole

    def again(self, plan: Plan) -> Augmented:
        """Return the same rows for another plan."""
        return Augmented(self._inner.again(plan), plan, self._budget)

    def epoch(self, number: int) -> Iterator[tuple[Table | None, BatchOrder]]:
        """Yield the parts of an epoch, each with rows of its own, in order."""
        held: Table | None = None
        block = 0
        for rows, order in self._inner.epoch(number):
            if rows is not None or held is None:
                held = self._inner.first if rows is None else rows
            per_block = memory.block_updates(order)
            at_once = memory.chunk_updates(order, self._size, self._budget)
            for first in range(0, order.updates, at_once):
                part = order.part(first, min(first + at_once, order.updates))
                yield self._changed(held, part, number, block)
                block += -(-part.updates // per_block)

    def _changed(
        self, rows: Table, order: BatchOrder, epoch: int, block: int
    ) -> tuple[Table, BatchOrder]:
        """Change the rows of some optimizer steps, block by block."""
        step, whole = memory.block_updates(order), None
        for first in range(0, order.updates, step):
            part = order.part(first, min(first + step, order.updates))
            rng = self._plan.seeds.generator("augment", epoch, block + first // step)
            changed = self._block(rng, _taken(rows, part), part)
            whole = empty_like(changed, len(order.rows)) if whole is None else whole
            write(whole, changed, int(order.edges[first * order.accumulate]))
        assert whole is not None
        return whole, replace(order, rows=np.arange(len(order.rows)))

    def _block(self, rng: Random, rows: Table, order: BatchOrder) -> Table:
        return self._mixed(rng, self._ready(self._augmented(rng, rows)), order)

    def _augmented(self, rng: Random, rows: Table) -> Table:
        """Apply each augmentation to each input that it is for."""
        arrays = dict(by_name(rows.X))
        for augmentation in self._plan.settings.augment:
            for name, about in self._about.items():
                if about.kind in augmentation.kinds:
                    values, lengths = arrays[name], arrays.get(f"{name}{LENGTHS}")
                    found = augmentation.apply(rng, values, about, lengths)
                    arrays[name] = np.ascontiguousarray(found, dtype=values.dtype)
        return replace(rows, X=arrays["X"] if isinstance(rows.X, np.ndarray) else arrays)

    def _ready(self, rows: Table) -> Table:
        settings, dtype = self._plan.settings, self._plan.signature.dtype
        return replace(rows, y=shares(rows.y, self._plan.task, dtype)) if settings.soft else rows

    def _mixed(self, rng: Random, rows: Table, order: BatchOrder) -> Table:
        """Mix within batches; of two ways to mix, one is drawn for each block."""
        settings = self._plan.settings
        if not settings.soft:
            return rows
        ways: list[tuple[Any, float]] = [
            (mix, alpha)
            for mix, alpha in ((mixup, settings.mixup), (cutmix, settings.cutmix))
            if alpha
        ]
        mix, alpha = ways[int(rng.integers(len(ways)))]
        classes = self._plan.task.kind == "classification"
        found: Table = mix(rng, rows, alpha, partners(rng, order.edges), classes=classes)
        return found


def _taken(rows: Table, order: BatchOrder) -> Table:
    """Return the rows of an order, copied."""
    at = order.rows
    weight = None if rows.weight is None else rows.weight[at]
    return Table(mapped(lambda part: part[at], rows.X), rows.y[at], weight)

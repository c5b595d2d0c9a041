"""The rows of a fit, wherever they are: what is learned from them before the first step."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.plan import Plan
from unifml.core.seeds import Seeds
from unifml.core.table import Table
from unifml.data import Moments, input_moments, moments_asked
from unifml.data.streams import Batches, Chunked, Streamed, Survey, sample_rows
from unifml.estimators.sources import changed, order_of
from unifml.training.source import Resident, Source

Prepare = Callable[[Table], Table]
Bounds = tuple[Any, Any] | None
Around = Callable[[int, int], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Held:
    """Rows in memory.

    Attributes
    ----------
    table : Table
        Behind the gate; targets as the user gave them, classes as codes.
    """

    table: Table

    @property
    def sample(self) -> Table:
        """Rows to look at: quantiles come from them, and natives are tried on them."""
        return self.table

    def moments(self, plan: Plan) -> dict[str, Moments]:
        """Return the moments of the features of every input that is standardised by them."""
        return input_moments(plan, self.table)

    def target(self, plan: Plan) -> Moments:
        """Return the moments of each target."""
        return target_moments(plan, self.table)

    def bounds(self) -> Bounds:
        """Return the least and the greatest of each target."""
        values = np.asarray(columns(self.table.y), np.float64)
        return values.min(axis=0), values.max(axis=0)

    def source(self, plan: Plan, prepare: Prepare) -> Source:
        """Return the rows of every epoch, as programs take them."""
        return changed(plan, Resident(prepare(self.table), plan, order_of))


@dataclass(frozen=True)
class Lazy(Held):
    """Rows that are read when they are asked for, in our order; statistics read them in blocks."""

    seeds: Seeds
    around: Around

    @property
    def sample(self) -> Table:
        return sample_rows(self.table, self.seeds)

    def source(self, plan: Plan, prepare: Prepare) -> Source:
        size = np.dtype(plan.signature.dtype).itemsize
        rows = Chunked(self.table, plan, order_of, prepare, itemsize=size, around=self.around)
        return changed(plan, rows)


@dataclass(frozen=True)
class Flowing:
    """Batches of a stream, in their own order.

    Attributes
    ----------
    batches : Batches
        The stream.
    found : Survey
        What a first pass over it found.
    gate : callable
        Checks each X.
    """

    batches: Batches
    found: Survey
    gate: Callable[[Any], Any]

    @property
    def sample(self) -> Table:
        """Some of the rows, each as likely as any other."""
        return self.found.sample

    def moments(self, plan: Plan) -> dict[str, Moments]:
        """Return the moments of the features of every input that is standardised by them."""
        return moments_asked(plan, self.found.moments)

    def target(self, plan: Plan) -> Moments:
        """Return the moments of each target."""
        assert self.found.target is not None
        return self.found.target

    def bounds(self) -> Bounds:
        """Return the least and the greatest of each target."""
        return self.found.bounds

    def source(self, plan: Plan, prepare: Prepare) -> Source:
        """Return the rows of every epoch, as programs take them."""
        accumulate = plan.settings.accumulate
        flow = Streamed(self.batches, self.found, self.gate, prepare, accumulate=accumulate)
        return changed(plan, flow)


Given = Held | Flowing


def target_moments(plan: Plan, rows: Table) -> Moments:
    """Return the moments of each target; of inputs as targets, those of each feature anywhere."""
    if not plan.task.of_inputs:
        return Moments.of(columns(rows.y), rows.weight)
    shape = plan.signature.input_shape
    found = Moments.of_features(rows.y.reshape(-1, *shape), rows.weight)
    places = prod(shape[:-1])
    return Moments(found.total, np.tile(found.mean, places), np.tile(found.squares, places))


def columns(y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return targets of shape (n, targets)."""
    return y.reshape(len(y), -1)

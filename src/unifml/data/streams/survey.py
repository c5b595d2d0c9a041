"""One pass over a stream before training: how many rows, of which shape, with which statistics."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.inputs import by_name, first_of, is_lengths, valid_steps
from unifml.core.seeds import Seeds
from unifml.core.signature import Feeds
from unifml.core.table import FloatArray, Table
from unifml.data.gate import feeds_of
from unifml.data.labels import LabelCodes
from unifml.data.statistics import Moments
from unifml.data.streams.batches import Batches
from unifml.data.streams.groups import Gate
from unifml.data.streams.reservoir import Reservoir
from unifml.data.streams.tally import Tally, column
from unifml.data.targets import check_numbers
from unifml.data.weights import check_total, class_factors
from unifml.errors import DataError


@dataclass
class Survey:
    """What a first pass over a stream found.

    Attributes
    ----------
    rows, steps : int
        Rows of positive weight, and batches.
    total_weight : float
        Sum of their weights; the number of rows where there are none.
    feeds : tuple of Feed
        The inputs.
    moments : dict of str to Moments
        Of the features of each input.
    target : Moments or None
        Of the targets of a regression.
    bounds : (array, array) or None
        The least and the greatest of them.
    labels : LabelCodes or None
        Of a classification.
    factors : array of shape (k,) or None
        Weight of each class, where asked for.
    sample : Table
        Some of the rows, behind the gate, each as likely as any other: all of them where they are
        few. Quantiles come from it, and plans are made with it.
    highest : array
        Largest value of each column of a table.
    whole : bool array
        Which columns hold whole numbers from 0 on.
    """

    rows: int = 0
    steps: int = 0
    total_weight: float = 0.0
    feeds: Feeds = ()
    moments: dict[str, Moments] = field(default_factory=dict)
    target: Moments | None = None
    bounds: tuple[Any, Any] | None = None
    labels: LabelCodes | None = None
    factors: FloatArray | None = None
    sample: Table = field(default_factory=lambda: Table(np.empty((0, 0)), np.empty(0)))
    highest: Any = None
    whole: Any = None

    def encode(self, y: Any) -> npt.NDArray[Any]:
        """Return class codes, or numbers."""
        return numbers(y) if self.labels is None else self.labels.encode(column(y))

    def weighted(self, table: Table) -> Table:
        """Multiply the weights of classes into those of rows; its targets are codes."""
        if self.factors is None:
            return table
        own = self.factors[table.y]
        return replace(table, weight=own if table.weight is None else table.weight * own)

    def levels(self, columns: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
        """Return how many codes there are in some columns, as `code_levels` does."""
        broken = [column for column in columns if not self.whole[column]]
        if broken:
            raise DataError(
                f"column {broken[0]} of X, which holds codes", rule="codes are whole, from 0 on"
            )
        return tuple((column, int(self.highest[column]) + 1) for column in columns)


def survey(
    batches: Batches,
    gate: Gate,
    seeds: Seeds,
    *,
    numeric: bool,
    classes: Any = None,
    class_weight: Any = None,
) -> Survey:
    """Walk a stream once (twice, for weights of classes) and return what is there.

    Parameters
    ----------
    batches : Batches
        The stream.
    gate : callable
        Checks each X; see `unifml.data.streams.StreamGate`.
    seeds : Seeds
        Draws the sample.
    numeric : bool
        Whether targets are numbers.
    classes : array-like or None
        All labels, if the user names them; else they are collected.
    class_weight : "balanced", dict or None
        Weights of classes.

    Raises
    ------
    DataError
        For no rows, one class only, labels that are not among `classes`, and all that the gate
        refuses.
    """
    tally = None if numeric else Tally(classes)
    found = _walked(batches, gate, seeds, Survey(), tally)
    if tally is None:
        return found
    found.labels = tally.labels
    found.sample = replace(found.sample, y=tally.codes(found.sample.y))
    found.labels.require_two(np.flatnonzero(tally.totals > 0))
    if class_weight is None:
        return found
    factors = class_factors(class_weight, found.labels, tally.totals)
    again = Survey(labels=found.labels, factors=factors)
    return _walked(batches, gate, seeds, again, None)


def _walked(
    batches: Batches, gate: Gate, seeds: Seeds, found: Survey, tally: Tally | None
) -> Survey:
    """Walk a stream once, and count its labels if they are not known."""
    encode = found.encode if tally is None else tally.ids
    sample = Reservoir(seeds.generator("split", 1))
    for group in batches.groups(gate, encode):
        table = found.weighted(group.table)
        if tally is not None:
            tally.count(table)
        _add(found, table, numeric=tally is None and found.labels is None)
        found.steps += len(group.sizes)
        sample.add(table)
    if not found.rows:
        raise DataError(f"fitting on a {batches.name}", found="no rows", rule="rows are needed")
    check_total(np.array([found.total_weight]))
    found.sample = sample.table()
    return found


def numbers(y: Any) -> npt.NDArray[Any]:
    """Return targets of a regression; one column is as good as none."""
    return check_numbers(column(y))


def _add(found: Survey, table: Table, *, numeric: bool) -> None:
    """Add rows to what was found."""
    arrays, feeds = by_name(table.X), feeds_of(table.X)
    found.feeds = found.feeds or feeds
    found.rows += len(table)
    found.total_weight += len(table) if table.weight is None else float(table.weight.sum())
    for feed in feeds:
        valid = valid_steps(feed, arrays)
        own = Moments.of_features(arrays[feed.name], table.weight, valid)
        before = found.moments.get(feed.name)
        found.moments[feed.name] = own if before is None else before.plus(own)
    if numeric:
        _add_targets(found, table.y.reshape(len(table), -1), table.weight)
    X = first_of(table.X)
    if X.ndim == 2 and not is_lengths(next(iter(arrays))):
        _add_columns(found, X)


def _add_targets(found: Survey, y: npt.NDArray[Any], weight: FloatArray | None) -> None:
    own = Moments.of(y, weight)
    found.target = own if found.target is None else found.target.plus(own)
    seen = np.vstack([y, *(found.bounds or ())])
    found.bounds = seen.min(axis=0), seen.max(axis=0)


def _add_columns(found: Survey, X: npt.NDArray[Any]) -> None:
    highest, whole = X.max(axis=0), ((X >= 0) & (np.floor(X) == X)).all(axis=0)
    found.highest = highest if found.highest is None else np.maximum(found.highest, highest)
    found.whole = whole if found.whole is None else found.whole & whole

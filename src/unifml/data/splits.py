"""Rows held out for validation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing

from unifml.core.inputs import mapped
from unifml.core.seeds import Seeds
from unifml.core.table import IntArray, Table
from unifml.data.weights import keep_positive
from unifml.errors import DataError

Rows = tuple[Table, Table | None]


def hold_out(
    table: Table, rule: Any, seeds: Seeds, strata: IntArray | None, groups: Any = None
) -> Rows:
    """Split rows into those to learn from and those to validate on.

    Parameters
    ----------
    table : Table
        All rows.
    rule : float, splitter or None
        A share of the rows, drawn with `strata` in equal parts where each has two rows at least;
        or a scikit-learn splitter, whose first split is taken. Of a splitter by time, whose rows
        to validate on come after those to learn from, the last: it learns from the most rows, and
        is judged by the latest.
    seeds : Seeds
        The stream ``split`` draws.
    strata : array of shape (n,) or None
        Class codes.
    groups : array-like of shape (n,) or None
        What rows belong together, for a splitter by groups.

    Raises
    ------
    DataError
        For a part without rows, and for a splitter that cannot split these rows.
    """
    if rule is None:
        return table, None
    if hasattr(rule, "split"):
        train, test = _by_splitter(table, rule, groups)
    else:
        train, test = _share(len(table), float(rule), seeds, strata)
    if not len(train) or not len(test):
        raise DataError(
            f"validation={rule!r}", found=f"{len(table)} rows", rule="both parts need rows"
        )
    return take(table, train), take(table, test)


def present(table: Table) -> Table:
    """Return the rows of positive weight: one of weight 0 counts as absent."""
    positive = keep_positive(table.weight)
    return table if positive is None else take(table, positive)


def take(table: Table, rows: Any) -> Table:
    """Return some rows of a table, whatever its X is."""
    weight = None if table.weight is None else table.weight[rows]
    X = mapped(lambda part: _safe_indexing(part, rows), table.X)
    return Table(X, _safe_indexing(table.y, rows), weight)


def _by_splitter(table: Table, rule: Any, groups: Any) -> tuple[IntArray, IntArray]:
    X = np.zeros(len(table)) if isinstance(table.X, Mapping) else table.X
    more: tuple[Any, ...] = () if groups is None else (groups,)
    splits = iter(rule.split(X, table.y, *more))
    try:
        train, test = map(np.asarray, next(splits))
    except (ValueError, StopIteration) as error:
        hint = "pass groups= to fit" if groups is None and "groups" in str(error) else ""
        raise DataError(
            f"validation={rule!r}", found=str(error) or "it gives no split", fix=hint
        ) from error
    if len(train) and len(test) and train.max() < test.min():
        train, test = [(train, test), *splits][-1]  # by time: the last one
    return train, test


def _share(
    n_rows: int, share: float, seeds: Seeds, strata: IntArray | None
) -> tuple[IntArray, IntArray]:
    order = seeds.generator("split").permutation(n_rows)
    if strata is None or strata.ndim > 1 or np.bincount(strata).min(initial=2) < 2:
        cut = max(1, round(share * n_rows))
        test = order[:cut]
    else:
        test = np.concatenate([_head(order[strata[order] == c], share) for c in np.unique(strata)])
    held = np.zeros(n_rows, dtype=bool)
    held[test] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


def _head(rows: IntArray, share: float) -> IntArray:
    return rows[: min(max(1, round(share * len(rows))), len(rows) - 1)]

"""The order of rows: shuffled, balanced, in batches; and the rows held out."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import (
    GroupShuffleSplit,
    KFold,
    PredefinedSplit,
    ShuffleSplit,
    TimeSeriesSplit,
)

from unifml.core.seeds import Seeds
from unifml.core.table import Table
from unifml.data import batch_order, hold_out
from unifml.data.order import check_strata
from unifml.errors import CapabilityError, DataError

SEEDS = Seeds(0)


def counts(order, strata):
    return np.array([np.bincount(strata[order.rows[batch]], minlength=3) for batch in order.bounds])


@pytest.mark.parametrize("size", [7, 12, 64, 400])
def test_balanced_batches_hold_all_classes_equally(size):
    strata = np.repeat([0, 1, 2], [300, 60, 25])
    order = batch_order(SEEDS, 0, 385, size, strata=strata)
    plain = batch_order(SEEDS, 0, 385, size)
    assert np.array_equal(order.edges, plain.edges)
    found = counts(order, strata)
    assert np.ptp(found, axis=1).max() <= 1
    assert np.ptp(found.sum(0)) <= 1
    times = np.bincount(order.rows, minlength=385)
    for rare in (1, 2):
        assert np.ptp(times[strata == rare]) <= 1
        assert times[strata == rare].min() >= 1
    assert times[strata == 0].max() == 1


def test_balanced_batches_follow_the_seed_and_the_epoch():
    strata = np.arange(90) % 3 // 2
    first, same, other = (
        batch_order(SEEDS, epoch, 90, 16, strata=strata).rows for epoch in (0, 0, 1)
    )
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_batches_smaller_than_the_number_of_classes_take_turns():
    strata = np.arange(100) % 10
    order = batch_order(SEEDS, 0, 100, 5, strata=strata)
    assert np.array_equal(np.bincount(strata[order.rows]), np.full(10, 10))
    assert all(len(set(strata[order.rows[batch]])) == 5 for batch in order.bounds)


def test_a_class_that_is_missing_takes_no_turn():
    strata = np.repeat([0, 2], [50, 10])
    found = counts(batch_order(SEEDS, 0, 60, 10, strata=strata), strata)
    assert np.array_equal(found.sum(0), [30, 0, 30])


@pytest.mark.parametrize("strata", [None, np.zeros((4, 2), int)], ids=["numbers", "several labels"])
def test_what_has_no_class_cannot_be_balanced(strata):
    with pytest.raises(CapabilityError, match="balanced by the one class"):
        check_strata(strata)


def table(n: int = 40) -> Table:
    return Table(np.arange(2.0 * n).reshape(n, 2), np.arange(n) % 2)


def held(rule, groups=None, n: int = 40):
    rows, out = hold_out(table(n), rule, SEEDS, None, groups)
    return rows.X[:, 0] / 2, out.X[:, 0] / 2


def test_a_splitter_by_time_gives_its_last_split():
    rule = TimeSeriesSplit(4)
    train, test = held(rule)
    wanted = list(rule.split(np.zeros((40, 1))))[-1]
    assert np.array_equal(train, wanted[0])
    assert np.array_equal(test, wanted[1])
    assert test.max() == 39


@pytest.mark.parametrize(
    "rule", [KFold(4), ShuffleSplit(3, random_state=0), PredefinedSplit([0, 0, 1, 1] * 10)]
)
def test_any_other_splitter_gives_its_first(rule):
    wanted = next(iter(rule.split(np.zeros((40, 1)))))
    assert np.array_equal(held(rule)[1], wanted[1])


def test_groups_stay_together():
    groups = np.arange(40) // 5
    train, test = held(GroupShuffleSplit(1, test_size=0.25, random_state=0), groups)
    assert not set(groups[train.astype(int)]) & set(groups[test.astype(int)])
    assert len(test) == 10


def test_a_splitter_that_misses_its_groups_says_what_to_pass():
    with pytest.raises(DataError, match=r"pass groups= to fit"):
        held(GroupShuffleSplit())


def test_a_splitter_that_cannot_split_these_rows_is_an_error_of_data():
    with pytest.raises(DataError, match="n_splits=50"):
        held(KFold(50))

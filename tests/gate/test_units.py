"""The parts of the gate alone, against NumPy and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit
from sklearn.utils.class_weight import compute_sample_weight

from unifml.core.seeds import Seeds
from unifml.core.table import Table
from unifml.core.task import Task
from unifml.data import LabelCodes, Moments, balanced, batch_order, hold_out, present
from unifml.errors import DataError

DRAWS = range(20)

# Labels <-> codes -------------------------------------------------------------------------------

ALPHABETS = {
    "int8": np.arange(-3, 4, dtype=np.int8),
    "uint64": np.array([0, 7, 2**63 + 1], dtype=np.uint64),
    "whole floats": np.array([-1.0, 0.0, 1e12]),
    "bool": np.array([False, True]),
    "text": np.array(["", "a", "ab", "Ä", "日本"]),
    "objects": np.array(["b", "a", "zz"], dtype=object),
    "dates": np.array(["1969-12-31", "2020-02-29"], "M8[D]"),
}


@pytest.mark.parametrize("name", ALPHABETS)
def test_labels_and_codes_are_inverse(name):
    alphabet = ALPHABETS[name]
    for draw in DRAWS:
        rng = np.random.default_rng(draw)
        y = np.concatenate([alphabet, rng.choice(alphabet, 30)])[
            rng.permutation(30 + len(alphabet))
        ]
        labels = LabelCodes.of(y)
        codes = labels.encode(y)
        assert codes.dtype == np.int64
        np.testing.assert_array_equal(labels.classes, np.unique(alphabet))
        np.testing.assert_array_equal(labels.classes[codes], y)
        np.testing.assert_array_equal(labels.decode(codes), y)
        assert labels.decode(codes).dtype == y.dtype
        assert labels.task == Task("classification", 1, len(alphabet))


def test_a_matrix_of_labels_is_its_own_code():
    y = np.array([[0, 1, 1], [1, 0, 0], [0, 0, 0]])
    labels = LabelCodes.of(y)
    assert labels.multilabel
    assert labels.task == Task("classification", 3, 2)
    np.testing.assert_array_equal(labels.decode(labels.encode(y == 1)), y)


def test_classes_given_beforehand_are_kept():
    labels = LabelCodes.of([5, 7], classes=[9, 7, 5])
    np.testing.assert_array_equal(labels.classes, [5, 7, 9])
    np.testing.assert_array_equal(labels.encode([7, 5]), [1, 0])


@pytest.mark.parametrize("stranger", [4, 6, 99, -1])
def test_a_stranger_between_before_and_behind_the_classes(stranger):
    with pytest.raises(DataError, match=rf"\[{stranger}\] not among the classes"):
        LabelCodes.of([5, 7]).encode([5, stranger, 7])


# Moments ----------------------------------------------------------------------------------------


def rows_and_weights(draw):
    rng = np.random.default_rng(draw)
    n = int(rng.integers(2, 40))
    rows = rng.normal(1e3 * rng.normal(size=4), 10.0 ** rng.integers(-2, 3, 4), size=(n, 4))
    return rows, None if draw % 2 else rng.uniform(0.01, 3.0, n)


@pytest.mark.parametrize("draw", DRAWS)
def test_moments(draw):
    rows, weight = rows_and_weights(draw)
    moments = Moments.of(rows, weight)
    mean = np.average(rows, axis=0, weights=weight)
    variance = np.average((rows - mean) ** 2, axis=0, weights=weight)
    np.testing.assert_allclose(moments.mean, mean, rtol=1e-13)
    np.testing.assert_allclose(moments.scaling().scale, np.sqrt(variance), rtol=1e-10)
    scaled = moments.scaling().apply(rows)
    np.testing.assert_allclose(np.average(scaled, axis=0, weights=weight), 0, atol=1e-9)
    np.testing.assert_allclose(np.average(scaled**2, axis=0, weights=weight), 1, rtol=1e-9)
    np.testing.assert_allclose(moments.scaling().invert(scaled), rows, rtol=1e-12)


@pytest.mark.parametrize("draw", DRAWS)
def test_moments_of_parts_are_those_of_the_whole(draw):
    rows, weight = rows_and_weights(draw)
    whole = Moments.of(rows, weight)
    for cut in range(1, len(rows)):
        head, tail = (
            Moments.of(rows[part], None if weight is None else weight[part])
            for part in (slice(cut), slice(cut, None))
        )
        for joined in (head.plus(tail), tail.plus(head)):
            assert joined.total == pytest.approx(whole.total)
            np.testing.assert_allclose(joined.mean, whole.mean, rtol=1e-12)
            np.testing.assert_allclose(joined.squares, whole.squares, rtol=1e-8)


def test_columns_that_do_not_vary_are_divided_by_one():
    rows = np.c_[np.full(9, 0.1), np.full(9, 1e9 / 3), np.zeros(9), np.arange(9.0)]
    np.testing.assert_array_equal(Moments.of(rows, None).scaling().scale[:3], 1.0)
    assert Moments.of(rows, None).scaling().scale[3] == pytest.approx(np.arange(9.0).std())


# Order ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 20, 100])
@pytest.mark.parametrize("n_rows", [1, 2, 7, 20, 21, 22])
def test_every_row_comes_once(n_rows, batch_size):
    order = batch_order(Seeds(3), 0, n_rows, batch_size)
    sizes = np.diff(order.edges)
    np.testing.assert_array_equal(np.sort(order.rows), np.arange(n_rows))
    assert order.edges[0] == 0
    assert order.edges[-1] == n_rows
    assert order.steps == len(sizes)
    assert (sizes[:-1] == batch_size).all()
    assert 1 <= sizes[-1] <= batch_size + 1
    if batch_size > 1 and n_rows > 1:
        assert sizes.min() > 1


def test_a_lone_last_row_joins_the_batch_before():
    np.testing.assert_array_equal(batch_order(Seeds(0), 0, 21, 10).edges, [0, 10, 21])
    np.testing.assert_array_equal(batch_order(Seeds(0), 0, 22, 10).edges, [0, 10, 20, 22])


def test_the_order_depends_on_seed_and_epoch_and_nothing_else():
    seeds = Seeds(5)
    first = [batch_order(seeds, epoch, 50, 8).rows for epoch in range(4)]
    for stream in ("split", "init", "dropout", "augment", "native", "sampler"):
        seeds.generator(stream).normal(size=1000)
        seeds.integer(stream, 0)
    np.random.seed(0)
    again = [batch_order(seeds, epoch, 50, 16).rows for epoch in reversed(range(4))][::-1]
    np.testing.assert_array_equal(first, again)
    assert len({tuple(rows) for rows in first}) == 4
    assert (batch_order(Seeds(6), 0, 50, 8).rows != first[0]).any()
    split = seeds.generator("split", 0).permutation(50)
    assert (split != first[0]).any()


# Rows held out ----------------------------------------------------------------------------------


def table(n, codes=None, weight=None):
    return Table(np.arange(n)[:, None], np.arange(n) if codes is None else codes, weight)


def parts(*args):
    kept, held = hold_out(*args)
    assert kept.weight is None or len(kept.weight) == len(kept)
    return kept.X[:, 0], held.X[:, 0]


@pytest.mark.parametrize("share", [0.05, 0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("seed", range(5))
def test_a_share_of_each_class_is_held_out(seed, share):
    codes = np.repeat([0, 1, 2], [60, 30, 10])[np.random.default_rng(seed).permutation(100)]
    kept, held = parts(table(100, codes), share, Seeds(seed), codes)
    np.testing.assert_array_equal(np.sort(np.concatenate([kept, held])), np.arange(100))
    for code, count in enumerate([60, 30, 10]):
        assert abs((codes[held] == code).sum() - share * count) <= 0.5
        assert 1 <= (codes[held] == code).sum() < count


def test_what_is_held_out_depends_on_the_seed_only():
    codes = np.arange(40) % 2
    one, same, other = (parts(table(40, codes), 0.25, Seeds(s), codes)[1] for s in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert set(one) != set(other)


def test_a_class_of_one_row_is_no_obstacle():
    codes = np.array([0] * 9 + [1])
    kept, held = parts(table(10, codes), 0.3, Seeds(0), codes)
    assert (len(kept), len(held)) == (7, 3)


def test_numbers_are_held_out_by_their_share():
    kept, held = parts(table(50), 0.2, Seeds(0), None)
    assert (len(kept), len(held)) == (40, 10)
    assert not set(kept) & set(held)


def test_no_rule_holds_nothing_out():
    rows = table(5)
    assert hold_out(rows, None, Seeds(0), None) == (rows, None)


@pytest.mark.parametrize("splitter", [KFold(4), ShuffleSplit(1, test_size=0.3, random_state=1)])
def test_the_first_split_of_a_splitter(splitter):
    train, test = next(splitter.split(np.arange(12)))
    kept, held = parts(table(12), splitter, Seeds(0), None)
    np.testing.assert_array_equal(kept, train)
    np.testing.assert_array_equal(held, test)


def test_weights_go_with_their_rows():
    kept, held = hold_out(table(10, weight=np.arange(10.0)), 0.3, Seeds(0), None)
    for part in (kept, held):
        np.testing.assert_array_equal(part.weight, part.X[:, 0])
        np.testing.assert_array_equal(part.y, part.X[:, 0])


def test_both_parts_need_rows():
    with pytest.raises(DataError, match=r"validation=0.9.*1 rows.*both parts need rows"):
        hold_out(table(1), 0.9, Seeds(0), None)
    with pytest.raises(ValueError, match="groups"):
        hold_out(table(9), GroupKFold(3), Seeds(0), None)


# Weights ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("class_weight", ["balanced", {0: 2.0, 1: 0.5, 2: 1.0}, {1: 3.0}])
@pytest.mark.parametrize("draw", range(5))
def test_weights_of_classes_are_those_of_scikit_learn(draw, class_weight):
    y = np.random.default_rng(draw).choice(3, 40, p=[0.7, 0.2, 0.1])
    y[:3] = [0, 1, 2]
    labels = LabelCodes.of(y)
    ours = balanced(None, class_weight, labels, labels.encode(y))
    np.testing.assert_allclose(ours, compute_sample_weight(class_weight, y), rtol=1e-12)


def test_weights_of_classes_multiply_those_of_rows():
    y, weight = np.array(["a", "b", "b", "b"]), np.array([1.0, 2.0, 0.0, 1.0])
    labels = LabelCodes.of(y)
    ours = balanced(weight, {"a": 10.0, "b": 0.1}, labels, labels.encode(y))
    np.testing.assert_allclose(ours, [10.0, 0.2, 0.0, 0.1])
    assert balanced(weight, None, labels, labels.encode(y)) is weight


def test_balanced_counts_in_weights_of_rows():
    y, weight = np.array([0, 0, 0, 1]), np.array([1.0, 0.0, 0.0, 3.0])
    labels = LabelCodes.of(y)
    ours = balanced(weight, "balanced", labels, labels.encode(y))
    assert ours[y == 0].sum() == pytest.approx(ours[y == 1].sum())


def test_rows_of_zero_weight_are_absent():
    weight = np.array([0.0, 1.0, 0.0, 2.0])
    rows = present(table(4, weight=weight))
    np.testing.assert_array_equal(rows.X[:, 0], [1, 3])
    np.testing.assert_array_equal(rows.weight, [1.0, 2.0])
    full = table(4, weight=weight + 1)
    assert present(full) is full
    plain = table(4)
    assert present(plain) is plain

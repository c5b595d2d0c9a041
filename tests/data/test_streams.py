"""Rows from disk, from datasets and in batches: what is recognised, and what is read of it."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from unifml.core.seeds import Seeds
from unifml.core.table import Table
from unifml.data import Moments, hold_out
from unifml.data.splits import take
from unifml.data.streams import (
    Batches,
    LazyRows,
    StreamGate,
    as_batch,
    gathered,
    in_memory,
    is_lazy,
    memory,
    open_stream,
    open_to_predict,
    pieces,
    sample_rows,
    survey,
)
from unifml.data.streams.batches import kept
from unifml.data.streams.groups import joined
from unifml.errors import DataError, DataTypeError

SEEDS = Seeds(3)
RNG = np.random.default_rng(0)
X = RNG.standard_normal((3000, 4)).astype(np.float32)
LABELS = np.array(["ape", "bee", "cat"])[RNG.integers(0, 3, 3000)]
WEIGHT = RNG.random(3000) * (RNG.random(3000) > 0.1)


@pytest.fixture
def small(monkeypatch):
    """Limits so low that three thousand rows are many."""
    for name, value in {"LARGE": 1000, "CHUNK": 4000, "PIECE": 900, "SPAN": 4096}.items():
        monkeypatch.setattr(memory, name, value)


@pytest.fixture
def on_disk(tmp_path, small):
    np.save(tmp_path / "X.npy", X)
    return np.load(tmp_path / "X.npy", mmap_mode="r")


def gate(**rules) -> StreamGate:
    return StreamGate(BaseEstimator(), **rules)


def batches(*arrays, size: int = 70) -> Batches:
    def start():
        return (tuple(a[i : i + size] for a in arrays) for i in range(0, len(arrays[0]), size))

    return Batches(start, "stream")


# From disk ----------------------------------------------------------------------------------------


def test_rows_on_disk_are_cut_and_read_as_an_array_is(on_disk):
    opened = open_stream(on_disk, LABELS)
    rows = opened.X
    assert isinstance(rows, LazyRows)
    assert is_lazy(rows)
    assert is_lazy({"a": rows, "b": X})
    assert (rows.shape, rows.ndim, rows.size, rows.dtype) == ((3000, 4), 2, 12000, np.float32)
    some = RNG.integers(0, 3000, 500)
    for key in (some, slice(5, 2000, 7), X[:, 0] > 0, np.sort(some), (some, ...)):
        found = rows[key]
        wanted = X[key] if not isinstance(key, tuple) else X[key[0]]
        assert isinstance(found, LazyRows)
        assert np.array_equal(np.asarray(found), wanted)
        assert np.array_equal(np.asarray(found[3:9]), wanted[3:9])
    assert np.array_equal(rows[17], X[17])
    assert np.array_equal(np.concatenate(list(pieces(rows))), X)
    assert max(len(piece) for piece in pieces(rows)) == 62


def test_rows_on_disk_are_held_out_and_measured_as_in_memory(on_disk):
    codes = (LABELS == "cat").astype(np.int64)
    lazy = hold_out(Table(open_stream(on_disk).X, codes), 0.2, SEEDS, codes)
    plain = hold_out(Table(X, codes), 0.2, SEEDS, codes)
    for found, wanted in zip(lazy, plain, strict=True):
        assert np.array_equal(np.asarray(found.X), wanted.X)
        assert np.array_equal(found.y, wanted.y)
    found, wanted = (Moments.of_features(rows[0].X, None) for rows in (lazy, plain))
    assert np.array_equal(found.mean, wanted.mean)
    assert np.array_equal(found.squares, wanted.squares)


def test_pages_are_given_back(on_disk, monkeypatch):
    given_back = []
    monkeypatch.setattr(memory, "forget", lambda array: given_back.append(array))
    np.asarray(open_stream(on_disk).X)
    assert len(given_back) >= X.nbytes / memory.SPAN


def test_what_is_small_or_in_memory_is_no_stream(on_disk, monkeypatch):
    monkeypatch.setattr(memory, "LARGE", X.nbytes)
    assert open_stream(on_disk, LABELS) is None
    for plain in (X, X.tolist(), {"X": X}, None, "text", 3, {1, 2}, np.float32):
        assert open_stream(plain, LABELS) is None
        assert open_to_predict(plain) is None


def test_rows_on_disk_are_predicted_piece_by_piece(on_disk):
    for rows in (on_disk, open_stream(on_disk).X, {"a": on_disk, "b": X[:, :1]}):
        found = [batch.X for batch in open_to_predict(rows)]
        assert len(found) > 5
        parts = [part["a"] if isinstance(rows, dict) else part for part in found]
        assert all(isinstance(part, np.ndarray) for part in parts)
        assert np.array_equal(np.concatenate(parts), X)


def test_infinite_values_on_disk_are_found_when_they_are_read(tmp_path, small):
    bad = X.copy()
    bad[2000, 1] = np.inf
    np.save(tmp_path / "bad.npy", bad)
    rows = open_stream(np.load(tmp_path / "bad.npy", mmap_mode="r")).X
    np.asarray(rows[:2000])
    with pytest.raises(ValueError, match="infinity"):
        np.asarray(rows[1990:2010])


def test_inputs_by_name_may_be_on_disk(on_disk):
    opened = open_stream({"a": on_disk, "b": X[:, :1]}, LABELS)
    assert np.array_equal(np.asarray(opened.X["a"][4:9]), X[4:9])
    assert opened.X["b"].shape == (3000, 1)
    some = in_memory(take(Table(opened.X, LABELS), np.array([7, 3, 3])).X)
    assert np.array_equal(some["a"], X[[7, 3, 3]])
    assert np.array_equal(some["b"], X[[7, 3, 3], :1])


def test_a_sample_of_few_rows_is_all_of_them_and_of_many_some(on_disk, monkeypatch):
    rows = Table(open_stream(on_disk).X, LABELS)
    assert len(sample_rows(rows, SEEDS)) == 1024
    monkeypatch.setattr(memory, "CHUNK", X.nbytes)
    assert np.array_equal(sample_rows(rows, SEEDS).X, X)
    some = sample_rows(rows, SEEDS, 100)
    assert some.X.shape == (100, 4)
    places = [np.flatnonzero((row == X).all(1))[0] for row in some.X]
    assert np.array_equal(np.sort(places), places)
    assert np.array_equal(LABELS[places], some.y)
    assert sample_rows(Table(X, LABELS), SEEDS, 100).X is X


# Datasets and loaders -----------------------------------------------------------------------------


def dataset(items):
    """Return a map-style dataset of torch."""
    import torch.utils.data

    class Items(torch.utils.data.Dataset):
        def __len__(self):
            return len(X)

        def __getitem__(self, i):
            return items(i)

    return Items()


@pytest.mark.torch
@pytest.mark.parametrize("kind", ["tuple", "tensors", "dict", "three"])
def test_a_dataset_of_torch_is_indexed(kind, small):
    import torch

    items = {
        "tuple": lambda i: (X[i], LABELS[i]),
        "tensors": lambda i: (torch.from_numpy(X[i]), torch.tensor(i % 3)),
        "dict": lambda i: {"pixels": X[i], "label": LABELS[i]},
        "three": lambda i: (X[i], LABELS[i], WEIGHT[i]),
    }
    opened = open_stream(dataset(items[kind]))
    assert np.array_equal(np.asarray(opened.X[[5, 1, 5]]), X[[5, 1, 5]])
    wanted = np.arange(3000) % 3 if kind == "tensors" else LABELS
    assert np.array_equal(opened.y, wanted)
    assert (opened.weight is None) == (kind != "three")
    if kind == "three":
        np.testing.assert_array_equal(opened.weight, WEIGHT)


@pytest.mark.torch
def test_a_dataset_of_several_inputs_reads_each_item_once(small):
    read = []

    def item(i):
        read.append(i)
        return {"a": X[i], "b": X[i, :2], "y": LABELS[i]}

    opened = open_stream(dataset(item))
    read.clear()
    found = {name: np.asarray(part[[3, 9]]) for name, part in opened.X.items()}
    assert np.array_equal(found["a"], X[[3, 9]])
    assert np.array_equal(found["b"], X[[3, 9], :2])
    assert read == [3, 9]


@pytest.mark.torch
def test_a_dataset_is_scored_in_one_pass(small):
    read = []
    rows = dataset(lambda i: read.append(i) or (X[i], LABELS[i]))
    found = list(open_to_predict(rows))
    assert np.array_equal(np.concatenate([batch.X for batch in found]), X)
    assert list(np.concatenate([batch.y for batch in found])) == list(LABELS)
    assert read == [0, *range(3000)]


@pytest.mark.torch
def test_a_dataset_is_read_anew_each_time(small):
    opened = open_stream(dataset(lambda i: (X[i] + RNG.random(), LABELS[i])))
    assert not np.array_equal(np.asarray(opened.X[:9]), np.asarray(opened.X[:9]))


@pytest.mark.torch
def test_tensors_in_a_dataset_are_arrays():
    import torch
    from torch.utils.data import TensorDataset

    opened = open_stream(TensorDataset(torch.from_numpy(X), torch.arange(3000)))
    assert isinstance(opened.X, np.ndarray)
    assert np.shares_memory(opened.X, X)
    assert np.array_equal(opened.y, np.arange(3000))


@pytest.mark.torch
def test_items_of_several_shapes_are_refused():
    with pytest.raises(DataError, match="one shape"):
        np.asarray(open_stream(dataset(lambda i: (X[i, : 2 + i % 2], 0))).X)


def test_a_dataset_of_columns_is_indexed(monkeypatch, small):
    class Dataset:
        column_names = ("pixels", "label")

        def __len__(self):
            return len(X)

        def __getitem__(self, rows):
            return {"pixels": X[rows].tolist(), "label": LABELS[rows].tolist()}

    module = ModuleType("datasets")
    module.Dataset = Dataset
    monkeypatch.setitem(sys.modules, "datasets", module)
    opened = open_stream(Dataset())
    np.testing.assert_array_equal(np.asarray(opened.X[[5, 1]]), X[[5, 1]])
    assert list(opened.y) == list(LABELS)


@pytest.mark.torch
def test_a_loader_is_walked_in_its_own_batches():
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    loader = DataLoader(TensorDataset(torch.from_numpy(X), torch.arange(3000)), batch_size=512)
    stream = open_stream(loader)
    assert stream.name == "DataLoader"
    for _ in range(2):
        found = list(stream.walk())
        assert [len(batch.y) for batch in found] == [512] * 5 + [440]
        assert np.array_equal(np.concatenate([batch.X for batch in found]), X)
    assert np.array_equal(np.concatenate([batch.X for batch in open_to_predict(loader)]), X)


@pytest.mark.torch
def test_single_rows_are_no_stream():
    import torch.utils.data

    class Endless(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter(X)

    with pytest.raises(DataError, match="DataLoader"):
        open_stream(Endless())


@pytest.mark.keras
def test_data_of_tensorflow_is_walked():
    tf = pytest.importorskip("tensorflow")
    found = open_stream(tf.data.Dataset.from_tensor_slices((X, np.arange(3000))).batch(1000))
    for _ in range(2):
        assert [batch.X.shape for batch in found.walk()] == [(1000, 4)] * 3
    assert np.array_equal(np.concatenate([batch.X for batch in found.walk()]), X)


# Batches ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ((X, LABELS), (X, LABELS, None)),
        ([X, LABELS, WEIGHT], (X, LABELS, WEIGHT)),
        ({"image": X, "label": LABELS}, (X, LABELS, None)),
        ({"X": X, "y": LABELS, "sample_weight": WEIGHT}, (X, LABELS, WEIGHT)),
        (X, (X, None, None)),
    ],
)
def test_a_batch_is_taken_apart(given, wanted):
    assert all(found is part for found, part in zip(as_batch(given), wanted, strict=True))


def test_several_inputs_of_a_batch_keep_their_names():
    found = as_batch({"a": X, "b": X[:, :1], "target": LABELS})
    assert list(found.X) == ["a", "b"]
    assert list(as_batch(({"a": X}, LABELS)).X) == ["a"]


@pytest.mark.parametrize("given", [(), (X,) * 4, {"y": LABELS}, {"X": X, "y": 1, "label": 1}])
def test_a_batch_that_nobody_understands_is_refused(given):
    with pytest.raises(DataError, match="batch"):
        as_batch(given)


class Again:
    """Can be walked, any number of times."""

    def __iter__(self):
        return iter([(X[:10], LABELS[:10])])


@pytest.mark.parametrize("source", [lambda: [(X[:10], LABELS[:10])], Again()])
def test_what_can_be_walked_again_is_a_stream_without_targets_only(source):
    assert len(list(open_stream(source).walk())) == len(list(open_stream(source).walk())) == 1
    assert open_stream(source, LABELS) is None


def test_an_iterator_is_kept_if_it_is_small(monkeypatch):
    stream = open_stream(iter([(X, LABELS)]))
    assert len(list(stream.walk())) == len(list(stream.walk())) == 1
    with pytest.raises(DataError, match=r"fit\(lambda: batches\(\)\)"):
        kept(iter([(X, LABELS)] * 9), "generator", budget=X.nbytes * 5)
    assert len(list(open_to_predict(iter([X, X])))) == 2


def test_targets_beside_a_stream_are_refused(small):
    pytest.importorskip("torch")
    from torch.utils.data import DataLoader

    with pytest.raises(DataError, match="brings its own"):
        open_stream(DataLoader(X), LABELS)


def test_a_function_that_returns_no_iterator_is_refused():
    with pytest.raises(DataTypeError, match="returned a int"):
        list(open_stream(lambda: 3).walk())


# The first pass -----------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("class_weight", [None, "balanced", {"ape": 5.0, "cat": 0.5}])
def test_a_survey_finds_what_is_there_in_memory(weight, class_weight):
    from unifml.data import LabelCodes, balanced

    arrays = (X, LABELS) if weight is None else (X, LABELS, weight)
    found = survey(batches(*arrays), gate(), SEEDS, numeric=False, class_weight=class_weight)
    labels = LabelCodes.of(LABELS)
    codes = labels.encode(LABELS)
    there = np.flatnonzero(np.ones(3000) if weight is None else weight)
    kept_weight = None if weight is None else weight[there]
    wanted = balanced(kept_weight, class_weight, labels, codes[there])
    moments = Moments.of(X[there], wanted)
    np.testing.assert_allclose(found.moments["X"].mean, moments.mean, rtol=1e-9)
    np.testing.assert_allclose(found.moments["X"].squares, moments.squares, rtol=1e-9)
    assert np.array_equal(found.labels.classes, labels.classes)
    assert (found.rows, found.steps) == (len(there), 43)
    total = len(there) if wanted is None else wanted.sum()
    assert found.total_weight == pytest.approx(total)
    assert np.array_equal(found.sample.X, X[there])
    assert np.array_equal(found.sample.y, codes[there])


def test_labels_may_come_late_and_their_codes_are_sorted(monkeypatch):
    monkeypatch.setattr(memory, "PIECE", 1)
    order = np.argsort(LABELS, kind="stable")[::-1]
    found = survey(batches(X[order], LABELS[order]), gate(), SEEDS, numeric=False)
    assert list(found.labels.classes) == ["ape", "bee", "cat"]
    assert np.array_equal(found.labels.classes[found.sample.y], LABELS[order])


def test_moments_are_those_of_numpy_however_they_are_cut():
    rising = X[:, :3] * [1.0, 2.0, 0.0] + np.linspace(0, 9, 3000)[:, None] + 5
    weight = RNG.random(3000)
    for own in (None, weight):
        found = Moments.of(rising, own)
        mean = np.average(rising, axis=0, weights=own)
        variance = np.average((rising - mean) ** 2, axis=0, weights=own)
        np.testing.assert_allclose(found.mean, mean)
        np.testing.assert_allclose(found.scaling().scale, np.sqrt(variance))
        halves = [
            Moments.of(rising[at], None if own is None else own[at])
            for at in (slice(0, 1700), slice(1700, None))
        ]
        joined_halves = halves[0].plus(halves[1])
        np.testing.assert_allclose(joined_halves.squares, found.squares)
    series = rising.reshape(500, 6, 3)
    valid = np.arange(6) < (np.arange(500) % 6 + 1)[:, None]
    found = Moments.of_features(series, None, valid)
    np.testing.assert_allclose(found.scaling().scale, series[valid].std(0))
    large = np.linspace(0, 1, 1500 * 900 * 2).reshape(1500, 900, 2)
    found = Moments.of_features(large, None)
    np.testing.assert_allclose(found.scaling().scale, large.reshape(-1, 2).std(0))
    np.testing.assert_allclose(found.mean, large.reshape(-1, 2).mean(0))


def test_numbers_are_measured_too():
    y = X @ np.ones((4, 2))
    found = survey(batches(X, y), gate(), SEEDS, numeric=True)
    wanted = Moments.of(y, None)
    np.testing.assert_allclose(found.target.mean, wanted.mean, atol=1e-9)
    np.testing.assert_allclose(found.target.squares, wanted.squares, rtol=1e-9)
    column = survey(batches(X, y[:, :1]), gate(), SEEDS, numeric=True)
    assert column.sample.y.ndim == 1


def test_several_labels_per_row_are_a_matrix():
    y = (X[:, :3] > 0).astype(np.float32)
    found = survey(batches(X, y), gate(), SEEDS, numeric=False)
    assert found.labels.multilabel
    assert np.array_equal(found.sample.y, y)


def test_levels_of_columns_of_codes():
    codes = np.column_stack([np.arange(3000) % 7, X[:, 0]])
    found = survey(batches(codes, LABELS), gate(), SEEDS, numeric=False)
    assert found.levels((0,)) == ((0, 7),)
    with pytest.raises(DataError, match="column 1"):
        found.levels((1,))


def test_the_sample_of_a_long_stream_is_even(small):
    picked = np.zeros(3000)
    for seed in range(40):
        stream = batches(np.arange(3000.0)[:, None], LABELS)
        sample = survey(stream, gate(), Seeds(seed), numeric=False).sample
        assert len(sample) == len(np.unique(sample.X)) == 1024
        assert np.array_equal(survey_labels(sample), LABELS[sample.X[:, 0].astype(int)])
        picked[sample.X[:, 0].astype(int)] += 1
    thirds = picked.reshape(3, -1).mean(1) / (40 * 1024 / 3000)
    assert np.abs(thirds - 1).max() < 0.05


def survey_labels(sample: Table) -> np.ndarray:
    return np.array(["ape", "bee", "cat"])[sample.y]


@pytest.mark.parametrize(
    ("arrays", "classes", "match"),
    [
        ((X, np.full(3000, "ape")), None, "only one class"),
        ((X, LABELS), ["ape", "bee"], "not among the classes"),
        ((np.where(X > 3, np.nan, X), LABELS), None, "NaN"),
        ((X, LABELS, np.zeros(3000)), None, "no rows"),
        ((X, LABELS, -WEIGHT), None, "[Nn]egative"),
        ((X[:0], LABELS[:0]), None, "no rows"),
    ],
)
def test_bad_streams_are_refused(arrays, classes, match):
    with pytest.raises(ValueError, match=match):
        survey(batches(*arrays), gate(), SEEDS, numeric=False, classes=classes)


def test_a_batch_of_another_width_is_named():
    stream = Batches(lambda: [(X, LABELS), (X[:, :3], LABELS)], "loader")
    with pytest.raises(ValueError, match="3 features") as caught:
        survey(stream, gate(), SEEDS, numeric=False)
    assert "in batch 1 of the loader" in caught.value.__notes__[0]


def test_rows_without_targets_are_refused():
    with pytest.raises(DataError, match="X without y"):
        survey(Batches(lambda: [X], "loader"), gate(), SEEDS, numeric=False)


def test_a_last_row_alone_joins_the_batch_before_it(monkeypatch):
    def sizes(rows):
        stream = batches(X[:rows], LABELS[:rows])
        groups = list(stream.groups(gate(), np.asarray))
        assert [len(group.table) for group in groups] == [group.sizes.sum() for group in groups]
        return np.concatenate([group.sizes for group in groups]).tolist()

    for _ in range(2):
        assert sizes(141) == [70, 71]
        assert sizes(142) == [70, 70, 2]
        assert sizes(1) == [1]
        monkeypatch.setattr(memory, "PIECE", 1)  # each batch is a group


def test_a_stream_to_validate_on_is_gathered():
    found = gathered(batches(X, LABELS, WEIGHT))
    assert all(np.array_equal(a, b) for a, b in zip(found, (X, LABELS, WEIGHT), strict=True))
    named = gathered(Batches(lambda: [({"a": X[:2]}, LABELS[:2])] * 2, "loader"))
    assert named.X["a"].shape == (4, 4)
    assert named.weight is None
    with pytest.raises(DataError, match="no targets"):
        gathered(Batches(lambda: [X], "loader"))


def test_joined_sequences_are_padded_to_the_longest():
    def part(n, longest):
        return {"X": np.ones((n, longest, 2)), "X_lengths": np.full(n, longest)}

    found = joined([Table(part(2, 3), np.zeros(2)), Table(part(1, 5), np.ones(1))])
    assert found.X["X"].shape == (3, 5, 2)
    assert found.X["X"].sum() == 2 * 3 * 2 + 5 * 2
    assert list(found.X["X_lengths"]) == [3, 3, 5]


def test_a_batch_that_differs_from_others_is_checked_by_itself():
    stream = Batches(lambda: [(X[:5], LABELS[:5]), (X[5:9].tolist(), list(LABELS[5:9]))], "list")
    (first, second) = stream.groups(gate(), np.asarray)
    assert np.array_equal(np.concatenate([first.table.X, second.table.X]), X[:9])
    many = Batches(lambda: [(X[i : i + 5], LABELS[i : i + 5]) for i in (0, 5)], "two")
    assert len(list(many.groups(gate(), np.asarray))) == 1


def test_absent_rows_leave_their_batches():
    stream = batches(X, LABELS, np.repeat([0.0, 1.0, 0.0], 1000))
    found = list(stream.groups(gate(), np.asarray))
    sizes = np.concatenate([group.sizes for group in found])
    assert sizes.tolist() == [50, *[70] * 13, 40]
    assert np.array_equal(np.concatenate([group.table.X for group in found]), X[1000:2000])


def test_what_is_around_a_stream_is_entered_for_each_piece(monkeypatch):
    from contextlib import contextmanager

    monkeypatch.setattr(memory, "PIECE", X.nbytes * 2 // 3)

    entered = []

    @contextmanager
    def around(number, step):
        entered.append((number, step))
        yield

    stream = Batches(batches(X, LABELS, size=1000).start, "stream", around)
    assert len(list(stream.walk(2))) == 3
    assert entered == [(2, 0), (2, 1), (2, 2)]

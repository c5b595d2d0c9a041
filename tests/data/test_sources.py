"""Epochs in parts equal epochs in one: chunks, changed rows, streams."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from unifml import Classifier, Regressor, Training
from unifml.core.fitted import body_weights
from unifml.core.inputs import by_name
from unifml.core.registry import get_adapter
from unifml.core.seeds import Seeds
from unifml.core.signature import Feed
from unifml.core.table import BatchOrder, Table
from unifml.data import Augmented, input_moments
from unifml.data.augment import Augmentation, Flip, Jitter, Noise, Swap
from unifml.data.augment.suited import check_changes, describe, input_kinds
from unifml.data.order import batch_order
from unifml.data.streams import Batches, Chunked, LazyRows, Streamed, StreamGate, memory, survey
from unifml.data.streams.memory import block_updates, chunk_updates
from unifml.errors import CapabilityError, DataError, ParameterError
from unifml.estimators.dry import dry_plan
from unifml.estimators.session import prepared
from unifml.training.job import Job
from unifml.training.source import Resident
from unifml.training.start import start_weights

RNG = np.random.default_rng(0)
N, WIDTH = 1500, 5
X = RNG.standard_normal((N, WIDTH)).astype(np.float32)
Y = (X @ RNG.standard_normal((WIDTH, 3))).argmax(1)
WEIGHT = (RNG.random(N) + 0.1).astype(np.float32)
BYTES = WIDTH * 4
BUDGETS = [1, 300 * BYTES, 700 * BYTES, 10**9]


def order_of(plan, rows, epoch) -> BatchOrder:
    settings = plan.settings
    return batch_order(
        plan.seeds, epoch, len(rows), settings.batch_size, accumulate=settings.accumulate
    )


def planned(estimator=Classifier, seed=0, X=X, y=Y, model="mlp", backend="torch", **settings):
    """Return a plan; what is set of it need not be known to the backend."""
    asked = Training(batch_size=settings.pop("batch_size", 32), precision="float32")
    plan = dry_plan(estimator(model, backend=backend, training=asked, random_state=seed), X, y)
    return replace(plan, settings=replace(plan.settings, **settings))


def lazy(values: np.ndarray) -> LazyRows:
    return LazyRows(lambda rows: values[rows], values.shape, values.dtype)


def same(table: Table) -> Table:
    return table


def batches(source, epoch: int = 0) -> list[tuple[np.ndarray, ...]]:
    """Return the rows of each batch of an epoch, as a program would see them."""
    found, held = [], source.first
    for rows, order in source.epoch(epoch):
        held = held if rows is None else rows
        for batch in order.bounds:
            at = order.rows[batch]
            parts = [held.X[at], held.y[at]]
            found.append((*parts, *([] if held.weight is None else [held.weight[at]])))
    return found


def assert_equal(found, wanted):
    assert len(found) == len(wanted)
    for own, other in zip(found, wanted, strict=True):
        assert len(own) == len(other)
        assert all(np.array_equal(a, b) for a, b in zip(own, other, strict=True))


# Chunks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("accumulate", [1, 3])
def test_chunks_hold_the_rows_of_the_whole_in_order(budget, accumulate):
    plan = planned(accumulate=accumulate)
    whole = Resident(Table(X, Y, WEIGHT), plan, order_of)
    rows = Table(lazy(X), Y, WEIGHT)
    chunked = Chunked(rows, plan, order_of, same, budget=budget)
    for epoch in range(2):
        assert_equal(batches(chunked, epoch), batches(whole, epoch))
    assert chunked.updates == whole.updates
    assert not chunked.own_order
    parts = list(chunked.epoch(0))
    assert sum(order.updates for _, order in parts) == whole.updates
    assert all(order.accumulate == accumulate for _, order in parts)
    assert all(len(part) <= max(len(chunked.first), 1) for part, _ in parts)
    most = max(budget // BYTES, 288 + 32)
    assert all(len(part) <= most for part, _ in parts)


def test_chunks_follow_the_seed_of_another_plan():
    rows = Table(lazy(X), Y)
    chunked = Chunked(rows, planned(), order_of, same, budget=300 * BYTES)
    other = planned(seed=1)
    wanted = Resident(Table(X, Y), other, order_of)
    assert_equal(batches(chunked.again(other)), batches(wanted))


def test_chunks_are_read_sorted_and_each_row_once():
    asked = []

    def read(rows):
        asked.append(rows)
        return X[rows]

    plan = planned(batch_size=100)
    balanced = partial(batch_order, plan.seeds, strata=np.minimum(np.arange(N), 1))
    source = Chunked(
        Table(LazyRows(read, X.shape, X.dtype), Y),
        plan,
        lambda plan, rows, epoch: balanced(epoch, N, 100),
        same,
        budget=500 * BYTES,
    )
    list(source.epoch(0))
    assert all((np.diff(rows) > 0).all() for rows in asked)


@pytest.mark.parametrize("chunk", BUDGETS[1:3])
def test_a_program_learns_from_chunks_what_it_learns_from_all(backend, chunk):
    plan = planned(backend=backend, epochs=3)
    moments = input_moments(plan, Table(X, Y))
    start = start_weights(plan, {name: own.scaling() for name, own in moments.items()})
    ready = partial(prepared, plan, start, None)
    sources = (
        Resident(ready(Table(X, Y)), plan, order_of),
        Chunked(Table(lazy(X), Y), plan, order_of, ready, budget=chunk),
    )
    adapter = get_adapter(backend)
    found = []
    for source in sources:
        program, history = Job(adapter, body_weights(plan, start), plan, source).run()
        found.append((program.result(), history["loss"]))
    (whole, losses), (parts, other) = found
    np.testing.assert_allclose(other, losses, rtol=1e-12)
    for name, values in whole.items():
        assert np.array_equal(values, parts[name]), name


# Changed rows -------------------------------------------------------------------------------------


def augmented(budget=None, inner=None, **training):
    plan = planned(**training)
    return Augmented(inner or Resident(Table(X, Y, WEIGHT), plan, order_of), plan, budget)


CHANGES = (Noise(0.1), Swap(0.2))


@pytest.mark.parametrize("settings", [{"augment": CHANGES}, {"mixup": 0.3}, {"accumulate": 3}])
def test_changed_rows_do_not_depend_on_how_many_are_in_memory(settings):
    settings = {"mixup": 0.3, **settings}
    wanted = batches(augmented(**settings))
    for budget in BUDGETS:
        source = augmented(budget, **settings)
        assert_equal(batches(source), wanted)
        plan = planned(**settings)
        chunked = Chunked(Table(lazy(X), Y, WEIGHT), plan, order_of, same, budget=300 * BYTES)
        assert_equal(batches(augmented(budget, chunked, **settings)), wanted)


def test_changes_are_new_in_each_epoch_and_the_same_for_a_seed():
    source = augmented(augment=CHANGES)
    first, again, second = (np.concatenate([b[0] for b in batches(source, e)]) for e in (0, 0, 1))
    assert np.array_equal(first, again)
    order = [np.argsort(order_of(planned(), X, epoch).rows) for epoch in (0, 1)]
    assert not np.array_equal(first[order[0]], second[order[1]])
    other = batches(source.again(planned(seed=1, augment=CHANGES)))
    assert not np.array_equal(np.concatenate([b[0] for b in other]), first)


def test_rows_are_changed_a_little_and_keep_their_targets():
    plan = planned(augment=(Noise(0.01),))
    whole = batches(Resident(Table(X, Y, WEIGHT), plan, order_of))
    for own, other in zip(batches(augmented(augment=(Noise(0.01),))), whole, strict=True):
        assert 0 < np.abs(own[0] - other[0]).max() < 0.1
        assert np.array_equal(own[1], other[1])
        assert np.array_equal(own[2], other[2])


def test_rows_given_are_never_written_to():
    before = X.copy()
    batches(augmented(augment=CHANGES, mixup=0.2))
    assert np.array_equal(X, before)


@pytest.mark.parametrize(
    ("estimator", "y", "width"),
    [(Classifier, Y, 3), (Classifier, Y > 0, 1), (Regressor, X[:, 0] + 1, 1)],
)
def test_mixed_targets_are_shares_of_the_right_width(estimator, y, width):
    plan = planned(estimator, y=y, mixup=0.3)
    codes = y.astype(np.int64) if estimator is Classifier else y[:, None]
    source = Augmented(Resident(Table(X, codes), plan, order_of), plan)
    assert source.first.y.shape == (N, width)
    assert source.first.y.dtype == np.float32
    assert source.whole.y is codes
    for _, targets in batches(source):
        assert targets.shape[1] == width
        assert targets.dtype == np.float32
        if width == 3:
            np.testing.assert_allclose(targets.sum(1), 1, atol=1e-6)
        elif estimator is Classifier:
            assert targets.min() >= 0
            assert targets.max() <= 1


def test_of_two_ways_to_mix_one_is_drawn():
    images = RNG.standard_normal((600, 8, 8, 1)).astype(np.float32)
    y = np.arange(600) % 3
    plan = planned(X=images, y=y, model="cnn", mixup=1.0, cutmix=1.0, batch_size=256)
    source = Augmented(Resident(Table(images, y), plan, order_of), plan)
    known = np.sort(images.ravel())
    cut = []
    for epoch in range(6):
        for own, _ in batches(source, epoch):
            places = np.minimum(np.searchsorted(known, own.ravel()), len(known) - 1)
            cut.append((known[places] == own.ravel()).all())
    assert 0 < np.mean(cut) < 1


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"augment": (Flip(),)}, "image .H, W, C."),
        ({"augment": (Noise(), Jitter())}, "series .T, F."),
        ({"cutmix": 1.0}, "one input, of images"),
    ],
)
def test_what_does_not_suit_the_rows_is_refused(changes, match):
    plan = planned()
    plan = replace(plan, settings=replace(plan.settings, **changes))
    with pytest.raises(CapabilityError, match=match):
        check_changes(plan)


def test_changes_are_checked_and_must_be_augmentations():
    plan = planned()
    for wrong in (Noise(-1), object(), Noise):
        with pytest.raises(ParameterError):
            check_changes(replace(plan, settings=replace(plan.settings, augment=(wrong,))))
    check_changes(replace(plan, settings=replace(plan.settings, augment=(Noise(),), mixup=0.2)))


def test_each_change_goes_to_the_inputs_that_it_is_for():
    plan = planned()
    feeds = (Feed("a", (4,)), Feed("b", (6, 3)), Feed("c", (8, 8, 1)))
    plan = replace(
        plan,
        network=None,
        signature=replace(plan.signature, named=feeds),
        settings=replace(plan.settings, augment=(Noise(), Flip())),
    )
    assert input_kinds(plan) == {"a": "table", "b": "series", "c": "image"}
    check_changes(plan)
    rows = {feed.name: RNG.random((300, *feed.shape)).astype(np.float32) for feed in feeds}
    source = Augmented(Resident(Table(rows, np.zeros(300)), plan, order_of), plan)
    ((found, _),) = source.epoch(0)
    order = order_of(plan, found.y, 0).rows
    changed = {name: not np.array_equal(found.X[name], rows[name][order]) for name in rows}
    assert changed == {"a": True, "b": False, "c": True}


def test_what_is_standardised_has_the_deviation_one():
    assert np.array_equal(describe(planned(), Table(3 * X, Y))["X"].deviation, np.ones(WIDTH))


def test_deviations_are_those_of_the_rows_without_padding():
    plan = planned()
    plan = replace(
        plan, network=None, signature=replace(plan.signature, named=(Feed("s", (-1, 2)),))
    )
    lengths = np.arange(200) % 7 + 1
    steps = RNG.standard_normal((200, 7, 2)) * [1.0, 5.0]
    valid = np.arange(7) < lengths[:, None]
    rows = Table({"s": steps * valid[..., None], "s_lengths": lengths}, np.zeros(200))
    np.testing.assert_allclose(describe(plan, rows)["s"].deviation, steps[valid].std(0))


def test_an_augmentation_of_the_user_is_given_copies_and_may_return_anything_alike():
    class Double(Augmentation):
        def apply(self, rng, X, about, lengths=None):
            return (2.0 * X).astype(np.float64)

    whole = batches(Resident(Table(X, Y, WEIGHT), planned(), order_of))
    for own, other in zip(batches(augmented(augment=(Double(),))), whole, strict=True):
        assert np.array_equal(own[0], 2 * other[0])
        assert own[0].dtype == np.float32


# Streams ------------------------------------------------------------------------------------------


def streamed(*, budget, accumulate=1, start=None, weighted=True, **options):
    def plain():
        order = np.arange(N)[::-1]
        for at in range(0, N, 64):
            rows = order[at : at + 64]
            yield (X[rows], Y[rows], WEIGHT[rows])[: 3 if weighted else 2]

    stream = Batches(start or plain, "stream")
    gate = StreamGate(BaseEstimator())
    found = survey(stream, gate, Seeds(0), numeric=False, **options)
    return Streamed(stream, found, gate, same, accumulate=accumulate, budget=budget)


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("accumulate", [1, 4])
def test_a_stream_keeps_its_batches_however_they_are_collected(budget, accumulate, monkeypatch):
    monkeypatch.setattr(memory, "PIECE", 3 * 64 * BYTES)
    source = streamed(budget=budget, accumulate=accumulate)
    rows = np.arange(N)[::-1]
    wanted = [rows[at : at + 64] for at in range(0, N, 64)]
    assert_equal(batches(source), [(X[at], Y[at], WEIGHT[at].astype(float)) for at in wanted])
    assert source.own_order
    assert (source.rows, source.updates) == (N, -(-24 // accumulate))
    parts = list(source.epoch(0))
    assert all(order.steps % accumulate == 0 for _, order in parts[:-1])
    assert max(len(table) for table, _ in parts) <= budget // BYTES + 64 * (accumulate + 3)
    assert 2 <= len(source.first) <= 1024


def test_weights_of_classes_reach_the_batches_of_a_stream():
    source = streamed(budget=10**9, class_weight={0: 3.0, 1: 1.0, 2: 0.5}, weighted=False)
    for _, codes, weight in batches(source):
        assert np.array_equal(weight, np.array([3.0, 1.0, 0.5])[codes])


@pytest.mark.parametrize("then", [3, 7])
def test_a_stream_that_changes_its_length_is_refused(then):
    sizes = iter([5, then])
    source = streamed(start=lambda: ((X[:64], Y[:64]) for _ in range(next(sizes))), budget=10**9)
    with pytest.raises(DataError, match="5"):
        list(source.epoch(0))


def test_mixing_works_on_a_stream():
    source = streamed(budget=400 * BYTES)
    plan = planned(mixup=0.3, augment=(Noise(),))
    found = batches(Augmented(source, plan))
    assert len(found) == 24
    assert all(targets.shape[1] == 3 for _, targets, _ in found)


# Sizes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 16, 100, 256, 1000])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_chunks_are_whole_blocks_of_whole_steps(size, accumulate):
    order = batch_order(Seeds(0), 0, 5000, size, accumulate=accumulate)
    block = block_updates(order)
    rows = block * size * accumulate
    assert rows >= 256
    assert rows < 256 + size * accumulate
    for budget in BUDGETS:
        found = chunk_updates(order, BYTES, budget)
        assert found % block == 0
        assert found == block or found * size * accumulate * BYTES <= budget


def test_named_inputs_are_chunked_too():
    rows = Table({"a": lazy(X), "b": X[:, :2]}, Y)
    plan = planned()
    for part, order in Chunked(rows, plan, order_of, same, budget=400 * BYTES).epoch(0):
        assert all(isinstance(values, np.ndarray) for values in by_name(part.X).values())
        assert np.array_equal(part.X["a"][:, :2], part.X["b"])
        assert len(part) == len(order.rows)

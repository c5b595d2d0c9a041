"""What a step does besides stepping: against plain NumPy, Keras's own, and itself in parts."""

import numpy as np
import pytest
from training.numpy_training import (
    BINARY,
    DROPOUT,
    LABELS,
    THREE,
    TWO,
    equal,
    orders,
    plan,
    rows,
    run,
    start,
    train,
)

from unifml.core.registry import get_adapter
from unifml.core.table import BatchOrder, Table
from unifml.errors import CapabilityError
from unifml.models import MLP
from unifml.training import SGD

pytestmark = pytest.mark.keras
ALL = {
    "accumulate": 3,
    "clip_norm": 0.3,
    "clip_value": 0.05,
    "ema": 0.9,
    "l2": 0.1,
    "optimizer": "adamw",
    "weight_decay": 0.1,
}


@pytest.mark.parametrize(
    ("task", "training"),
    [
        (THREE, {"clip_norm": 0.1, "l2": 0.5, "optimizer": SGD(momentum=0.9)}),
        (TWO, {"clip_value": 0.01, "l1": 0.1, "optimizer": "sgd", "learning_rate": 0.3}),
        (BINARY, {"accumulate": 3, "optimizer": "adam"}),
        (LABELS, {"ema": 0.95, "optimizer": "lion", "weight_decay": 0.1}),
        (TWO, {"optimizer": "adagrad", "accumulate": 4, "ema": 0.5}),
        (THREE, ALL),
    ],
)
def test_techniques_are_what_numpy_computes(task, training):
    given = plan(task, 4, **training)
    X, y = rows(task)
    weight = np.random.default_rng(1).uniform(0.1, 3.0, len(X))
    program, losses = run(given, X, y, weight, batch=8)
    weights, expected = train(given, X, y, weight, 3, 8)
    np.testing.assert_allclose(losses, expected, rtol=1e-10)
    for name, value in program.result().items():
        np.testing.assert_allclose(value, weights[name], rtol=1e-9, atol=1e-11)
    network = get_adapter("keras").program(program.result(), given)
    np.testing.assert_allclose(program.forward(X), network.forward(X), atol=1e-12)


@pytest.mark.parametrize("model", [DROPOUT, MLP(hidden=(9,), dropout=0.3)])
@pytest.mark.parametrize("training", [{}, ALL])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_epoch_in_parts_is_the_epoch(model, training, dtype):
    given = plan(THREE, 4, model, dtype, **training)
    X, y = rows(THREE)
    whole = run(given, X, y, batch=8)
    program = get_adapter("keras").program(start(given), given, Table(X, y))
    losses = []
    for order, rates, seed in orders(given, len(X), 3, 8):
        for update in range(order.updates):
            part = order.part(update, update + 1)
            losses.append(program.run_epoch(part, rates[update : update + 1], seed))
            seed = None
    assert equal(program.state(), whole[0].state())
    np.testing.assert_array_equal(np.concatenate(losses), whole[1])


def test_accumulated_batches_are_one_batch_of_all_their_rows():
    X, y = rows(THREE)
    weight = np.random.default_rng(1).uniform(0.1, 3.0, len(X))
    several = run(plan(THREE, 4, accumulate=4), X, y, weight, batch=5)[0].result()
    program = get_adapter("keras").program(
        start(plan(THREE, 4)), plan(THREE, 4), Table(X, y, weight)
    )
    for order, rates, seed in orders(plan(THREE, 4, accumulate=4), len(X), 3, 5):
        edges = np.append(order.edges[:-1:4], order.edges[-1])
        program.run_epoch(BatchOrder(order.rows, edges), rates, seed)
    for name, value in program.result().items():
        np.testing.assert_allclose(several[name], value, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop"])
def test_a_state_goes_on_bitwise_with_everything_on(optimizer):
    given = plan(
        THREE,
        4,
        MLP(hidden=(8,), dropout=0.4),
        **{**ALL, "optimizer": optimizer, "weight_decay": 0.0},
    )
    X, y = rows(THREE)
    straight = run(given, X, y, epochs=4, batch=8)[0]
    half = run(given, X, y, epochs=2, batch=8)[0].state()
    program = get_adapter("keras").program(start(given), given, Table(X, y))
    program.restore(half)
    assert equal(program.state(), half)
    for order in list(orders(given, len(X), 4, 8))[2:]:
        program.run_epoch(*order)
    assert equal(program.state(), straight.state())
    assert equal(program.result(), straight.result())


def test_other_rows_may_be_taken_and_everything_else_stays():
    given = plan(THREE, 4, ema=0.9, optimizer="adam")
    X, y = rows(THREE, 40)
    split = get_adapter("keras").program(start(given), given, Table(X[:16], y[:16]))
    whole = get_adapter("keras").program(start(given), given, Table(X, y))
    for begin, end in ((0, 16), (16, 40)):
        count = end - begin
        edges = np.append(np.arange(0, count, 8), count)
        rates = np.full(len(edges) - 1, 0.01)
        if begin:
            split.take(Table(X[begin:], y[begin:]))
        split.run_epoch(BatchOrder(np.arange(count), edges), rates, begin)
        whole.run_epoch(BatchOrder(np.arange(begin, end), edges), rates, begin)
    assert equal(split.state(), whole.state())


@pytest.mark.parametrize("task", [BINARY, THREE, LABELS])
def test_shares_of_classes_that_are_whole_are_codes(task):
    X, y = rows(task)
    hard = run(plan(task, 4), X, y)
    soft = plan(task, 4, mixup=0.2)
    shares = {1: y.reshape(-1, 1), 3: np.eye(3)[y] if task is THREE else y}[task.width]
    for given in (shares.astype(float), y):  # codes are taken too
        program, losses = run(soft, X, given)
        np.testing.assert_allclose(losses, hard[1], rtol=1e-12)
    halves = np.full(shares.shape, 1.0 / (3 if task is THREE else 2))
    program = get_adapter("keras").program(start(soft), soft, Table(X, shares.astype(float)))
    program.take(Table(X, halves))
    order = next(iter(orders(soft, len(X), 1, 50)))
    z = program.forward(X)
    logs = -np.logaddexp(0, -z), -np.logaddexp(0, z)
    expected = -(logs[0] + logs[1]).mean() / 2
    if task is THREE:
        expected = -(z - np.log(np.exp(z).sum(1, keepdims=True))).mean()
    assert program.run_epoch(*order)[0] == pytest.approx(expected, rel=1e-9)


def fourth(outputs, targets):
    import keras

    return keras.ops.sum((outputs - targets) ** 4, axis=1)


def test_a_loss_of_the_users_own():
    X, y = rows(TWO)
    given = plan(TWO, 4, loss=fourth, optimizer="sgd", learning_rate=1e-15)
    program, losses = run(given, X, y, epochs=1, batch=50)
    z = program.forward(X)
    expected = ((z - y) ** 4).sum(axis=1)
    assert losses[0] == pytest.approx(expected.mean(), rel=1e-9)
    np.testing.assert_allclose(program.row_losses(z, y), expected, rtol=1e-9)


def test_a_loss_of_one_number_has_no_weights_of_rows():
    def mean(outputs, targets):
        import keras

        return keras.ops.mean((outputs - targets) ** 2)

    X, y = rows(TWO)
    given = plan(TWO, 4, loss=mean, learning_rate=1e-15)
    program, losses = run(given, X, y, epochs=1, batch=30)
    parts = [
        ((program.forward(X) - y) ** 2)[order.rows[p]]
        for order, _, _ in orders(given, 50, 1, 30)
        for p in order.bounds
    ]
    np.testing.assert_allclose(losses, [part.mean() for part in parts], rtol=1e-9)
    with pytest.raises(CapabilityError, match="one number for the batch"):
        get_adapter("keras").program(start(given), given, Table(X, y, np.ones(50)))


@pytest.mark.never(["keras-torch"], raises=CapabilityError, reason="torch is not compiled there")
@pytest.mark.parametrize("model", [DROPOUT, MLP(hidden=(9,))])
@pytest.mark.parametrize("training", [{}, ALL])
def test_compiled_or_not_is_the_same(model, training):
    X, y = rows(THREE, 45)
    auto = run(plan(THREE, 4, MLP(hidden=(9,)), **training), X, y, batch=8)[1]
    given = plan(THREE, 4, model, **training, compile=True)
    program, losses = run(given, X, y, batch=8)
    if model is not DROPOUT:
        np.testing.assert_allclose(losses, auto, rtol=1e-9)
    parts = get_adapter("keras").program(start(given), given, Table(X, y))
    for order, rates, seed in orders(given, len(X), 3, 8):
        parts.run_epoch(order.part(0, 1), rates[:1], seed)
        parts.run_epoch(order.part(1, order.updates), rates[1:], None)
    assert equal(program.state(), parts.state())


@pytest.mark.never(["keras-jax"], raises=CapabilityError, reason="JAX compiles all it runs")
def test_the_compiler_can_be_left_out():
    given = plan(THREE, 4, compile=False)
    assert run(given, *rows(THREE))[1][-1] < 2


@pytest.mark.parametrize(("precision", "instead"), [("fp16", "bf16"), ("tf32", "float32")])
def test_what_a_cpu_has_not_is_refused_with_what_it_has(precision, instead):
    given = plan(THREE, 4, MLP(hidden=(8,)), "float32", precision=precision)
    program = get_adapter("keras").program(start(given), given)
    assert program.forward(rows(THREE)[0]).dtype == np.float32
    with pytest.raises(CapabilityError, match=instead):
        run(given, *rows(THREE))


def test_bfloat16_is_for_steps_only():
    X, y = rows(THREE)
    exact = run(plan(THREE, 4, MLP(hidden=(8,)), "float32"), X, y)
    given = plan(THREE, 4, MLP(hidden=(8,)), "float32", precision="bf16")
    program, losses = run(given, X, y)
    assert 0 < np.abs(losses - exact[1]).max() < 0.02
    assert {value.dtype for value in program.result().values()} == {np.dtype("float32")}
    plain = get_adapter("keras").program(
        program.result(), plan(THREE, 4, MLP(hidden=(8,)), "float32")
    )
    np.testing.assert_allclose(program.forward(X), plain.forward(X), rtol=1e-5, atol=1e-6)
    assert equal(program.state(), run(given, X, y)[0].state())


@pytest.fixture
def half(monkeypatch):
    """A processor that is taken for one that computes in 16 bits."""
    from unifml.adapters.keras import program

    monkeypatch.setattr(program, "check_training", lambda plan, engine: None)


def test_in_float16_an_overflow_halves_the_scale_and_skips_the_step(half):
    X, y = rows(TWO)
    given = plan(TWO, 4, MLP(hidden=(8,)), "float32", precision="fp16", ema=0.5)
    program = get_adapter("keras").program(start(given), given, Table(X, y))
    state = program.state()
    assert state["scale"] == 2.0**15
    assert state["good"] == 0
    program.restore({**state, "scale": np.float32(2.0**40)})
    for i, (order, rates, seed) in enumerate(orders(given, len(X), 1, 50)):
        program.run_epoch(order, rates, seed)
        after = program.state()
        assert after["scale"] == 2.0**39
        assert after["step"] == i + 1
        assert all(
            np.array_equal(after[k], v) for k, v in state.items() if "/" in k and "seeds" not in k
        )
    program.restore({**state, "good": np.array(1999)})
    program.run_epoch(*next(iter(orders(given, len(X), 1, 50))))
    assert program.state()["scale"] == 2.0**16
    assert program.state()["good"] == 0


def test_the_scale_of_the_loss_changes_nothing_else(half):
    X, y = rows(THREE)
    exact = run(plan(THREE, 4, MLP(hidden=(8,)), "float32", **ALL), X, y)
    program, losses = run(
        plan(THREE, 4, MLP(hidden=(8,)), "float32", **ALL, precision="fp16"), X, y
    )
    np.testing.assert_allclose(losses, exact[1], rtol=5e-3)
    for name, value in exact[0].result().items():
        np.testing.assert_allclose(program.result()[name], value, atol=5e-3)


@pytest.mark.parametrize("name", ["Adam", "RMSprop", "Adamax", "Ftrl"])
def test_an_optimizer_of_kerass_own_steps_as_in_its_fit(name):
    import keras

    X, y = rows(TWO)
    given = plan(
        TWO,
        4,
        MLP(hidden=(6,)),
        "float32",
        optimizer=getattr(keras.optimizers, name)(0.02),
        loss="mae",
    )
    program = get_adapter("keras").program(start(given), given, Table(X, y))
    model = get_adapter("keras").build(given, start(given))
    model.compile(getattr(keras.optimizers, name)(0.02), "mae")
    for order, _, seed in orders(given, len(X), 2, 16):
        rows_ = order.rows
        program.run_epoch(order, np.full(order.updates, 0.02), seed)
        model.fit(X[rows_], y[rows_], batch_size=16, shuffle=False, verbose=0)
    found, expected = program.forward(X), keras.ops.convert_to_numpy(model(X))
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_an_optimizer_of_kerass_own_goes_on_bitwise_and_clips_by_itself():
    import keras

    X, y = rows(TWO)
    optimizer = keras.optimizers.Adam(0.05, global_clipnorm=0.1)
    given = plan(TWO, 4, MLP(hidden=(6,)), "float32", optimizer=optimizer)
    ours = plan(
        TWO, 4, MLP(hidden=(6,)), "float32", optimizer=keras.optimizers.Adam(0.05), clip_norm=0.1
    )
    straight = run(given, X, y, epochs=4)[0]
    np.testing.assert_allclose(
        run(ours, X, y, epochs=4)[0].forward(X), straight.forward(X), atol=1e-5
    )
    half = run(given, X, y, epochs=2)[0].state()
    program = get_adapter("keras").program(start(given), given, Table(X, y))
    program.restore(half)
    for order in list(orders(given, len(X), 4, 16))[2:]:
        program.run_epoch(*order)
    assert equal(program.state(), straight.state())


def test_an_optimizer_with_a_schedule_of_its_own_keeps_it():
    import keras

    X, y = rows(TWO)
    decay = keras.optimizers.schedules.ExponentialDecay(0.05, 3, 0.5)
    given = plan(TWO, 4, MLP(hidden=(6,)), "float32", optimizer=keras.optimizers.SGD(decay))
    program = get_adapter("keras").program(start(given), given, Table(X, y))
    order, _, seed = next(iter(orders(given, len(X), 1, 16)))
    program.run_epoch(order, np.full(order.updates, given.settings.learning_rate), seed)
    with pytest.raises(CapabilityError, match="schedule of its own"):
        program.run_epoch(order, np.full(order.updates, 0.1), seed)

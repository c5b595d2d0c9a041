"""The program of dense chains against the module's program, torch's autograd and closed forms."""

import threading
from dataclasses import replace

import numpy as np
import pytest

import unifml
from unifml import Training
from unifml.core.table import BatchOrder, Table
from unifml.layers import (
    ACTIVATIONS,
    Activation,
    Dense,
    Dropout,
    FeatureDense,
    Flatten,
    LayerNorm,
    LearnedActivation,
    Parallel,
    PeriodicFeatures,
    Sequential,
)
from unifml.testing.lab import (
    BINARY,
    CLASSES,
    LABELS,
    NUMBER,
    NUMBERS,
    ROWS,
    Lab,
    close,
    near,
    same_bits,
)
from unifml.training import LOSSES, SGD

pytestmark = pytest.mark.torch
TOLERANCE = {"float32": 2e-6, "float64": 1e-12}
LAYERS = (Dense(6, name="hidden"), Activation("tanh"))
NOISY = (Dense(6, name="hidden"), Activation("relu"), Dropout(0.3), Dense(5), Dropout(0.2))
CASES = [(task, loss) for task in (BINARY, CLASSES, LABELS) for loss in LOSSES["classification"]]
CASES += [(task, loss) for task in (NUMBER, NUMBERS) for loss in LOSSES["regression"]]


def lab_of(task=CLASSES, layers=LAYERS, dtype="float64", weighted=True, **training):
    adapter = unifml.get_adapter("torch")
    return Lab(adapter, task, layers, Training(epochs=2, **training), dtype, weighted)


def dense(lab):
    from unifml.adapters._torch_engine.dense.program import DenseProgram, can_run

    assert can_run(lab.plan)
    return DenseProgram(lab.start, lab.plan, lab.table)


def check_against_module(lab):
    from unifml.adapters.torch.program import NetworkProgram

    found, wanted = dense(lab), NetworkProgram(lab.start, lab.plan, lab.table)
    tolerance = TOLERANCE[lab.dtype]
    near(lab.run(found), lab.run(wanted), tolerance, "losses")
    close(found.result(), wanted.result(), tolerance, "weights")
    near(found.forward(lab.table.X), wanted.forward(lab.table.X), tolerance, "outputs")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name, dtype):
    layers = (
        Activation(name),  # on the rows themselves, which stay as they are
        *(Dense(6, name="hidden"), Activation(name), Dense(5, name="plain", bias=False)),
        *(Activation("tanh"), Activation(name)),  # behind one that needs its own output
    )
    lab = lab_of(layers=layers, dtype=dtype)
    before = lab.table.X.copy()
    check_against_module(lab)
    assert np.array_equal(lab.table.X, before)


@pytest.mark.parametrize("name", ["selu", "gelu", "smooth_clip"])
def test_learned_activations(name):
    layers = (Dense(6, name="hidden"), LearnedActivation(name), Dense(5), LearnedActivation(name))
    check_against_module(lab_of(layers=layers))


def waves(count=3, units=2, **options):
    """Columns beside features of their sines and cosines: branches, that count as one layer."""
    steps = (PeriodicFeatures(count), FeatureDense(units, **options), Activation("relu"), Flatten())
    return Parallel((Sequential(steps, name="waves"), Sequential(())), name="numbers")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "before", [(), (Activation("smooth_clip"),), (Dense(5), Activation("elu"))]
)
def test_columns_beside_their_waves(before, dtype):
    from unifml.adapters.torch.program import NetworkProgram

    lab = lab_of(
        layers=(*before, waves(), Dense(6, name="hidden"), Activation("tanh")), dtype=dtype
    )
    assert [node.layer.kind for node in dense(lab).nodes][-4:-3] == ["waves"]
    check_against_module(lab)
    loss, gradient = dense(lab).loss_and_gradient(lab.start)
    wanted = NetworkProgram(lab.start, lab.plan, lab.table).loss_and_gradient(lab.start)
    near(loss, wanted[0], TOLERANCE[dtype], "loss")
    close(gradient, wanted[1], TOLERANCE[dtype], "gradient")


def test_waves_behind_waves_in_batches_of_one_step():
    layers = (waves(), Dense(4, name="middle"), waves(2, 3).with_params(name="again"))
    check_against_module(lab_of(layers=layers))
    check_against_module(lab_of(layers=layers, accumulate=2))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("task", "loss"), CASES)
def test_losses(task, loss, dtype):
    check_against_module(lab_of(task, loss=loss, dtype=dtype))


@pytest.mark.parametrize("task", [BINARY, CLASSES, LABELS])
def test_label_smoothing_and_many_classes(task):
    check_against_module(lab_of(task, label_smoothing=0.2, weighted=False))
    check_against_module(
        lab_of(replace(task, n_classes=max(task.n_classes, 40) if task is CLASSES else 2))
    )


@pytest.mark.parametrize(
    "optimizer",
    [*unifml.training.OPTIMIZERS, SGD(momentum=0.9), SGD(momentum=0.9, nesterov=True)],
)
def test_optimizers_with_penalties(optimizer):
    decay = {"weight_decay": 0.1} if optimizer in ("adamw", "lion") else {}
    check_against_module(lab_of(optimizer=optimizer, l1=0.01, l2=0.1, **decay))


@pytest.mark.parametrize("task", [BINARY, CLASSES, LABELS])
def test_shares_of_classes_have_the_gradient_of_autograd(task):
    import torch

    lab = lab_of(task, label_smoothing=0.1)
    rng = np.random.default_rng(3)
    y = rng.uniform(size=(ROWS, task.width))
    y = y if task.width == 1 or task.multilabel else y / y.sum(1, keepdims=True)
    program = dense(lab)
    program.take(Table(lab.table.X, y, lab.table.weight))
    loss, gradient = program.loss_and_gradient(lab.start)
    w = {name: torch.tensor(value, requires_grad=True) for name, value in lab.start.items()}
    h = torch.tanh(torch.tensor(lab.table.X) @ w["hidden.kernel"] + w["hidden.bias"])
    z = h @ w["output.kernel"] + w["output.bias"]
    share = torch.tensor(y)
    if task is CLASSES:
        values = -((0.9 * share + 0.1 / 3) * z.log_softmax(1)).sum(1)
    else:
        soft = 0.9 * share + 0.05
        values = -(soft * z.sigmoid().log() + (1 - soft) * (-z).sigmoid().log()).mean(1)
    weight = torch.tensor(lab.table.weight)
    wanted = (weight * values).sum() / weight.sum()
    wanted.backward()
    near(loss, float(wanted.detach()), 1e-12, "loss")
    close(gradient, {name: value.grad.numpy() for name, value in w.items()}, 1e-12, "gradient")


def test_loss_and_gradient_are_those_of_the_module():
    from unifml.adapters.torch.program import NetworkProgram

    lab = lab_of(NUMBERS, layers=(*LAYERS, Dropout(0.5)))
    found = dense(lab).loss_and_gradient(lab.start)
    wanted = NetworkProgram(lab.start, lab.plan, lab.table).loss_and_gradient(lab.start)
    near(found[0], wanted[0], 1e-12, "loss")
    close(found[1], wanted[1], 1e-12, "gradient")


def test_rows_in_pieces_give_the_same(monkeypatch):
    from unifml.adapters._torch_engine.dense import feed, machine

    lab = lab_of(layers=NOISY)
    wanted, (loss, gradient) = dense(lab), dense(lab).loss_and_gradient(lab.start)
    losses = lab.run(wanted)
    monkeypatch.setattr(feed, "VALUES", 2 * 4 * 5)  # two batches of five rows
    monkeypatch.setattr(machine, "VALUES", 6 * 4)
    found = dense(lab)
    assert np.array_equal(lab.run(found), losses)
    same_bits(found.result(), wanted.result(), "weights")
    again = dense(lab).loss_and_gradient(lab.start)
    near(again[0], loss, 1e-12, "loss")
    close(again[1], gradient, 1e-12, "gradient")


def test_batches_of_one_step_are_one_batch():
    lab = lab_of(layers=(*LAYERS, LearnedActivation()), l2=0.1)
    rows = np.arange(ROWS)
    parts = BatchOrder(rows, np.array([0, 5, 10, 15, 21]), accumulate=3)
    whole = BatchOrder(rows, np.array([0, 15, 21]))
    found, wanted, rates = dense(lab), dense(lab), np.array([1e-2, 2e-2])
    assert found.run_epoch(parts, rates, 1).shape == (4,)
    wanted.run_epoch(whole, rates, 1)
    close(found.result(), wanted.result(), 1e-12, "weights")


def test_gradients_are_clipped_as_torch_clips_them():
    import torch

    lab = lab_of(optimizer="sgd", l1=0.01, l2=0.1, clip_norm=0.05, clip_value=0.04, weighted=False)
    _, gradient = dense(lab).loss_and_gradient(lab.start)
    for name in ("hidden.kernel", "output.kernel"):  # penalties come before
        gradient[name] += 0.1 * lab.start[name] + 0.01 * np.sign(lab.start[name])
    tensors = [torch.zeros(g.shape, dtype=torch.float64) for g in gradient.values()]
    for tensor, value in zip(tensors, gradient.values(), strict=True):
        tensor.grad = torch.tensor(value)
    torch.nn.utils.clip_grad_value_(tensors, 0.04)
    norm = torch.nn.utils.clip_grad_norm_(tensors, 0.05)
    assert norm > 0.05  # else nothing was tried
    program = dense(lab)
    program.run_epoch(BatchOrder(np.arange(ROWS), np.array([0, ROWS])), np.ones(1), 0)
    moved = {name: lab.start[name] - value for name, value in program.result().items()}
    wanted = dict(zip(gradient, (t.grad.numpy() for t in tensors), strict=True))
    close(moved, wanted, 1e-6, "what one step of rate 1 subtracts")


def test_the_average_follows_the_weights():
    lab = lab_of(layers=NOISY, ema=0.5)
    program, average = dense(lab), dict(lab.start)
    order = lab.order(0)
    for t in range(order.updates):
        program.run_epoch(order.part(t, t + 1), lab.rates(0)[t : t + 1], None if t else 3)
        keep = min(0.5, (1 + t) / (10 + t))
        now = {n: program.state()[f"weights/{n}"] for n in average}
        average = {n: keep * v + (1 - keep) * now[n] for n, v in average.items()}
    close(program.result(), average, 1e-12, "the average")
    plain = replace(lab, training=lab.training.with_params(ema=None))
    plan = plain.plan
    from unifml.adapters._torch_engine.dense.program import DenseProgram

    wanted = DenseProgram(average, plan).forward(lab.table.X)
    near(program.forward(lab.table.X), wanted, 1e-12, "outputs of the average")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_epoch_in_parts_is_the_epoch(dtype):
    lab = lab_of(layers=NOISY, dtype=dtype, accumulate=2, ema=0.9, optimizer="adamw")
    order = replace(lab.order(0), accumulate=2)
    rates = np.linspace(1e-2, 1e-3, order.updates)
    whole, parts = dense(lab), dense(lab)
    losses = whole.run_epoch(order, rates, 5)
    first = parts.run_epoch(order.part(0, 1), rates[:1], 5)
    rest = parts.run_epoch(order.part(1, order.updates), rates[1:], None)
    assert np.array_equal(np.concatenate([first, rest]), losses)
    same_bits(parts.state(), whole.state(), "states")


@pytest.mark.parametrize("optimizer", unifml.training.OPTIMIZERS)
def test_a_state_goes_on_to_the_last_bit_amid_an_epoch(optimizer):
    lab = lab_of(layers=NOISY, dtype="float32", optimizer=optimizer, ema=0.9)
    order, rates = lab.order(0), lab.rates(0)
    through, later = dense(lab), dense(lab)
    through.run_epoch(order.part(0, 2), rates[:2], 5)
    state = through.state()
    through.run_epoch(order.part(2, order.updates), rates[2:], None)
    later.restore(state)
    later.run_epoch(order.part(2, order.updates), rates[2:], None)
    same_bits(later.state(), through.state(), "states")


def test_other_rows_can_be_taken():
    lab = lab_of(dtype="float32")
    program, fresh = dense(lab), dense(lab)
    lab.run(program, 1)
    fresh.restore(program.state())
    table = lab.table
    more = Table(np.concatenate([table.X, table.X]), np.tile(table.y, 2), np.tile(table.weight, 2))
    program.take(more)
    order = BatchOrder(np.arange(2 * ROWS), np.array([0, 20, 2 * ROWS]))
    losses = program.run_epoch(order, np.full(2, 1e-2), 1)
    halves = BatchOrder(np.arange(2 * ROWS) % ROWS, order.edges)
    assert np.array_equal(losses, fresh.run_epoch(halves, np.full(2, 1e-2), 1))
    same_bits(program.result(), fresh.result(), "weights")


def test_dropout_has_its_rate_and_its_scale():
    import torch

    from unifml.adapters._torch_engine.dense.noise import Mask, Noise

    mask = Mask(torch.empty(1000, 100), 0.3, Noise([torch.Generator().manual_seed(1)]))
    values = mask.draw()
    assert set(values.unique().tolist()) == {0.0, values.max().item()}
    near(values.max().item(), 1 / 0.7, 1e-6, "what stays")
    near((values == 0).float().mean().item(), 0.3, 5 * np.sqrt(0.21 / 1e5), "the share dropped")
    columns = (values == 0).float().mean(0)
    assert columns.std() < 1.5 * np.sqrt(0.21 / 1000)  # no column hangs on another draw's


def test_threads_and_global_generators_do_not_meet():
    import torch

    lab = lab_of(layers=NOISY, dtype="float32")
    wanted = dense(lab)
    lab.run(wanted, 20)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    programs = [dense(lab) for _ in range(3)]
    threads = [threading.Thread(target=lab.run, args=(p, 20)) for p in programs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for program in programs:
        same_bits(program.state(), wanted.state(), "states of fits in threads")
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])


@pytest.mark.parametrize(
    ("layers", "training"),
    [
        ((LayerNorm(),), {}),
        ((waves(bias=False),), {}),
        ((Parallel((Dense(3), Sequential(()))),), {}),
        ((), {"compile": True}),
        ((), {"loss": lambda outputs, y: (outputs**2).mean(1)}),
    ],
)
def test_what_it_cannot_run_it_leaves(layers, training):
    from unifml.adapters._torch_engine.dense.program import can_run

    assert can_run(lab_of().plan)
    assert not can_run(lab_of(layers=(*LAYERS, *layers), **training).plan)


def test_row_losses_are_those_of_the_rule():
    from unifml.training import loss_values

    lab = lab_of(CLASSES)
    outputs = np.random.default_rng(1).normal(size=(ROWS, 3))
    wanted = loss_values("cross_entropy", outputs, lab.table.y, lab.task, "logits")
    near(dense(lab).row_losses(outputs, lab.table.y), wanted, 1e-12, "losses of rows")

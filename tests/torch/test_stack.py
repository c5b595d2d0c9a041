"""K networks at once against the same networks one by one, dropout included."""

from dataclasses import replace

import numpy as np
import pytest

import unifml
from unifml import Training
from unifml.core.adapter import Stretch
from unifml.core.seeds import Seeds
from unifml.core.table import Table
from unifml.data import batch_order
from unifml.layers import (
    Activation,
    Dense,
    Dropout,
    FeatureDense,
    Flatten,
    LearnedActivation,
    Parallel,
    PeriodicFeatures,
    Sequential,
)
from unifml.testing.lab import BINARY, CLASSES, FEATURES, LABELS, NUMBERS, Lab, near
from unifml.training import OPTIMIZERS, SGD

pytestmark = pytest.mark.torch
TOLERANCE = {"float32": 2e-6, "float64": 1e-12}
LAYERS = (
    *(Dense(6, name="hidden"), Activation("relu"), Dropout(0.3)),
    *(Dense(5, name="second"), LearnedActivation("tanh", name="bend"), Dropout(0.2)),
)
RATES = (1e-3, 1e-2, 3e-3)
BATCH = 5


class Family:
    """Three networks with rows, seeds and rates of their own."""

    def __init__(
        self, task=CLASSES, dtype="float64", rows=(21, 19, 17), each=(), layers=LAYERS, **training
    ):
        self.rows = rows
        each = each or [{"learning_rate": rate} for rate in RATES]
        adapter = unifml.get_adapter("torch")
        labs = [
            Lab(adapter, task, layers, Training(**training, **own), dtype, k != 1)
            for k, own in enumerate(each)
        ]
        rngs = [np.random.default_rng(k) for k in range(3)]
        self.plans = [replace(lab.plan, seeds=Seeds(k)) for k, lab in enumerate(labs)]
        self.tables = [
            _some_rows(lab.table, n, rng) for lab, n, rng in zip(labs, rows, rngs, strict=True)
        ]
        self.weights = [
            {n: (v + 0.1 * rng.normal(size=v.shape)).astype(dtype) for n, v in lab.start.items()}
            for lab, rng in zip(labs, rngs, strict=True)
        ]
        self.dtype = dtype

    def stack(self):
        from unifml.adapters._torch_engine.dense.stack import DenseStack, stacks

        assert stacks(self.plans, self.tables)
        return DenseStack(self.weights, self.plans, self.tables)

    def one_by_one(self):
        from unifml.adapters._torch_engine.dense.program import DenseProgram

        parts = zip(self.weights, self.plans, self.tables, strict=True)
        return [DenseProgram(*part) for part in parts]

    def stretch(self, k, epoch):
        settings = self.plans[k].settings
        order = batch_order(self.plans[k].seeds, epoch, self.rows[k], BATCH)
        order = replace(order, accumulate=settings.accumulate)
        rates = settings.rates(epoch * order.updates, order.updates, 100)
        return Stretch(order, rates, 100 * k + epoch)

    def check(self, stack, programs, epochs=((0, 1, 2), (0, 1, 2))):
        """Train the members named in each epoch in both ways, and compare all after each."""
        tolerance = TOLERANCE[self.dtype]
        for epoch, members in enumerate(epochs):
            parts = {k: self.stretch(k, epoch) for k in members}
            found = stack.run_epoch(parts)
            assert set(found) == set(members)
            for k in members:
                near(found[k], programs[k].run_epoch(*parts[k]), tolerance, f"losses of {k}")
            for member, program in zip(stack.members, programs, strict=True):
                _near_states(member, program, tolerance)


def _some_rows(table, n, rng):
    rows = rng.integers(0, len(table), n)
    X = table.X[rows] + rng.normal(size=(n, FEATURES)).astype(table.X.dtype)
    return Table(X, table.y[rows], None if table.weight is None else table.weight[rows])


def _near_states(found, wanted, tolerance):
    found, wanted = found.state(), wanted.state()
    assert set(found) == set(wanted)
    for name, value in wanted.items():
        near(found[name], value, tolerance, name)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("task", [BINARY, CLASSES, LABELS, NUMBERS])
def test_results_are_those_of_one_by_one(task, dtype):
    family = Family(task, dtype)
    stack, programs = family.stack(), family.one_by_one()
    family.check(stack, programs)
    for member, program, table in zip(stack.members, programs, family.tables, strict=True):
        near(member.forward(table.X), program.forward(table.X), TOLERANCE[dtype], "outputs")


@pytest.mark.parametrize("optimizer", [*OPTIMIZERS, SGD(momentum=0.9, nesterov=True)])
@pytest.mark.parametrize("rates", [RATES, (1e-2, 1e-2, 1e-2)])
def test_optimizers(optimizer, rates):
    family = Family(each=[{"learning_rate": rate} for rate in rates], optimizer=optimizer)
    family.check(family.stack(), family.one_by_one())


def test_everything_of_its_own():
    own = zip(RATES, (0.1, 0.2, 0.0), (0.0, 1e-3, 1e-2), (0.3, 0.0, 0.1), strict=True)
    each = [
        {"learning_rate": rate, "weight_decay": decay, "l1": l1, "l2": l2, "warmup": 3 * k}
        for k, (rate, decay, l1, l2) in enumerate(own)
    ]
    same = {"clip_norm": 0.1, "clip_value": 0.05, "accumulate": 2, "ema": 0.9}
    family = Family(each=each, optimizer="adamw", **same)
    family.check(family.stack(), family.one_by_one())


def test_columns_beside_their_waves():
    steps = (PeriodicFeatures(3), FeatureDense(2), Activation("relu"), Flatten())
    numbers = Parallel((Sequential(steps, name="waves"), Sequential(())), name="numbers")
    family = Family(layers=(Activation("smooth_clip"), numbers, *LAYERS), optimizer="adamw")
    family.check(family.stack(), family.one_by_one())


def test_a_loss_without_a_closed_form():
    family = Family(loss="focal")
    family.check(family.stack(), family.one_by_one())


def test_members_that_rest_stay_as_they_are():
    family = Family()
    epochs = ((0, 1, 2), (0, 2), (1,), (0, 1, 2), (0, 2))
    family.check(family.stack(), family.one_by_one(), epochs)


def test_members_of_unequally_many_steps():
    family = Family(rows=(21, 31, 17))
    family.check(family.stack(), family.one_by_one())


def test_equal_batches_are_not_filled_up():
    family = Family(rows=(20, 20, 20))
    family.check(family.stack(), family.one_by_one())


def test_members_go_back_to_a_state():
    family = Family()
    stack, programs = family.stack(), family.one_by_one()
    family.check(stack, programs, ((0, 1, 2),))
    kept = [member.state() for member in stack.members]
    family.check(stack, programs, ((0, 1, 2),))
    for k in (0, 2):
        stack.members[k].restore(kept[k])
        programs[k].restore(kept[k])
    family.check(stack, programs)


def test_an_epoch_in_parts_is_the_epoch():
    family = Family(dtype="float32")
    whole, parts = family.stack(), family.stack()
    stretches = {k: family.stretch(k, 0) for k in range(3)}
    losses = whole.run_epoch(stretches)
    first = parts.run_epoch(
        {k: Stretch(o.part(0, 1), r[:1], seed) for k, (o, r, seed) in stretches.items()}
    )
    rest = parts.run_epoch(
        {k: Stretch(o.part(1, o.updates), r[1:], None) for k, (o, r, _) in stretches.items()}
    )
    for k in range(3):
        assert np.array_equal(np.concatenate([first[k], rest[k]]), losses[k])
        _near_states(parts.members[k], whole.members[k], 0.0)


def test_a_member_that_diverges_leaves_the_others_alone():
    family = Family(optimizer="sgd")
    wild, calm = family.stack(), family.stack()
    parts = {k: family.stretch(k, 0) for k in range(3)}
    calm.run_epoch(parts)
    wild.run_epoch(parts | {1: parts[1]._replace(rates=np.full(len(parts[1].rates), 1e300))})
    assert not np.isfinite(wild.members[1].result()["output.kernel"]).all()
    for k in (0, 2):
        _near_states(wild.members[k], calm.members[k], 0.0)


@pytest.mark.parametrize(
    "each",
    [
        [{"optimizer": "sgd"}, {}, {}],
        [{"loss": "hinge"}, {}, {}],
        [{"ema": 0.9}, {}, {}],
        [{"clip_norm": 1.0}, {}, {}],
    ],
)
def test_what_differs_too_much_is_not_stacked(each):
    from unifml.adapters._torch_engine.dense.stack import stacks

    alike, unlike = Family(), Family(each=each)
    assert stacks(alike.plans, alike.tables)
    assert not stacks(unlike.plans, unlike.tables)
    assert not stacks(alike.plans[:1], alike.tables[:1])


def test_large_networks_are_not_stacked():
    from unifml.adapters._torch_engine.dense.stack import stacks

    family = Family()
    wide = unifml.models.MLP(hidden=(2048, 2048))
    plans = [replace(p, network=wide.network(p.task, p.signature)) for p in family.plans]
    assert not stacks(plans, family.tables)

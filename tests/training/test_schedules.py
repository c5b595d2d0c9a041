"""Schedules against those of torch, step by step."""

from __future__ import annotations

import numpy as np
import pytest

from unifml.core.task import Task
from unifml.errors import DataTypeError, ParameterError, UnknownNameError
from unifml.training import (
    SCHEDULES,
    Constant,
    Cosine,
    Exponential,
    OneCycle,
    ReduceOnPlateau,
    Step,
    Training,
)
from unifml.training.schedules import as_schedule, factors_with_warmup


def factors(schedule, total, warmup=0):
    return factors_with_warmup(schedule, warmup, np.arange(total, dtype=np.float64), total)


def by_torch(make, total, rate=1.0):
    """Return the rates of `total` steps with a scheduler of torch."""
    import torch

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
    scheduler = make(torch.optim.lr_scheduler, optimizer)
    found = [optimizer.param_groups[0]["lr"]]
    for _ in range(total - 1):  # torch's one-cycle counts its steps, and refuses one more
        optimizer.step()
        scheduler.step()
        found.append(optimizer.param_groups[0]["lr"])
    return np.array(found)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("schedule", "total", "make"),
    [
        (Cosine(), 40, lambda s, o: s.CosineAnnealingLR(o, 40)),
        (Cosine(final=0.1), 40, lambda s, o: s.CosineAnnealingLR(o, 40, eta_min=0.1)),
        (Cosine(restarts=3), 40, lambda s, o: s.CosineAnnealingWarmRestarts(o, 10)),
        (
            Cosine(0.1, restarts=2, growth=2.0),
            70,
            lambda s, o: s.CosineAnnealingWarmRestarts(o, 10, T_mult=2, eta_min=0.1),
        ),
        (Step(every=7, factor=0.5), 40, lambda s, o: s.StepLR(o, 7, gamma=0.5)),
        (Step(), 40, lambda s, o: s.StepLR(o, 12, gamma=0.1)),
        (Exponential(rate=0.9), 40, lambda s, o: s.ExponentialLR(o, 0.9)),
        (Exponential(), 40, lambda s, o: s.ExponentialLR(o, 0.01 ** (1 / 40))),
        (OneCycle(), 40, lambda s, o: s.OneCycleLR(o, 1.0, 40, cycle_momentum=False)),
        (OneCycle(), 7, lambda s, o: s.OneCycleLR(o, 1.0, 7, cycle_momentum=False)),
        (
            OneCycle(0.45, 10.0, 100.0),
            31,
            lambda s, o: s.OneCycleLR(
                o,
                1.0,
                31,
                pct_start=0.45,
                div_factor=10.0,
                final_div_factor=100.0,
                cycle_momentum=False,
            ),
        ),
    ],
    ids=lambda value: "" if callable(value) else repr(value),
)
def test_schedules_are_torchs(schedule, total, make):
    wanted = by_torch(make, total)
    np.testing.assert_allclose(factors(schedule, total), wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.torch
@pytest.mark.parametrize("warmup", [1, 5])
def test_a_warm_up_goes_before_the_schedule(warmup):
    def make(schedulers, optimizer):
        grow = schedulers.LinearLR(optimizer, 1 / warmup, 1.0, max(warmup - 1, 1))
        fall = schedulers.CosineAnnealingLR(optimizer, 40 - warmup)
        return schedulers.SequentialLR(optimizer, [grow, fall], [warmup])

    found = factors(Cosine(), 40, warmup)
    np.testing.assert_allclose(found, by_torch(make, 40), rtol=1e-9, atol=1e-12)


def test_a_warm_up_leads_to_what_the_schedule_begins_with():
    found = factors(OneCycle(), 50, 10)
    np.testing.assert_allclose(found[:10], np.arange(1, 11) / 10 / 25)
    np.testing.assert_allclose(found[10:], factors(OneCycle(), 40))


def test_training_says_rates_in_optimizer_steps():
    training = Training(learning_rate=0.5, schedule="cosine", warmup=0.1)
    settings = training.resolve({}, Task("regression"), 100)
    whole = settings.rates(0, 40, 40)
    np.testing.assert_allclose(whole, 0.5 * factors(Cosine(), 40, 4))
    parts = [settings.rates(at, 10, 40) for at in range(0, 40, 10)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("kind", SCHEDULES)
@pytest.mark.parametrize("total", [1, 2, 3, 5])
def test_short_fits_have_rates_too(kind, total):
    found = factors(as_schedule(kind), total)
    assert np.isfinite(found).all()
    assert ((found >= 0) & (found <= 1)).all()
    beyond = as_schedule(kind).factors(np.arange(total, 2 * total + 1.0), total)
    assert np.isfinite(beyond).all()


VALUES = [5, 4, 4.5, 4.2, 4.1, 4.05, 3, 3.5, 3.5, 3.5, 3.5, 3.5, 3.5, 2.99, 3, np.nan, 3, 3, 3, 3]


@pytest.mark.torch
@pytest.mark.parametrize(
    "rule",
    [
        ReduceOnPlateau(0.5, patience=2),
        ReduceOnPlateau(0.1, patience=3, min_delta=0.05, min_factor=0.02),
        ReduceOnPlateau(patience=1),
    ],
    ids=repr,
)
def test_a_plateau_is_torchs(rule):
    import torch

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    # torch counts the epochs after which it waits no longer; we those after which we cut.
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer,
        factor=rule.factor,
        patience=rule.patience - 1,
        threshold=rule.min_delta,
        threshold_mode="abs",
        min_lr=rule.min_factor,
        eps=0.0,
    )
    tracker, mirrored = rule.tracker(), rule.tracker(-1.0)
    for epoch, value in enumerate(VALUES):
        theirs.step(value)
        wanted = optimizer.param_groups[0]["lr"]
        assert tracker.update(value) == pytest.approx(wanted), epoch
        assert mirrored.update(-value) == pytest.approx(wanted), epoch
    np.testing.assert_array_equal(rule.factors(np.arange(3.0), 3), 1.0)


def test_a_tracker_goes_on_from_its_state():
    rule = ReduceOnPlateau(0.5, patience=2)
    whole, first, later = rule.tracker(), rule.tracker(), rule.tracker()
    expected = [whole.update(value) for value in VALUES]
    for cut in range(len(VALUES)):
        first = rule.tracker()
        found = [first.update(value) for value in VALUES[:cut]]
        later = rule.tracker()
        later.restore(first.state())
        assert later.factor == first.factor
        assert found + [later.update(value) for value in VALUES[cut:]] == expected
    assert Constant().tracker() is None


@pytest.mark.parametrize(
    ("value", "error", "match"),
    [
        ("cosin", UnknownNameError, "did you mean 'cosine'"),
        (0.5, DataTypeError, "a name or a Schedule"),
        (Exponential(final=0.1, rate=0.9), ParameterError, "leave one out"),
        (Exponential(final=0.0), ParameterError, "0 < final < 1"),
        (Step(every=0), ParameterError, "every is a number of steps"),
        (Step(factor=1.5), ParameterError, "0 < factor < 1"),
        (Cosine(restarts=-1), ParameterError, "restarts >= 0"),
        (Cosine(growth=0.5), ParameterError, "1 <= growth"),
        (OneCycle(pct_start=1.0), ParameterError, "pct_start < 1"),
        (ReduceOnPlateau(patience=0), ParameterError, "patience >= 1"),
    ],
)
def test_what_cannot_be_a_schedule_is_refused(value, error, match):
    with pytest.raises(error, match=match):
        as_schedule(value)

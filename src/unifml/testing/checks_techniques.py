"""Checks of what a program does besides plain steps, against closed forms."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from unifml.core.adapter import Adapter
from unifml.core.capabilities import TECHNIQUES
from unifml.core.table import BatchOrder, Table
from unifml.testing.checks_training import _lab, _with_dropout
from unifml.testing.lab import CLASSES, ROWS, TOLERANCE, Lab, close, near, same_bits
from unifml.testing.rule import Rule, check, require
from unifml.training import SGD

CHECKS: list[Rule] = []
_check = partial(check, CHECKS, needs="epochs")
RATE = 0.1


@_check()
def techniques_are_known_names(adapter: Adapter) -> None:
    """Check that no technique is claimed that nobody can ask for."""
    strange = sorted(adapter.capabilities.techniques - TECHNIQUES)
    require(not strange, f"capabilities.techniques claims {strange}, known: {sorted(TECHNIQUES)}")


@_check()
def an_epoch_may_come_in_parts(adapter: Adapter) -> None:
    """Check that an epoch in several calls, the later without a seed, is the epoch in one."""
    lab = _lab(adapter, layers=_with_dropout(adapter))
    whole, parted, order = lab.program(), lab.program(), lab.order(0)
    wanted = whole.run_epoch(order, lab.rates(0), 7)
    found, rates = [], lab.rates(0)
    for first, last, seed in ((0, 1, 7), (1, order.updates, None)):
        part = order.part(first, last)
        found.append(parted.run_epoch(part, rates[first:last], seed))
    require(np.array_equal(np.concatenate(found), wanted), "losses of an epoch in parts differ")
    same_bits(parted.result(), whole.result(), "weights after an epoch in parts")


@_check()
def other_rows_may_be_taken(adapter: Adapter) -> None:
    """Check that a program learns from other rows, of another number, when it is told to."""
    lab, few = _lab(adapter), np.arange(ROWS - 3)
    rows = lab.table
    weight = None if rows.weight is None else rows.weight[few]
    other = Table(rows.X[few], rows.y[few], weight)
    fresh, taking = adapter.program(lab.start, lab.plan, other), lab.program()
    taking.take(other)
    order = BatchOrder(few, np.array([0, 4, len(few)]))
    wanted = fresh.run_epoch(order, np.full(2, RATE), 1)
    require(
        np.array_equal(taking.run_epoch(order, np.full(2, RATE), 1), wanted),
        "losses after take() differ from those of a program made with these rows",
    )
    same_bits(taking.result(), fresh.result(), "weights after take()")


@_check()
def accumulated_batches_are_one_batch(adapter: Adapter) -> None:
    """Check that the batches of one step have the gradient of all their rows."""
    if "accumulate" in adapter.capabilities.techniques:
        lab = _asked(adapter, accumulate=2)
        rows, edges = np.arange(ROWS), np.array([0, 3, 8, 9, ROWS])
        program, wanted = lab.program(), _asked(adapter).program()
        program.run_epoch(BatchOrder(rows, edges, 2), np.full(2, RATE), 1)
        wanted.run_epoch(BatchOrder(rows, edges[::2]), np.full(2, RATE), 1)
        tolerance = TOLERANCE[lab.dtype]
        close(program.result(), wanted.result(), tolerance, "weights after accumulated batches")


@_check()
def gradients_are_clipped(adapter: Adapter) -> None:
    """Check the size of steps: their norm over all weights, and their largest entry."""
    for name, size in (("clip_norm", _norm), ("clip_value", _largest)):
        if name in adapter.capabilities.techniques:
            lab, bound = _asked(adapter, **{name: 1e-3}), 1e-3
            program = lab.program()
            program.run_epoch(_all_rows(), np.full(1, RATE), 1)
            moved = {n: program.result()[n] - lab.start[n] for n in lab.start}
            near(size(moved) / RATE, bound, 1e-6, f"size of a step under {name}={bound}")


@_check()
def weights_are_averaged(adapter: Adapter) -> None:
    """Check that the running average predicts, and that the raw weights go on."""
    if "ema" not in adapter.capabilities.techniques:
        return
    lab, plain = _asked(adapter, ema=0.9), _asked(adapter)
    program, raw, average = lab.program(), plain.program(), dict(lab.start)
    for keep in lab.plan.settings.ema_keeps(0, 3):
        for each in (program, raw):
            each.run_epoch(_all_rows(), np.full(1, RATE), 1)
        weights = raw.result()
        average = {n: keep * average[n] + (1.0 - keep) * weights[n] for n in average}
    tolerance = TOLERANCE[lab.dtype]
    close(program.result(), average, tolerance, "averaged weights after three steps")
    other = adapter.program(program.result(), plain.plan, lab.table)
    wanted = other.forward(lab.table.X)
    near(program.forward(lab.table.X), wanted, tolerance, "outputs with averaged weights")


@_check()
def targets_may_be_shares(adapter: Adapter) -> None:
    """Check that shares of one class are what its code is."""
    if "soft_targets" in adapter.capabilities.techniques:
        lab = _lab(adapter, CLASSES)
        soft = replace(lab, training=lab.training.with_params(mixup=0.5))
        shares = np.eye(CLASSES.n_classes, dtype=lab.dtype)[lab.table.y]
        rows = replace(lab.table, y=shares)
        program, wanted = adapter.program(lab.start, soft.plan, rows), lab.program()
        tolerance = TOLERANCE[lab.dtype]
        near(lab.run(program), lab.run(wanted), tolerance, "losses with shares for codes")
        close(program.result(), wanted.result(), tolerance, "weights with shares for codes")


def _asked(adapter: Adapter, **fields: Any) -> Lab:
    """Return a plain problem, stepped by plain gradients, with other training."""
    lab = _lab(adapter)
    return lab.with_training(optimizer=SGD(), **fields)


def _all_rows() -> BatchOrder:
    return BatchOrder(np.arange(ROWS), np.array([0, ROWS]))


def _norm(moved: dict[str, Any]) -> float:
    return float(np.sqrt(sum(np.sum(np.square(value)) for value in moved.values())))


def _largest(moved: dict[str, Any]) -> float:
    return float(max(np.max(np.abs(value)) for value in moved.values()))

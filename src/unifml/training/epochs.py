"""One epoch: its parts are run, its loss is averaged, the rows held out are looked at."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from unifml.core.adapter import Program, Stretch
from unifml.core.plan import Plan
from unifml.core.table import BatchOrder, FloatArray, Table
from unifml.errors import DivergedError
from unifml.training.callbacks import Calls
from unifml.training.losses import loss_values, mean_loss
from unifml.training.pace import Pace

Running = Generator[Stretch, FloatArray, Any]


class Measures(Protocol):
    """The metrics of a fit.

    Attributes
    ----------
    greater : mapping of str to (bool or None)
        By name: whether more is better; None if nobody said.
    """

    greater: Mapping[str, bool | None]

    def of(self, outputs: FloatArray, rows: Table) -> dict[str, float]:
        """Return the metrics of raw outputs for some rows."""
        ...


@dataclass
class Tally:
    """The losses of an epoch's batches, and what each batch weighs."""

    losses: list[FloatArray] = field(default_factory=list)
    weights: list[FloatArray] = field(default_factory=list)

    def add(self, losses: FloatArray, rows: Table, order: BatchOrder) -> None:
        """Take the losses of some batches of `rows`."""
        self.losses.append(np.asarray(losses, dtype=np.float64))
        self.weights.append(_batch_weights(rows.weight, order))

    @property
    def mean(self) -> float:
        """The weighted mean over all rows so far."""
        return float(np.average(np.concatenate(self.losses), weights=np.concatenate(self.weights)))

    @property
    def first(self) -> float:
        """The loss of the first batch."""
        return float(self.losses[0][0])


def run_part(
    rows: Table, order: BatchOrder, seed: int | None, pace: Pace, calls: Calls, tally: Tally
) -> Running:
    """Run a part of an epoch, in one stretch or step by step; return whether to stop."""
    if not calls.by_batch:
        tally.add((yield Stretch(order, pace.go(order.updates), seed)), rows, order)
        return False
    run = calls.run
    for step in range(order.updates):
        run.batch += 1
        stop = calls.say("on_batch_begin")
        part, rates = order.part(step, step + 1), pace.go(1)
        losses = yield Stretch(part, rates, seed)
        tally.add(losses, rows, part)
        run.logs = {"loss": float(np.mean(losses)), "learning_rate": float(rates[0])}
        if calls.say("on_batch_end") or stop:
            return True
        seed = None
    return False


def validation(
    program: Program, plan: Plan, held_out: Table | None, measures: Measures | None, seen: Any
) -> dict[str, float]:
    """Return loss and metrics of the rows held out, and metrics of the training rows.

    Parameters
    ----------
    seen : Table or None
        The training rows, where they are at hand.
    """
    record: dict[str, float] = {}
    if measures is not None and seen is not None:
        record |= measures.of(program.forward(seen.X), seen)
    if held_out is not None:
        outputs = program.forward(held_out.X)
        record["val_loss"] = row_mean(program, plan, outputs, held_out)
        found = {} if measures is None else measures.of(outputs, held_out)
        record |= {f"val_{name}": value for name, value in found.items()}
    return record


def row_mean(program: Program, plan: Plan, outputs: FloatArray, rows: Table) -> float:
    """Return the mean loss of raw outputs."""
    loss = plan.settings.loss
    if loss.kind == "custom":
        values = program.row_losses(outputs, rows.y)
    else:
        values = loss_values(loss, outputs, rows.y, plan.task, plan.output)
    return mean_loss(values, rows.weight)


def check_finite(losses: FloatArray, epoch: int, rate: float, kind: str = "") -> None:
    """Raise a `DivergedError` if a loss is NaN or infinite."""
    if np.all(np.isfinite(losses)):
        return
    step = int(np.argmin(np.isfinite(losses)))
    raise DivergedError(
        "training diverged",
        found=f"the {kind}loss was {losses[step]} in epoch {epoch + 1}"
        + ("" if kind else f", step {step + 1}"),
        rule="losses must be finite; the estimator is as it was before fit",
        fix=f"lower the learning rate: Training(learning_rate={rate / 10:g})",
    )


def _batch_weights(weight: FloatArray | None, order: BatchOrder) -> FloatArray:
    if weight is None:
        return np.diff(order.edges).astype(np.float64)
    return np.add.reduceat(weight[order.rows].astype(np.float64), order.edges[:-1])

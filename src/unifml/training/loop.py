"""The one loop: every network, every backend, an epoch at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from unifml.core.adapter import Program
from unifml.core.history import History
from unifml.core.plan import Plan
from unifml.core.table import BatchOrder, FloatArray, Table
from unifml.errors import DivergedError, ParameterError
from unifml.training.callbacks import Run
from unifml.training.early_stopping import Stopper
from unifml.training.losses import loss_values, mean_loss
from unifml.training.progress import progress

Order = Callable[[int], BatchOrder]


def run_loop(
    program: Program,
    plan: Plan,
    table: Table,
    held_out: Table | None,
    order: Order,
    *,
    epochs: int | None = None,
    first_epoch: int = 0,
    verbose: int | None = None,
) -> History:
    """Train a program epoch by epoch.

    Parameters
    ----------
    program : Program
        What computes; it holds the training rows.
    plan : Plan
        What was decided.
    table : Table
        The training rows, for their number and weights.
    held_out : Table or None
        Rows to validate on.
    order : callable
        Epoch (from 0) to `BatchOrder`.
    epochs : int or None
        Epochs to run; None takes the settings'.
    first_epoch : int
        Epochs that were run before, in earlier calls.
    verbose : int or None
        See `unifml.training.progress.progress`.

    Returns
    -------
    History
        The program is left at the weights to keep.

    Raises
    ------
    DivergedError
        When a loss is NaN or infinite.
    """
    settings = plan.settings
    epochs = settings.epochs if epochs is None else epochs
    history, run, keeper = History(), Run(epochs), _Keeper(program, plan, held_out)
    for callback in settings.callbacks:
        callback.on_fit_begin(run)
    with progress(epochs, "training", verbose) as bar:
        for epoch in range(first_epoch, first_epoch + epochs):
            record = _epoch(program, plan, table, held_out, order(epoch), epoch, history)
            run.epoch, run.logs = epoch + 1, dict(record)
            bar.advance(" ".join(f"{k}={v:.4g}" for k, v in record.items() if k != "seconds"))
            wishes = [bool(callback.on_epoch_end(run)) for callback in settings.callbacks]
            if keeper.spent(epoch + 1, record) or any(wishes):
                break
    history.best_epoch = keeper.finish()
    for callback in settings.callbacks:
        callback.on_fit_end(run)
    return history


def _epoch(
    program: Program,
    plan: Plan,
    table: Table,
    held_out: Table | None,
    order: BatchOrder,
    epoch: int,
    history: History,
) -> dict[str, float]:
    started = time.perf_counter()
    settings, first_step = plan.settings, epoch * order.steps
    rates = settings.rates(first_step, order.steps, settings.epochs * order.steps)
    losses = program.run_epoch(order, rates, plan.seeds.integer("dropout", epoch))
    _check_finite(losses, epoch, settings.learning_rate)
    if epoch == 0:
        history.initial_loss = float(losses[0])
    record = {"loss": float(np.average(losses, weights=_batch_weights(table.weight, order)))}
    if held_out is not None:
        record["val_loss"] = validation_loss(program, plan, held_out)
        _check_finite(np.array([record["val_loss"]]), epoch, settings.learning_rate, "validation ")
    record |= {"learning_rate": float(rates[-1]), "seconds": time.perf_counter() - started}
    history.records.append(record)
    return record


def validation_loss(program: Program, plan: Plan, rows: Table) -> float:
    """Return the mean loss on `rows`, in inference mode."""
    outputs = program.forward(rows.X)
    values = loss_values(plan.settings.loss, outputs, rows.y, plan.task, plan.output)
    return mean_loss(values, rows.weight)


def _batch_weights(weight: FloatArray | None, order: BatchOrder) -> FloatArray:
    if weight is None:
        return np.diff(order.edges).astype(np.float64)
    return np.add.reduceat(weight[order.rows].astype(np.float64), order.edges[:-1])


def _check_finite(losses: FloatArray, epoch: int, rate: float, kind: str = "") -> None:
    if not np.all(np.isfinite(losses)):
        step = int(np.argmin(np.isfinite(losses)))
        raise DivergedError(
            "training diverged",
            found=f"the {kind}loss was {losses[step]} in epoch {epoch + 1}"
            + ("" if kind else f", step {step + 1}"),
            rule="losses must be finite; the estimator is as it was before fit",
            fix=f"lower the learning rate: Training(learning_rate={rate / 10:g})",
        )


class _Keeper:
    """Keeps the best state, and says when patience is at an end."""

    def __init__(self, program: Program, plan: Plan, held_out: Table | None) -> None:
        rule = plan.settings.early_stopping
        if rule is not None and rule.monitor == "val_loss" and held_out is None:
            raise ParameterError(
                "early stopping on 'val_loss'",
                found="no rows to validate on",
                fix="pass X_val and y_val, or Training(validation=0.1)",
            )
        self.program, self.rule = program, rule
        self.stopper = Stopper(rule) if rule else None
        self.best: Mapping[str, Any] | None = None

    def spent(self, epoch: int, record: Mapping[str, float]) -> bool:
        if self.stopper is None or self.rule is None:
            return False
        if self.stopper.improved(epoch, record[self.rule.monitor]) and self.rule.restore_best:
            self.best = self.program.state()
        return self.stopper.spent(epoch)

    def finish(self) -> int | None:
        if self.best is not None:
            self.program.restore(self.best)
        return self.stopper.best_epoch if self.stopper else None

"""One fit, from rows that passed the gate to the fitted state."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.adapter import Adapter, Program, Weights
from unifml.core.fitted import Fitted, Scaling, body_weights, network_input
from unifml.core.history import History
from unifml.core.inputs import mapped
from unifml.core.plan import Plan
from unifml.core.table import BatchOrder, Table
from unifml.data import Moments, batch_order, input_moments, with_bins
from unifml.errors import DivergedError
from unifml.training.exact import solve
from unifml.training.loop import run_loop
from unifml.training.outputs import check_outputs
from unifml.training.start import start_weights

_LOOK = 32  # rows on which a native model's claim is checked


def fit_network(
    adapter: Adapter,
    plan: Plan,
    table: Table,
    held_out: Table | None,
    *,
    scales_target: bool,
    verbose: int | None,
) -> tuple[Fitted, History]:
    """Fit a network of ours, from initial weights drawn in NumPy.

    Parameters
    ----------
    table, held_out : Table
        Rows to learn from, and to validate on; targets as the user gave them.
    scales_target : bool
        Whether the targets of a regression are standardised for the network.
    """
    start = first_weights(plan, table)
    target = target_scaling(plan, table) if scales_target else None
    ready = prepared(plan, start, target, table)
    program = adapter.program(body_weights(plan, start), plan, ready)
    if plan.procedure == "exact":
        learned, history = solve(program, plan, start, ready)
    else:
        if held_out is not None:
            held_out = prepared(plan, start, target, held_out)
        history = _train(program, plan, ready, held_out, verbose)
        learned = program.result()
    weights = {**start, **learned}
    check_weights_finite(weights, plan)
    return Fitted(plan, adapter.name, weights=weights, target=target), history


def fit_native_network(
    adapter: Adapter,
    plan: Plan,
    native: Any,
    table: Table,
    held_out: Table | None,
    *,
    verbose: int | None,
) -> tuple[Fitted, History]:
    """Train a native network of the user in the same loop."""
    ready = prepared(plan, None, None, table)
    program = adapter.program(native, plan, ready)
    look = mapped(lambda part: part[:_LOOK], ready.X)
    check_outputs(program.forward(look), plan.task, plan.output)
    if held_out is not None:
        held_out = prepared(plan, None, None, held_out)
    history = _train(program, plan, ready, held_out, verbose)
    return Fitted(plan, adapter.name, native=program.result()), history


def fit_estimator(
    adapter: Adapter,
    plan: Plan,
    native: Any,
    table: Table,
    held_out: Table | None,
    *,
    verbose: int | None,
) -> tuple[Fitted, History]:
    """Fit an estimator of a library by its own ``fit``, or in steps through the one loop."""
    program = adapter.program(native, plan, table)
    if plan.procedure == "native":
        program.fit()
        return Fitted(plan, adapter.name, native=program.result()), History()
    history = _train(program, plan, table, held_out, verbose)
    return Fitted(plan, adapter.name, native=program.result()), history


def first_weights(plan: Plan, rows: Table) -> dict[str, npt.NDArray[Any]]:
    """Return what a fit starts from: weights drawn, statistics computed from the rows."""
    scalings = {name: moments.scaling() for name, moments in input_moments(plan, rows).items()}
    return with_bins(plan, start_weights(plan, scalings), rows)


def refit_plan(plan: Plan, history: History) -> Plan | None:
    """Return the plan to train again on all rows for the epochs found, if that was asked for."""
    settings = plan.settings
    if not settings.refit or not history.best_epoch:
        return None
    again = replace(settings, epochs=history.best_epoch, early_stopping=None, validation=None)
    return replace(plan, settings=again)


def target_scaling(plan: Plan, table: Table) -> Scaling | None:
    """Return mean and standard deviation of the targets of a regression."""
    if plan.task.kind != "regression":
        return None
    return target_moments(plan, table).scaling()


def target_moments(plan: Plan, rows: Table) -> Moments:
    """Return the moments of each target; of inputs as targets, those of each feature anywhere."""
    if not plan.task.of_inputs:
        return Moments.of(_columns(rows.y), rows.weight)
    shape = plan.signature.input_shape
    found = Moments.of_features(rows.y.reshape(-1, *shape), rows.weight)
    places = prod(shape[:-1])
    return Moments(found.total, np.tile(found.mean, places), np.tile(found.squares, places))


def prepared(plan: Plan, weights: Weights | None, target: Scaling | None, rows: Table) -> Table:
    """Return rows as programs take them: standardised, in the dtype to compute in."""
    dtype = plan.signature.dtype
    y = rows.y
    if plan.task.kind == "regression":
        y = _columns(y) if target is None else target.apply(_columns(y))
        y = np.ascontiguousarray(y, dtype=dtype)
    weight = None
    if rows.weight is not None:  # a weight too small for the dtype stays a weight
        weight = np.maximum(rows.weight, np.finfo(dtype).tiny).astype(dtype)
    return Table(network_input(plan, weights, rows.X), y, weight)


def orders(plan: Plan, n_rows: int) -> partial[BatchOrder]:
    """Return the batch order as a function of the epoch."""
    return partial(_order, plan, n_rows)


def check_weights_finite(weights: Weights, plan: Plan) -> None:
    """Raise if the last step left weights that are not numbers."""
    if not all(np.all(np.isfinite(value)) for value in weights.values()):
        slower = plan.settings.learning_rate / 10
        raise DivergedError(
            "training diverged",
            found="weights are NaN or infinite after the last step",
            fix=f"lower the learning rate: Training(learning_rate={slower:g})",
        )


def _train(
    program: Program, plan: Plan, rows: Table, held_out: Table | None, verbose: int | None
) -> History:
    return run_loop(program, plan, rows, held_out, orders(plan, len(rows)), verbose=verbose)


def _order(plan: Plan, n_rows: int, epoch: int) -> BatchOrder:
    return batch_order(plan.seeds, epoch, n_rows, min(plan.settings.batch_size, n_rows))


def _columns(y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return y.reshape(len(y), -1)

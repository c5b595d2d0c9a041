"""One fit, from rows that passed the gate to the fitted state.

Each of these is a generator of `unifml.training.job.Job`: whoever drives it runs the jobs, and
may run those of several fits at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.adapter import Adapter, Program, Weights
from unifml.core.fitted import Fitted, Scaling, body_weights, network_input
from unifml.core.history import History
from unifml.core.inputs import mapped
from unifml.core.plan import Plan
from unifml.core.table import Table
from unifml.data import Moments, input_quartiles, with_bins
from unifml.errors import DivergedError
from unifml.estimators.given import Given, Held, columns
from unifml.estimators.members import run_members
from unifml.estimators.watch import loop_options
from unifml.training.exact import solve
from unifml.training.job import Job, Steps
from unifml.training.outputs import check_outputs
from unifml.training.source import Source
from unifml.training.start import start_weights

_LOOK = 32  # rows on which a native model's claim is checked


def fit_network(
    adapter: Adapter, plan: Plan, given: Given, held_out: Table | None, verbose: int | None
) -> Steps[tuple[Fitted, History]]:
    """Fit a network of ours, from initial weights drawn in NumPy.

    Parameters
    ----------
    given : Held or Flowing
        Rows to learn from, targets as the user gave them.
    held_out : Table
        Rows to validate on.
    """
    plan.settings.loss.check_targets(given.sample.y)
    start = first_weights(plan, given.sample, given.moments(plan))
    target = given.target(plan).scaling() if plan.scales_target else None
    prepare = partial(prepared, plan, start, target)
    held_out = None if held_out is None else prepare(held_out)
    if plan.procedure == "exact":
        ready = prepare(given.sample)
        program = adapter.program(body_weights(plan, start), plan, ready)
        learned, history = solve(program, plan, start, ready)
    else:
        source = given.source(plan, prepare)
        job = network_job(adapter, plan, start, source, held_out, target, verbose)
        learned, history = yield from run_members(job, start)
    weights = {**start, **learned}
    check_weights_finite(weights, plan)
    bounds = given.bounds() if plan.clips_target else None
    return Fitted(plan, adapter.name, weights=weights, target=target, bounds=bounds), history


def network_job(
    adapter: Adapter,
    plan: Plan,
    start: Weights,
    source: Source,
    held_out: Table | None,
    target: Scaling | None,
    verbose: int | None,
) -> Job:
    """Return the training of a network of ours, on rows that are prepared."""

    def build(program: Program) -> Any:
        return adapter.build(plan, {**start, **program.result()})

    options = loop_options(adapter, plan, source.first, held_out, target) | {"verbose": verbose}
    weights = body_weights(plan, start)
    return Job(adapter, weights, plan, source, held_out, options | {"build": build})


def fit_native_network(
    adapter: Adapter,
    plan: Plan,
    native: Any,
    given: Given,
    held_out: Table | None,
    verbose: int | None,
) -> Steps[tuple[Fitted, History]]:
    """Train a native network of the user in the same loop."""
    prepare = partial(prepared, plan, None, None)
    source = given.source(plan, prepare)
    look = mapped(lambda part: part[:_LOOK], source.first.X)
    held_out = None if held_out is None else prepare(held_out)
    options = loop_options(adapter, plan, source.first, held_out, None) | {"verbose": verbose}
    options["build"] = _own_model
    job = Job(adapter, native, plan, source, held_out, options)
    job.look = lambda program: check_outputs(program.forward(look), plan.task, plan.output)
    ((program, history),) = yield [job]
    return Fitted(plan, adapter.name, native=program.result()), history


def fit_estimator(
    adapter: Adapter,
    plan: Plan,
    native: Any,
    table: Table,
    held_out: Table | None,
    verbose: int | None,
) -> Steps[tuple[Fitted, History]]:
    """Fit an estimator of a library by its own ``fit``, or in steps through the one loop."""
    if plan.procedure == "native":
        program = adapter.program(native, plan, table)
        program.fit()
        return Fitted(plan, adapter.name, native=program.result()), History()
    options = loop_options(adapter, plan, table, held_out, None) | {"verbose": verbose}
    options["build"] = _own_model
    source = Held(table).source(plan, lambda rows: rows)
    ((program, history),) = yield [Job(adapter, native, plan, source, held_out, options)]
    return Fitted(plan, adapter.name, native=program.result()), history


def first_weights(
    plan: Plan, rows: Table, moments: Mapping[str, Moments]
) -> dict[str, npt.NDArray[Any]]:
    """Return what a fit starts from: weights drawn, statistics computed from the rows."""
    scalings = {name: own.scaling() for name, own in moments.items()} | input_quartiles(plan, rows)
    return with_bins(plan, start_weights(plan, scalings), rows)


def refit_plan(plan: Plan, history: History) -> Plan | None:
    """Return the plan to train again on all rows for the epochs found, if that was asked for."""
    settings = plan.settings
    if not settings.refit or not history.best_epoch:
        return None
    again = replace(settings, epochs=history.best_epoch, early_stopping=None, validation=None)
    return replace(plan, settings=again)


def prepared(plan: Plan, weights: Weights | None, target: Scaling | None, rows: Table) -> Table:
    """Return rows as programs take them: standardised, in the dtype to compute in."""
    dtype = plan.signature.dtype
    y = rows.y
    if plan.task.kind == "regression":
        y = columns(y) if target is None else target.apply(columns(y))
        y = np.ascontiguousarray(y, dtype=dtype)
    weight = None
    if rows.weight is not None:  # a weight too small for the dtype stays a weight
        weight = np.maximum(rows.weight, np.finfo(dtype).tiny).astype(dtype)
    return Table(network_input(plan, weights, rows.X), y, weight)


def check_weights_finite(weights: Weights, plan: Plan) -> None:
    """Raise if the last step left weights that are not numbers."""
    if not all(np.all(np.isfinite(value)) for value in weights.values()):
        slower = plan.settings.learning_rate / 10
        raise DivergedError(
            "training diverged",
            found="weights are NaN or infinite after the last step",
            fix=f"lower the learning rate: Training(learning_rate={slower:g})",
        )


def _own_model(program: Program) -> Any:
    """Return a native model as it is trained."""
    return program.result()

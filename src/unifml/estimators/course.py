"""The course of a fit, whatever the model is: plan, hold out, run, run again on all rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from unifml.core.fitted import Fitted
from unifml.core.history import History
from unifml.core.plan import Plan
from unifml.core.table import Table
from unifml.core.task import Task
from unifml.data import check_changes, hold_out, present
from unifml.data.streams import Survey, is_lazy
from unifml.data.weights import keep_positive
from unifml.errors import CapabilityError, DataError
from unifml.estimators import session
from unifml.estimators.given import Flowing, Held, Lazy
from unifml.estimators.planning import Choices, plan_model, plan_native, plan_untouched
from unifml.models import Native
from unifml.training import EarlyStopping
from unifml.training.job import Steps

Course = Steps[tuple[Fitted, History]]


def fit_rows(
    choices: Choices,
    task: Task,
    rows: Table,
    held_out: Table | None,
    groups: Any = None,
    **names: Any,
) -> Course:
    """Fit on rows that passed the gate.

    Parameters
    ----------
    choices : Choices
        The resolved parameters.
    task : Task
        What is learned.
    rows, held_out : Table
        Rows to learn from, and those to validate on if the user gave some; classes as codes.
    groups : array-like or None
        What rows belong together, for a splitter by groups.
    **names
        ``feature_names`` and ``classes``.
    """
    rows, groups = _present(rows, groups)
    if len(rows) < 2:
        raise DataError(
            "fitting",
            found=f"{len(rows)} sample(s) of positive weight",
            rule="a minimum of 2 is required",
        )
    choices = choices.settled(task, rows.X)
    if isinstance(choices.model, Native) and choices.adapter.capabilities.untouched:
        return (
            yield from fit_untouched(choices, task, rows, held_out, names.get("classes"), groups)
        )
    plan, native = _plan(choices, task, rows, names)
    return (yield from _run_twice(choices, plan, native, rows, held_out, groups))


def fit_stream(
    choices: Choices, task: Task, given: Flowing, held_out: Table | None, **names: Any
) -> Course:
    """Fit on the batches of a stream.

    Parameters
    ----------
    given : Flowing
        The stream, and what a first pass over it found.
    held_out : Table or None
        Rows to validate on.
    **names
        ``feature_names`` and ``classes``.
    """
    choices = choices.settled(task, given.sample.X)
    native_only = isinstance(choices.model, Native) and choices.adapter.capabilities.untouched
    plan, native = _plan(choices, task, given.sample, names, given.found)
    if native_only or plan.procedure != "epochs":
        raise CapabilityError(
            f"{choices.model!r} on a {given.batches.name}",
            rule="streams are learned from by networks, epoch by epoch",
            fix="call partial_fit with each batch, or pass arrays",
        )
    if native is None:
        return (
            yield from session.fit_network(choices.adapter, plan, given, held_out, choices.verbose)
        )
    return (
        yield from session.fit_native_network(
            choices.adapter, plan, native, given, held_out, choices.verbose
        )
    )


def refuse_on_stream(choices: Choices, name: str, *, validated: bool) -> None:
    """Raise, before a stream is walked, where rows would be held out of it or drawn from it.

    Parameters
    ----------
    name : str
        What the stream is called.
    validated : bool
        Whether the user gave rows to validate on.
    """
    training = choices.training
    stopping = training.early_stopping
    watches = stopping is True or (isinstance(stopping, EarlyStopping) and stopping.needs_rows)
    asked = {
        "validation": (training.validation is not None or watches) and not validated,
        "sampling": training.sampling is not None,
        "batch_size": training.batch_size is not None,
        "refit": bool(training.refit),
    }
    for word in (word for word, wanted in asked.items() if wanted):
        raise CapabilityError(
            f"{word} with a {name}",
            rule="a stream comes in batches and in an order of its own",
            fix="pass X_val and y_val" if word == "validation" else f"leave {word} out",
        )


def fit_untouched(
    choices: Choices,
    task: Task,
    rows: Table,
    held_out: Table | None,
    classes: Any = None,
    groups: Any = None,
) -> Course:
    """Fit an estimator that rules by its own tags.

    With `classes` the targets are codes, which it gets as labels; else it gets them as they are.
    """
    plan, native = plan_untouched(choices, task, rows.X, classes=classes)
    return (yield from _run_twice(choices, plan, native, rows, held_out, groups))


def _run_twice(
    choices: Choices, plan: Plan, native: Any, rows: Table, held_out: Table | None, groups: Any
) -> Course:
    kept, held_out = _split(plan, rows, held_out, groups)
    fitted, history = yield from _run(choices, plan, native, kept, held_out)
    again = session.refit_plan(plan, history)
    if again is None:
        return fitted, history
    native = None if native is None else choices.adapter.build(again)
    fitted, refitted = yield from _run(choices, again, native, rows, None)
    return fitted, replace(history, initial_loss=refitted.initial_loss)


def _plan(
    choices: Choices, task: Task, rows: Table, names: Any, found: Survey | None = None
) -> tuple[Plan, Any]:
    """Plan for rows, of which there are more than these where a survey says so."""
    if isinstance(choices.model, Native):
        plan, native = plan_native(choices, task, rows.X, **names)
        check_changes(plan)
        return plan, native
    total = float(len(rows) if rows.weight is None else rows.weight.sum())
    more: dict[str, Any] = {}
    if found is not None:
        total, more = found.total_weight, {"n_rows": found.rows, "levels": found.levels}
    plan = plan_model(choices, task, rows.X, total, **names, **more)
    check_changes(plan)
    native = choices.adapter.build(plan) if plan.procedure == "native" else None
    return plan, native


def _present(rows: Table, groups: Any) -> tuple[Table, Any]:
    """Return the rows of positive weight, and their groups."""
    kept = None if groups is None else keep_positive(rows.weight)
    return present(rows), groups if kept is None else np.asarray(groups)[kept]


def _split(
    plan: Plan, rows: Table, held_out: Table | None, groups: Any
) -> tuple[Table, Table | None]:
    if plan.procedure != "epochs":
        if held_out is not None:
            raise _nothing_to_validate(plan)
        return rows, None
    if held_out is not None:
        return rows, held_out
    stopping, rule = plan.settings.early_stopping, plan.settings.validation
    if rule is None and stopping is not None and stopping.needs_rows:
        rule = stopping.validation
    strata = rows.y if plan.classes is not None else None
    return hold_out(rows, rule, plan.seeds, strata, groups)


def _given(choices: Choices, rows: Table) -> Held:
    return Lazy(rows, choices.seeds, choices.drawing) if is_lazy(rows.X) else Held(rows)


def _nothing_to_validate(plan: Plan) -> CapabilityError:
    return CapabilityError(
        f"X_val for {plan.model!r}",
        found="it is fitted at once, not epoch by epoch",
        rule="rows are validated on after each epoch",
        fix="leave X_val and y_val out",
    )


def _run(choices: Choices, plan: Plan, native: Any, rows: Table, held_out: Table | None) -> Course:
    adapter, verbose = choices.adapter, choices.verbose
    if native is None:
        given = _given(choices, rows)
        return (yield from session.fit_network(adapter, plan, given, held_out, verbose))
    if plan.procedure != "native" and not adapter.capabilities.untouched:
        given = _given(choices, rows)
        return (
            yield from session.fit_native_network(adapter, plan, native, given, held_out, verbose)
        )
    # A library's estimator gets the user's own labels.
    labels = rows.y if plan.classes is None else plan.classes[rows.y]
    rows = replace(rows, y=labels)
    if plan.translation is not None:
        rows = replace(rows, X=rows.X.astype(plan.signature.dtype, copy=False))
    return (yield from session.fit_estimator(adapter, plan, native, rows, held_out, verbose))

"""The course of a fit, whatever the model is: plan, hold out, run, run again on all rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from unifml.core.fitted import Fitted
from unifml.core.history import History
from unifml.core.plan import Plan
from unifml.core.table import Table
from unifml.core.task import Task
from unifml.data import hold_out, present
from unifml.errors import CapabilityError, DataError
from unifml.estimators import session
from unifml.estimators.planning import Choices, plan_model, plan_native, plan_untouched
from unifml.models import Model, Native

Course = tuple[Fitted, History]


def fit_rows(
    choices: Choices, task: Task, rows: Table, held_out: Table | None, **names: Any
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
    **names
        ``feature_names`` and ``classes``.
    """
    rows = present(rows)
    if len(rows) < 2:
        raise DataError(
            "fitting",
            found=f"{len(rows)} sample(s) of positive weight",
            rule="a minimum of 2 is required",
        )
    choices = choices.settled(task, rows.X)
    if isinstance(choices.model, Native) and choices.adapter.capabilities.untouched:
        return fit_untouched(choices, task, rows, held_out, names.get("classes"))
    plan, native = _plan(choices, task, rows, names)
    return _run_twice(choices, plan, native, rows, held_out)


def fit_untouched(
    choices: Choices, task: Task, rows: Table, held_out: Table | None, classes: Any = None
) -> Course:
    """Fit an estimator that rules by its own tags.

    With `classes` the targets are codes, which it gets as labels; else it gets them as they are.
    """
    plan, native = plan_untouched(choices, task, rows.X, classes=classes)
    return _run_twice(choices, plan, native, rows, held_out)


def _run_twice(
    choices: Choices, plan: Plan, native: Any, rows: Table, held_out: Table | None
) -> Course:
    kept, held_out = _split(plan, rows, held_out)
    fitted, history = _run(choices, plan, native, kept, held_out)
    again = session.refit_plan(plan, history)
    if again is None:
        return fitted, history
    native = None if native is None else choices.adapter.build(again)
    fitted, refitted = _run(choices, again, native, rows, None)
    return fitted, replace(history, initial_loss=refitted.initial_loss)


def _plan(choices: Choices, task: Task, rows: Table, names: Any) -> tuple[Plan, Any]:
    if isinstance(choices.model, Native):
        return plan_native(choices, task, rows.X, **names)
    total = float(len(rows) if rows.weight is None else rows.weight.sum())
    plan = plan_model(choices, task, rows.X, total, **names)
    native = choices.adapter.build(plan) if plan.procedure == "native" else None
    return plan, native


def _split(plan: Plan, rows: Table, held_out: Table | None) -> tuple[Table, Table | None]:
    if plan.procedure != "epochs":
        if held_out is not None:
            raise _nothing_to_validate(plan)
        return rows, None
    if held_out is not None:
        return rows, held_out
    stopping, rule = plan.settings.early_stopping, plan.settings.validation
    if rule is None and stopping is not None and stopping.monitor == "val_loss":
        rule = stopping.validation
    strata = rows.y if plan.classes is not None else None
    return hold_out(rows, rule, plan.seeds, strata)


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
        assert isinstance(choices.model, Model)
        scales = choices.model.scales_target
        return session.fit_network(
            adapter, plan, rows, held_out, scales_target=scales, verbose=verbose
        )
    if plan.procedure != "native" and not adapter.capabilities.untouched:
        return session.fit_native_network(adapter, plan, native, rows, held_out, verbose=verbose)
    # A library's estimator gets the user's own labels.
    labels = rows.y if plan.classes is None else plan.classes[rows.y]
    rows = replace(rows, y=labels)
    if plan.translation is not None:
        rows = replace(rows, X=rows.X.astype(plan.signature.dtype, copy=False))
    return session.fit_estimator(adapter, plan, native, rows, held_out, verbose=verbose)

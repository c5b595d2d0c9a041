"""Learning in steps: one more epoch on the rows given, from where the last call stopped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from unifml.core.adapter import Program
from unifml.core.fitted import Fitted, Scaling, body_weights
from unifml.core.history import History
from unifml.core.plan import Plan
from unifml.core.table import Table
from unifml.data import Moments, input_moments, input_quartiles, present, with_bins
from unifml.errors import CapabilityError, ParameterError
from unifml.estimators import session
from unifml.estimators.given import Bounds, Held, target_moments
from unifml.estimators.planning import Choices, plan_model, plan_native
from unifml.estimators.watch import loop_options
from unifml.models import Model, Native
from unifml.training.loop import Loop, drive
from unifml.training.start import standardize_weights, start_weights

_WHOLE_FITS = ("validation", "early_stopping", "refit", "checkpoint")
_MOMENTS = ("total", "mean", "squares")


def step_network(
    choices: Choices, fitted: Fitted | None, rows: Table, **facts: Any
) -> tuple[Fitted, History]:
    """Run one epoch on `rows`.

    The statistics of inputs and targets grow with every call, as scikit-learn's ``StandardScaler``
    does in ``partial_fit``; the optimizer's memory and the seed's streams go on.

    Parameters
    ----------
    choices : Choices
        The resolved parameters.
    fitted : Fitted or None
        The state of the calls before; None at the first.
    rows : Table
        Rows that passed the gate.
    **facts
        ``task``, ``feature_names`` and ``classes``, for the first call.
    """
    rows = present(rows)
    past = dict(fitted.memory or {}) if fitted else {}
    native = None
    if fitted is None:
        plan, native = _first_plan(choices, rows, **facts)
    else:
        plan = _next_plan(choices, fitted, rows)
    _refuse_held_out(plan)
    grown = {f"x.{k}": _joined(past, f"x.{k}", v) for k, v in input_moments(plan, rows).items()}
    target = _joined(past, "y", target_moments(plan, rows)) if plan.scales_target else None
    grown |= {} if target is None else {"y": target}
    scalings = {k[2:]: moments.scaling() for k, moments in grown.items() if k[:2] == "x."}
    start = _start(choices, plan, fitted, native, scalings, rows)
    scaling = None if target is None else target.scaling()
    ready = session.prepared(plan, start if plan.network else None, scaling, rows)
    source = body_weights(plan, start) if plan.network else start
    program = choices.adapter.program(source, plan, ready)
    epoch = _restore(program, past)
    options = loop_options(choices.adapter, plan, ready, None, scaling)
    options |= {"epochs": 1, "first_epoch": epoch, "verbose": 0}
    source = Held(ready).source(plan, lambda rows: rows)
    history = drive(Loop(plan, source, **options), program)
    memory: dict[str, Any] = {f"program/{k}": v for k, v in program.state().items()}
    memory |= _remembered(grown) | {"epoch": epoch + 1}
    if plan.network is None:
        state = Fitted(plan, choices.adapter.name, native=program.result(), memory=memory)
    else:
        weights = {**start, **program.result()}
        session.check_weights_finite(weights, plan)
        state = Fitted(plan, choices.adapter.name, weights=weights, target=scaling, memory=memory)
        state.bounds = _bounds(plan, rows, fitted)
    return state, history


def _refuse_held_out(plan: Plan) -> None:
    """Raise for what needs the whole course of a fit."""
    asked = [name for name in _WHOLE_FITS if getattr(plan.settings, name)]
    if getattr(plan.model, "members", 1) > 1:
        raise CapabilityError(
            f"partial_fit with {plan.model!r}",
            rule="each member is trained by itself, in one go",
            fix="set members=1, or call fit",
        )
    if asked:
        raise CapabilityError(
            f"partial_fit with Training({', '.join(f'{name}=...' for name in asked)})",
            rule="a step learns from all rows given and stops nothing",
            fix=f"leave {', '.join(asked)} out, or call fit",
        )


def _first_plan(choices: Choices, rows: Table, task: Any, **names: Any) -> tuple[Plan, Any]:
    if isinstance(choices.model, Native):
        return plan_native(choices, task, rows.X, **names)
    total = float(len(rows) if rows.weight is None else rows.weight.sum())
    return plan_model(choices, task, rows.X, total, **names), None


def _next_plan(choices: Choices, fitted: Fitted, rows: Table) -> Plan:
    """Return the plan of a later step: the training may have changed since, the model may not."""
    plan = fitted.plan
    if isinstance(choices.model, Model):
        names = plan.signature.feature_names
        settings = _first_plan(choices, rows, plan.task, feature_names=names)[0].settings
    else:
        settings = choices.training.resolve({"loss": plan.settings.loss}, plan.task, len(rows))
    changed = {
        "backend": choices.adapter.name != fitted.backend,
        "model": type(choices.model) is not type(plan.model)
        or (isinstance(choices.model, Model) and choices.model != plan.model),
        "optimizer": settings.optimizer != plan.settings.optimizer,
        "loss": settings.loss != plan.settings.loss,
    }
    for name in (name for name, differs in changed.items() if differs):
        raise ParameterError(
            f"{name} was changed after the first partial_fit",
            rule="later steps go on with what was begun",
            fix="call fit, which begins anew",
        )
    return replace(plan, settings=settings)


def _start(
    choices: Choices,
    plan: Plan,
    fitted: Fitted | None,
    native: Any,
    scalings: dict[str, Scaling],
    rows: Table,
) -> Any:
    if plan.network is None:
        # The program changes what it is given: work on a copy until the step has succeeded.
        adapter = choices.adapter
        if fitted is None:
            return native
        return adapter.load(adapter.dump(fitted.model, plan), plan)
    if fitted is None or fitted.weights is None:
        scalings = scalings | input_quartiles(plan, rows)
        return with_bins(plan, start_weights(plan, scalings), rows)
    return dict(fitted.weights) | standardize_weights(plan, scalings)


def _restore(program: Program, memory: dict[str, Any]) -> int:
    state = {k.removeprefix("program/"): v for k, v in memory.items() if k.startswith("program/")}
    if state:
        program.restore(state)
    return int(memory.get("epoch", 0))


def _joined(memory: dict[str, Any], name: str, moments: Moments) -> Moments:
    """Return the moments of all rows so far."""
    if f"{name}/total" not in memory:
        return moments
    return Moments(*(memory[f"{name}/{part}"] for part in _MOMENTS)).plus(moments)


def _remembered(grown: dict[str, Moments]) -> dict[str, Any]:
    return {
        f"{name}/{part}": getattr(moments, part)
        for name, moments in grown.items()
        for part in _MOMENTS
    }


def _bounds(plan: Plan, rows: Table, fitted: Fitted | None) -> Bounds:
    """Return the least and the greatest target of all rows so far."""
    now = Held(rows).bounds() if plan.clips_target else None
    if now is None or fitted is None or fitted.bounds is None:
        return now
    return np.minimum(now[0], fitted.bounds[0]), np.maximum(now[1], fitted.bounds[1])

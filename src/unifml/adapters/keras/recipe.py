"""Compiled networks, shared by all fits of the same network with the same techniques."""

from __future__ import annotations

import threading
from collections import OrderedDict
from math import prod
from typing import Any

import numpy as np

from unifml.adapters.keras import engine
from unifml.adapters.keras.bindings import bindings
from unifml.adapters.keras.compiled import Blueprint, Techniques
from unifml.adapters.keras.layers import skeleton
from unifml.adapters.keras.losses import is_per_row, row_losses
from unifml.adapters.keras.steppers import stepper
from unifml.core.plan import Plan
from unifml.core.signature import ANY

KEPT = 64  # compiled networks; the one used longest ago goes first
POLICIES = {"bf16": "mixed_bfloat16", "fp16": "mixed_float16"}


class Recipe:
    """The compiled functions of a network, and how canonical names map to their arguments.

    Attributes
    ----------
    trained : list of Binding
        What the trained arguments hold.
    fixed : list of (Binding or None)
        What the others hold; None for the state of a seed generator, which is set for each epoch.
    per_row : bool
        Whether the loss is one number for each row, as it must be for rows with weights.
    widest : int
        Values of one row in the widest layer; of one step of it where sequences are ragged.
    """

    def __init__(self, plan: Plan) -> None:
        graph, dtype, settings = plan.graph.body(), plan.signature.dtype, plan.settings
        self.model = skeleton(graph, dtype)
        policy = POLICIES.get(settings.precision)
        trainer = skeleton(graph, dtype, policy) if policy else self.model
        found = {id(binding.variable): binding for binding in bindings(self.model, graph)}
        self.trained = [found[id(v)] for v in self.model.trainable_variables]
        self.fixed = [found.get(id(v)) for v in self.model.non_trainable_variables]
        specs = graph.weight_specs()
        y_shape, y_dtype = targets(plan)
        task, loss, output = plan.task, settings.loss, plan.output
        zeros = engine.load().tensor
        samples = zeros(np.zeros((2, task.width)), dtype), zeros(np.zeros((2, *y_shape)), y_dtype)
        self.per_row = is_per_row(loss, *samples, task)
        norms = any(node.layer.kind == "batch_norm" for node in graph.nodes)
        self.compiled = engine.load().Compiled(
            Blueprint(
                self.model,
                trainer,
                lambda outputs, y: row_losses(loss, outputs, y, task, output),
                stepper(settings, self.model.trainable_variables),
                [specs[binding.names[0]].role == "kernel" for binding in self.trained],
                techniques(plan),
                y_shape,
                y_dtype,
                fills=self.per_row and not norms,
                compile=settings.compile,
            )
        )
        shapes = [*(feed.shape for feed in graph.feeds), *(node.shape for node in graph.nodes)]
        self.ragged = [feed.name for feed in graph.feeds if feed.ragged]
        self._shapes = shapes
        self.lock = threading.Lock()

    def widest(self, steps: int) -> int:
        """Return the values of one row in the widest layer, for sequences of so many steps."""
        return max(prod(steps if side == ANY else side for side in s) for s in self._shapes)


def techniques(plan: Plan) -> Techniques:
    """Return what is traced for a plan."""
    settings = plan.settings
    return Techniques(
        penalises=bool(settings.l1 or settings.l2),
        clips_value=settings.clip_value is not None,
        clips_norm=settings.clip_norm is not None,
        accumulates=settings.accumulate > 1,
        averages=settings.ema is not None,
        scales=settings.precision == "fp16",
    )


def targets(plan: Plan) -> tuple[tuple[int, ...], str]:
    """Return the shape of one row of targets, and their dtype."""
    task, dtype = plan.task, plan.signature.dtype
    if plan.task.kind == "classification" and plan.settings.soft:
        return (task.width,), dtype
    shape = (task.n_targets,) if task.n_targets > 1 else ()
    return shape, "int64" if task.kind == "classification" else dtype


def recipe(plan: Plan) -> Recipe:
    """Return the compiled functions for a plan: those of an earlier plan like it, if there was."""
    key = _key(plan)
    with _lock:
        found = _recipes.pop(key, None)
        if found is None:
            with engine.load().place(plan.device, plan.signature.dtype):
                found = Recipe(plan)
        _recipes[key] = found
        while len(_recipes) > KEPT:
            _recipes.popitem(last=False)
    return found


def forget() -> None:
    """Forget all compiled functions; programs at work keep theirs."""
    with _lock:
        _recipes.clear()


def _key(plan: Plan) -> Any:
    settings = plan.settings
    custom = settings.optimizer.kind == "custom" and "learning_rate" in settings.explicit
    return (
        plan.graph.body(),
        plan.signature.dtype,
        plan.task,
        settings.loss,
        settings.optimizer,
        plan.output,
        plan.device,
        techniques(plan),
        targets(plan),
        settings.precision if settings.precision in (*POLICIES, "tf32") else None,
        settings.deterministic,
        settings.compile,
        custom,
    )


_recipes: OrderedDict[Any, Recipe] = OrderedDict()
_lock = threading.RLock()

"""How a user's Keras model steps: by unifml's rule, by a Keras optimizer, or by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from unifml.adapters.keras.engine import load
from unifml.adapters.keras.losses import compiled_loss
from unifml.adapters.keras.native_gradients import zeros_like
from unifml.adapters.keras.optimizers import (
    check_agreement,
    copied_optimizer,
    keras_optimizer,
    users_optimizer,
)
from unifml.adapters.keras.steppers import rate_of
from unifml.core.plan import Plan
from unifml.core.table import FloatArray
from unifml.errors import CapabilityError
from unifml.training import CustomOptimizer, Scalars, Settings

Objective = Callable[[], tuple[Any, Any]]


def native_steps(model: Any, plan: Plan) -> OwnSteps | KerasSteps | RuleSteps:
    """Return what steps a model: what it brings goes before what `Training` says.

    Raises
    ------
    CapabilityError
        If there is nothing to train.
    """
    if not model.trainable_variables:
        raise CapabilityError(
            f"training the Keras model {model.name!r}",
            found="it has no trainable variables",
            fix="set layer.trainable = True on those to learn",
        )
    if type(model).train_step is not keras.Model.train_step:
        return OwnSteps(model, plan)
    if model.compiled and model.optimizer is not None:
        check_agreement(model.optimizer, plan.settings)
        return KerasSteps(model, plan)
    if isinstance(plan.settings.optimizer, CustomOptimizer):
        model.optimizer = users_optimizer(plan.settings)
        return KerasSteps(model, plan)
    return RuleSteps(model, plan)


def kernels(model: Any) -> list[Any]:
    """Return the variables that penalties act on: those of two dimensions and more."""
    return [v for v in model.trainable_variables if len(v.shape) > 1]


def rules_rates(plan: Plan) -> bool:
    """Say whether the loop sets the rate of a step; an optimizer may keep its own.

    That of a compiled model does, as long as `Training` says nothing of rates.
    """
    said = {"learning_rate", "schedule", "warmup"} & plan.settings.explicit
    return plan.network is not None or plan.settings.optimizer.kind == "custom" or bool(said)


class RuleSteps:
    """Steps by unifml's rule, for a model that brings no optimizer.

    Attributes
    ----------
    own_step : callable or None
        Takes a whole step by itself, where the model does.
    """

    own_step: Any = None

    def __init__(self, model: Any, plan: Plan) -> None:
        self._settings, self._trained = plan.settings, list(model.trainable_variables)
        self._kernels = {id(v) for v in kernels(model)}
        slots = range(self._settings.optimizer.slots)
        self._slots = [[zeros_like(v) for _ in slots] for v in self._trained]

    @property
    def variables(self) -> list[Any]:
        """What it keeps from step to step."""
        return [slot for slots in self._slots for slot in slots]

    def resumed(self) -> None:
        """Note that its variables were set from outside."""

    def series(self, rates: FloatArray, first_step: int) -> list[FloatArray]:
        """Return what it needs to know of each step: a number for each in every array."""
        decay = self._settings.weight_decay
        return list(self._settings.optimizer.scalars(rates, first_step, decay))

    def scaled(self, loss: Any) -> Any:
        """Return a loss as its gradient is to be taken."""
        return loss

    def apply(self, gradients: Sequence[Any], step: Any) -> None:
        """Take a step; None is a weight that no output depends on."""
        for variable, slots, gradient in zip(self._trained, self._slots, gradients, strict=True):
            if gradient is not None:
                self._move(variable, slots, gradient, step)

    def _move(self, variable: Any, slots: list[Any], gradient: Any, step: Any) -> None:
        scalars = Scalars(*(ops.cast(value, variable.dtype) for value in step[:3]))
        memory = tuple(ops.convert_to_tensor(slot) for slot in slots)
        delta, memory = self._settings.optimizer.update(gradient, memory, scalars, ops)
        decay = scalars.decay if id(variable) in self._kernels else 1.0
        variable.assign(variable.value * decay - delta)
        for slot, value in zip(slots, memory, strict=True):
            slot.assign(value)


class KerasSteps:
    """Steps by the model's optimizer, one of Keras's.

    Its own rate holds, in its own hands, unless `Training` says something of rates.
    """

    own_step: Any = None

    def __init__(self, model: Any, plan: Plan) -> None:
        self._settings, self._trained = plan.settings, list(model.trainable_variables)
        self._rules, self._factor = rules_rates(plan), 1.0
        self._scale: float | None = 1.0  # of its own rate, by callbacks
        self._free_rate(model)
        self._optimizer = model.optimizer
        self._rate = rate_of(model.optimizer)
        if not self._optimizer.built:
            self._optimizer.build(self._trained)

    def resumed(self) -> None:
        self._scale = None

    @property
    def variables(self) -> list[Any]:
        return list(self._optimizer.variables)

    def series(self, rates: FloatArray, first_step: int) -> list[FloatArray]:
        found = np.asarray(rates, dtype=np.float64)
        if self._rules and self._rate is None and np.any(found != self._settings.learning_rate):
            raise _two_schedules()
        if not self._rules:
            self._scale_to(float(found[0]) / self._settings.learning_rate)
        return [found * self._factor]

    def _scale_to(self, scale: float) -> None:
        """Change the optimizer's own rate as that of the loop was changed."""
        if self._scale is not None and scale != self._scale:
            if self._rate is None:
                raise _two_schedules()
            self._rate.assign(self._rate.value * (scale / self._scale))
        self._scale = scale

    def scaled(self, loss: Any) -> Any:
        return self._optimizer.scale_loss(loss)

    def apply(self, gradients: Sequence[Any], step: Any) -> None:
        self.set_rate(step)
        self._optimizer.apply(list(gradients), self._trained)

    def set_rate(self, step: Any) -> None:
        """Tell the optimizer the rate of the step."""
        if self._rules and self._rate is not None:
            self._rate.assign(ops.cast(step[0], self._rate.dtype))

    def _free_rate(self, model: Any) -> None:
        """Make the rate settable; a schedule of `Training` alone scales the optimizer's own."""
        settings = self._settings
        if not self._rules or settings.optimizer.kind == "custom":
            return
        own = model.optimizer.get_config()["learning_rate"]
        known = isinstance(own, float | int)
        if "learning_rate" in settings.explicit:
            if not known:
                model.optimizer = copied_optimizer(model.optimizer, settings.learning_rate)
        elif known:
            self._factor = float(own) / settings.learning_rate
        else:
            raise _two_schedules()


def _two_schedules() -> CapabilityError:
    return CapabilityError(
        "learning rates of Training with a compiled Keras model",
        found="its optimizer has a schedule of its own",
        rule="only one of the two can hold",
        fix="leave one of them out: schedule, warmup and run.learning_rate, or the optimizer's",
    )


class OwnSteps(KerasSteps):
    """Calls the model's own ``train_step`` for each batch."""

    def __init__(self, model: Any, plan: Plan) -> None:
        _refuse(plan.settings)
        if model.compiled and model.optimizer is not None:
            check_agreement(model.optimizer, plan.settings)
        elif not model.compiled:
            logits = plan.output == "logits"
            dtype = plan.signature.dtype
            loss = compiled_loss(plan.settings.loss, plan.task, dtype, from_logits=logits)
            model.compile(optimizer=keras_optimizer(plan.settings), loss=loss)
        self._model, self._optimizer = model, None
        if model.optimizer is not None:
            super().__init__(model, plan)

    @property
    def variables(self) -> list[Any]:
        return [] if self._optimizer is None else super().variables

    def series(self, rates: FloatArray, first_step: int) -> list[FloatArray]:
        return [rates] if self._optimizer is None else super().series(rates, first_step)

    def own_step(self, batch: tuple[Any, ...], step: Any) -> Any:
        """Call ``train_step`` and return the loss of this batch."""
        if self._optimizer is not None:
            self.set_rate(step)
        for metric in self._model.metrics:
            metric.reset_state()
        logs = load().train_step(self._model, batch)
        found = [v for name, v in logs.items() if name == "loss"] or [
            value for name, value in logs.items() if "loss" in name
        ]
        if not found:
            raise CapabilityError(
                "train_step of a Keras model",
                found=f"it returned {', '.join(logs) or 'nothing'}",
                rule='it returns {"loss": ...}',
            )
        return sum(ops.mean(value) for value in found)


def _refuse(settings: Settings) -> None:
    """Raise for what only a step of ours can do."""
    asked = {
        "l1 or l2": settings.l1 or settings.l2,
        "clip_norm": settings.clip_norm,
        "clip_value": settings.clip_value,
        "accumulate": settings.accumulate > 1,
    }
    for name, wanted in asked.items():
        if wanted:
            raise CapabilityError(
                f"{name} for a Keras model with its own train_step",
                rule="its train_step computes its whole objective, and takes its own step",
                fix="do it in train_step, or leave train_step out",
            )

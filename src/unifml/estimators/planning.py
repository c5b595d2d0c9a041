"""From data that passed the gate to a `Plan`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.adapter import Adapter
from unifml.core.inputs import by_name, count, is_lengths, mapped, size
from unifml.core.plan import Plan
from unifml.core.seeds import Seeds
from unifml.core.signature import Feed, Signature, compute_dtype
from unifml.core.task import Task
from unifml.data import code_levels, feeds_of
from unifml.errors import CapabilityError, ParameterError
from unifml.estimators.resolve import resolve_adapter, resolve_device
from unifml.models import Model, Native
from unifml.models.capable import check_used, find_road
from unifml.training import LOSSES, Settings, Training

_STEP_FIELDS = (
    "epochs",
    "validation",
    "early_stopping",
    "refit",
    "callbacks",
    "metrics",
    "sampling",
)
HALVES = ("bf16", "fp16", "tf32")


@dataclass(frozen=True)
class Choices:
    """What an estimator's parameters mean, resolved: the beginning of every fit."""

    model: Model | Native
    adapter: Adapter
    training: Training
    seeds: Seeds
    device: str
    asked_device: str | None = None
    found_by_call: bool = False
    verbose: int | None = None

    def drawing(self, number: int, step: int) -> AbstractContextManager[None]:
        """Return a context in which rows may be drawn from global generators: pass and step."""
        return self.adapter.seeded(self.seeds.integer("order", number, step))

    def settled(self, task: Task, X: Any) -> Choices:
        """Find the backend of a factory by what it builds, where nobody said it before."""
        if not self.found_by_call:
            return self
        adapter = resolve_adapter(self.model, None, sign(X, task, self))
        device = resolve_device(adapter, self.asked_device)
        return replace(self, adapter=adapter, device=device, found_by_call=False)


def plan_model(
    choices: Choices,
    task: Task,
    X: Any,
    total_weight: float,
    *,
    feature_names: Any = None,
    classes: npt.NDArray[Any] | None = None,
    n_rows: int | None = None,
    levels: Callable[[tuple[int, ...]], Any] | None = None,
) -> Plan:
    """Decide everything about the fit of a model of ours, and refuse what the backend cannot do.

    Raises
    ------
    CapabilityError
        For what the model or the backend has not.
    """
    model, training = choices.model, choices.training
    assert isinstance(model, Model)
    check_used(f"model {model.kind!r}", model.uses, training.explicit())
    rows = count(X) if n_rows is None else n_rows
    settings = training.resolve(model.training_defaults(task, total_weight), task, rows)
    exact = model.procedure == "exact"
    signature = sign(X, task, choices, exact=exact, names=feature_names, more=rows / count(X))
    coded = model.coded_columns(signature)
    found = code_levels(X, coded) if levels is None else levels(coded)
    signature = replace(signature, levels=found)
    road = find_road(
        model,
        choices.adapter,
        task,
        signature,
        settings,
        total_weight=total_weight,
        seed=choices.seeds.integer("native"),
    )
    return Plan(
        model=model,
        task=task,
        signature=signature,
        settings=settings,
        seeds=choices.seeds,
        procedure=road.procedure,
        output=settings.loss.output_for(task),
        device=choices.device,
        network=road.network,
        translation=road.translation,
        classes=classes,
    )


def plan_native(
    choices: Choices,
    task: Task,
    X: Any,
    *,
    feature_names: Any = None,
    classes: npt.NDArray[Any] | None = None,
) -> tuple[Plan, Any]:
    """Build a native network and decide how it is trained, by what it says of itself.

    Returns
    -------
    plan, native
        The plan, and the model built under its seed (or copied).
    """
    model, adapter, training = choices.model, choices.adapter, choices.training
    assert isinstance(model, Native)
    if task.kind == "regression":
        _refuse_output(model, "a regression, whose outputs are values")
    settings = training.resolve({}, task, count(X))
    signature = sign(X, task, choices, names=feature_names)
    plan = Plan(
        model, task, signature, settings, choices.seeds, device=choices.device, classes=classes
    )
    native = adapter.build(plan)
    traits = adapter.traits(native)
    if traits.loss in LOSSES[task.kind]:
        settings = training.resolve({"loss": traits.loss}, task, count(X))
    elif task.kind == "regression" and traits.loss is not None:
        raise ParameterError(
            f"regression with {model!r}",
            found=f"it brings the loss {traits.loss!r}",
            rule="that is a loss of classes",
            fix="use a Classifier, or a model with a loss of numbers",
        )
    output: Any = model.output or traits.output or settings.loss.output_for(task)
    _check_abilities(settings, adapter)
    _check_precision(settings, model, traits.dtype)
    return replace(plan, settings=settings, output=output), native


def plan_untouched(
    choices: Choices, task: Task, X: Any, *, classes: Any = None
) -> tuple[Plan, Any]:
    """Build an estimator that rules by its own tags, and decide how it is fitted.

    Returns
    -------
    plan, native
        The plan, and the estimator, cloned or built, not fitted.
    """
    if isinstance(choices.model, Native):
        _refuse_output(choices.model, "an estimator that predicts for itself")
    explicit = choices.training.explicit()
    shape = tuple(map(int, X.shape)) if hasattr(X, "shape") else (1, 0)
    n_outputs = max(task.n_classes, task.n_targets)
    plan = Plan(
        model=choices.model,
        task=task,
        signature=Signature(shape[1:] or (0,), n_outputs, task.n_classes, "float64"),
        settings=Training().resolve({}, task, shape[0]),
        seeds=choices.seeds,
        procedure="epochs" if explicit else "native",
        output="probabilities" if task.kind == "classification" else "values",
        device=choices.device,
        classes=classes,
    )
    native = choices.adapter.build(plan)
    steps = choices.adapter.traits(native).steps
    check_used(repr(choices.model), _STEP_FIELDS if steps else (), explicit)
    return replace(plan, settings=choices.training.resolve({}, task, shape[0])), native


def sign(
    X: Any,
    task: Task,
    choices: Choices,
    *,
    exact: bool = False,
    names: Any = None,
    more: float = 1.0,
) -> Signature:
    """Return the signature of rows X; exact solutions are computed in float64 where possible.

    `more` is how many times these rows there are.
    """
    one_column_each = task.kind == "regression" or task.multilabel
    feeds, wide = feeds_of(X), mapped(_with_dtype, X)
    dtype = choices.training.precision or "auto"
    if dtype in HALVES:  # for the steps only: weights and predictions keep their bits
        dtype = "float32"
    if dtype == "auto":
        widest = np.result_type(*(v.dtype for k, v in by_name(wide).items() if not is_lengths(k)))
        dtype = "float64" if exact else compute_dtype(widest, int(size(wide) * more))
        dtype = dtype if dtype in choices.adapter.capabilities.precisions else "float32"
    return Signature(
        input_shape=feeds[0].shape,
        n_outputs=task.n_targets if one_column_each else max(task.n_classes, 2),
        n_classes=0 if one_column_each else task.n_classes,
        dtype=dtype,
        feature_names=None if names is None else tuple(map(str, names)),
        named=feeds if feeds != (Feed("X", feeds[0].shape),) else (),
    )


def _with_dtype(values: Any) -> Any:
    """Return values as an array; rows that are read when asked for stay where they are."""
    return values if hasattr(values, "dtype") and hasattr(values, "size") else np.asarray(values)


def _refuse_output(model: Native, what: str) -> None:
    if model.output is not None:
        raise ParameterError(
            f"output={model.output!r} for {what}",
            rule="it says what a network of classes returns",
            fix="leave output out",
        )


def _check_precision(settings: Settings, model: Native, dtype: str | None) -> None:
    free = ("auto", dtype, *(HALVES if dtype == "float32" else ()))
    if "precision" in settings.explicit and dtype and settings.precision not in free:
        raise CapabilityError(
            f"Training(precision={settings.precision!r}) for {model!r}",
            found=f"its weights are {dtype}",
            rule="a native network computes in the dtype of its own weights",
            fix="leave precision out, or let a factory take `signature` and build in "
            "signature.dtype",
        )


def _check_abilities(settings: Settings, adapter: Adapter) -> None:
    capabilities, asked = adapter.capabilities, settings.explicit
    if "loss" in asked and settings.loss.kind not in {*capabilities.losses, "custom"}:
        raise CapabilityError(f"backend {adapter.name!r} has no loss {settings.loss.kind!r}")
    lacking = sorted(settings.techniques - capabilities.techniques)
    if lacking:
        raise CapabilityError(f"backend {adapter.name!r} does not know {', '.join(lacking)}")
    if settings.precision not in {"auto", *capabilities.precisions}:
        raise CapabilityError(f"backend {adapter.name!r} does not compute in {settings.precision}")

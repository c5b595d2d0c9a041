"""From what the user says to a loss, and losses in NumPy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from unifml.core.plan import Output
from unifml.core.table import FloatArray
from unifml.core.task import Task
from unifml.errors import DataTypeError, ParameterError, UnknownNameError
from unifml.training.losses.base import Loss
from unifml.training.losses.classes import CrossEntropy, Focal, Hinge, SquaredHinge
from unifml.training.losses.custom import CustomLoss
from unifml.training.losses.values import MAE, MSE, Huber, LogCosh, Poisson, Quantile
from unifml.training.ops import NUMPY

_CLASSES = (CrossEntropy, Focal, Hinge, SquaredHinge)
_NUMBERS = (MSE, MAE, Huber, LogCosh, Quantile, Poisson)

LOSS_CLASSES: dict[str, type[Loss]] = {loss.kind: loss for loss in (*_CLASSES, *_NUMBERS)}
"""Losses by name."""
LOSSES: dict[str, tuple[str, ...]] = {
    "classification": tuple(loss.kind for loss in _CLASSES),
    "regression": tuple(loss.kind for loss in _NUMBERS),
}
"""Names of losses by kind of task; the first is used where none is asked for."""


def as_loss(value: object, task: Task, **changes: Any) -> Loss:
    """Return the loss that a user means.

    Parameters
    ----------
    value : str, Loss, callable, object with ``call`` or ``forward``, or None
        None is the first of the task; what is not of unifml becomes a `CustomLoss`.
    task : Task
        What is learned.
    **changes
        Fields to set, such as ``label_smoothing``; None leaves a field as it is.

    Raises
    ------
    UnknownNameError
        For a name that is not one of the task.
    ParameterError
        For a loss of another task, or a setting that it has not.
    DataTypeError
        For what cannot be a loss.
    """
    loss = _named(value, task) if value is None or isinstance(value, str) else _given(value)
    for name, setting in changes.items():
        if setting is not None and name in loss.get_params(deep=False):
            loss = replace(loss, **{name: setting})
        elif setting:
            having = [x.kind for x in LOSS_CLASSES.values() if name in x().get_params(deep=False)]
            raise ParameterError(
                f"{name}={setting!r} with loss {loss.kind!r}",
                rule=f"it is part of {' and '.join(having)} only",
                fix=f"leave {name} out",
            )
    return loss.check(task)


def loss_values(loss: Loss | str, outputs: Any, y: Any, task: Task, output: Output) -> FloatArray:
    """Return the loss of each row, in float64: the oracle of every adapter.

    Parameters
    ----------
    loss : Loss or str
        A loss, or the name of one.
    outputs : array of shape (n, width)
        What the network returned.
    y : array of shape (n,) or (n, targets)
        Class codes, shares of classes or values; see `Loss.values`.
    task : Task
        What is learned.
    output : str
        What the outputs are.

    Returns
    -------
    array of shape (n,)
    """
    rule = LOSS_CLASSES[loss]() if isinstance(loss, str) else loss
    outputs = np.asarray(outputs, dtype=np.float64)
    values: FloatArray = rule.values(NUMPY, outputs, np.asarray(y), task, output)
    return values


def mean_loss(values: FloatArray, weight: FloatArray | None) -> float:
    """Return ``sum(w * loss) / sum(w)``."""
    return float(np.average(values, weights=weight))


def _named(name: str | None, task: Task) -> Loss:
    known = LOSSES[task.kind]
    name = known[0] if name is None else name
    if name not in known:
        raise UnknownNameError.among(f"loss for {task.kind}", name, known)
    return LOSS_CLASSES[name]()


def _given(value: object) -> Loss:
    if isinstance(value, Loss):
        return value
    computes = callable(value) or hasattr(value, "call") or hasattr(value, "forward")
    if isinstance(value, type) or not computes:
        raise DataTypeError(
            f"loss={value!r}",
            rule="a name, a Loss of unifml, a loss of the backend's own, or a function "
            "f(outputs, targets) is needed",
            fix=f"make one: loss={value.__name__}()" if isinstance(value, type) else "",
        )
    return CustomLoss(value)

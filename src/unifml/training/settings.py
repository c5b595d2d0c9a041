"""`Training`, what a user says about a fit, and `Settings`, what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from unifml.core.spec import Spec
from unifml.core.table import FloatArray
from unifml.core.task import Task
from unifml.errors import ParameterError, UnknownNameError
from unifml.training.callbacks import Callback
from unifml.training.early_stopping import EarlyStopping
from unifml.training.losses import LOSSES
from unifml.training.optimizers import Optimizer, as_optimizer
from unifml.training.rules import check_values
from unifml.training.schedules import Schedule, as_schedule


@dataclass(frozen=True, repr=False)
class Training(Spec):
    """How a model is trained. What is None is chosen by the model and the optimizer.

    Parameters
    ----------
    epochs : int or None
        Passes over the training rows.
    batch_size : int or None
        Rows per step; None takes min(256, n).
    optimizer : str, Optimizer or None
        ``"adam"``, ``"adamw"``, ``"sgd"``, ``"rmsprop"``, or one of `Adam`, `AdamW`, `SGD`,
        `RMSprop` with settings of its own.
    learning_rate : float or None
        None takes the optimizer's own: 1e-3, for ``sgd`` 1e-2.
    weight_decay : float or None
        Decoupled decay of kernels, for ``adamw``.
    l1, l2 : float or None
        ``l1 * sum |w|`` and ``l2 / 2 * sum w^2`` over kernels, added to the mean loss.
    loss : str or None
        ``"cross_entropy"`` for classes; ``"mse"``, ``"mae"``, ``"huber"`` for numbers.
    schedule : str, Schedule or None
        ``"constant"`` or ``"cosine"``, or `Cosine` with settings.
    validation : float, splitter or None
        Rows to hold out: a share, or a scikit-learn splitter, whose first split is used.
    early_stopping : EarlyStopping, bool or None
        When to stop; True means ``EarlyStopping()``.
    refit : bool or None
        After early stopping, train again on all rows for the epochs found.
    callbacks : tuple of Callback
        Code of the user to be called after each epoch.
    precision : {"auto", "float32", "float64"} or None
        ``auto`` is float64 for float64 data of at most 1e5 values, else float32.

    Examples
    --------
    >>> from unifml import EarlyStopping, Training
    >>> Training(epochs=50, optimizer="adamw", early_stopping=EarlyStopping(patience=5))
    Training(epochs=50, optimizer='adamw', early_stopping=EarlyStopping(patience=5))
    """

    kind: ClassVar[str] = "training"
    epochs: int | None = None
    batch_size: int | None = None
    optimizer: str | Optimizer | None = None
    learning_rate: float | None = None
    weight_decay: float | None = None
    l1: float | None = None
    l2: float | None = None
    loss: str | None = None
    schedule: str | Schedule | None = None
    validation: Any = None
    early_stopping: EarlyStopping | bool | None = None
    refit: bool | None = None
    callbacks: tuple[Callback, ...] = ()
    precision: str | None = None

    def explicit(self) -> frozenset[str]:
        """Return the names of the fields that the user set."""
        return frozenset(
            name
            for name, value in self.get_params(deep=False).items()
            if value is not None and not (isinstance(value, tuple) and not value)
        )

    def resolve(self, defaults: Mapping[str, Any], task: Task, n_rows: int) -> Settings:
        """Decide every field: the user's value, else the model's, else the library's.

        Parameters
        ----------
        defaults : mapping
            The model's own defaults by field.
        task : Task
            What is learned; it rules which losses there are.
        n_rows : int
            Number of training rows.

        Raises
        ------
        ParameterError, UnknownNameError
            For values that cannot be.
        """
        given = {**_DEFAULTS, **defaults}
        given |= {name: getattr(self, name) for name in self.explicit()}
        check_values(given)
        stopping = given["early_stopping"]
        stopping = EarlyStopping() if stopping is True else (stopping or None)
        if given["refit"] and stopping is None:
            raise ParameterError(
                "refit=True without early_stopping",
                rule="refit trains again for the epochs that early stopping found",
                fix="write Training(early_stopping=True, refit=True)",
            )
        optimizer = as_optimizer(given["optimizer"])
        rate = given["learning_rate"]
        return Settings(
            epochs=int(given["epochs"]),
            batch_size=int(min(given["batch_size"] or 256, n_rows)),
            optimizer=optimizer,
            learning_rate=float(optimizer.learning_rate if rate is None else rate),
            weight_decay=_decay(float(given["weight_decay"]), optimizer),
            l1=float(given["l1"]),
            l2=float(given["l2"]),
            loss=_loss(given["loss"], task),
            schedule=as_schedule(given["schedule"]),
            validation=given["validation"],
            early_stopping=stopping.check() if stopping else None,
            refit=bool(given["refit"]),
            callbacks=tuple(given["callbacks"]),
            precision=given["precision"],
            explicit=self.explicit(),
        )


@dataclass(frozen=True)
class Settings:
    """Training settings with nothing left open; the fields are those of `Training`.

    Attributes
    ----------
    explicit : frozenset of str
        Fields that the user set, as against those that were chosen.
    """

    epochs: int
    batch_size: int
    optimizer: Optimizer
    learning_rate: float
    weight_decay: float
    l1: float
    l2: float
    loss: str
    schedule: Schedule
    validation: Any
    early_stopping: EarlyStopping | None
    refit: bool
    callbacks: tuple[Callback, ...]
    precision: str
    explicit: frozenset[str] = field(default_factory=frozenset)

    def rates(self, first_step: int, steps: int, total: int) -> FloatArray:
        """Return the learning rates of `steps` steps from `first_step` on."""
        place = np.arange(first_step, first_step + steps, dtype=np.float64)
        return self.learning_rate * self.schedule.factors(place, total)


_DEFAULTS: dict[str, Any] = {
    "epochs": 100,
    "batch_size": None,
    "optimizer": "adam",
    "learning_rate": None,
    "weight_decay": 0.0,
    "l1": 0.0,
    "l2": 0.0,
    "loss": None,
    "schedule": "constant",
    "validation": None,
    "early_stopping": None,
    "refit": False,
    "callbacks": (),
    "precision": "auto",
}


def _loss(loss: str | None, task: Task) -> str:
    known = LOSSES[task.kind]
    if loss is None:
        return known[0]
    if loss not in known:
        raise UnknownNameError.among(f"loss for {task.kind}", loss, known)
    return loss


def _decay(weight_decay: float, optimizer: Optimizer) -> float:
    if weight_decay and not optimizer.decays:
        raise ParameterError(
            f"weight_decay={weight_decay} with optimizer {optimizer.kind!r}",
            rule="decoupled weight decay is part of adamw only",
            fix='set optimizer="adamw", or use l2 instead',
        )
    return weight_decay

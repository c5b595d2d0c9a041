"""`Training`, what a user says about a fit, and `Settings`, what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from unifml.core.spec import Spec
from unifml.core.table import FloatArray
from unifml.core.task import Task
from unifml.errors import ParameterError
from unifml.training.callbacks import Callback
from unifml.training.early_stopping import EarlyStopping
from unifml.training.losses import Loss, as_loss
from unifml.training.optimizers import Optimizer, as_optimizer
from unifml.training.rules import check_values
from unifml.training.schedules import Schedule, as_schedule, factors_with_warmup


@dataclass(frozen=True, repr=False)
class Training(Spec):
    """How a model is trained. What is None is chosen by the model and the optimizer.

    Parameters
    ----------
    epochs : int or None
        Passes over the training rows.
    batch_size : int or None
        Rows per step; None takes min(256, n).
    optimizer : str, Optimizer, native optimizer or None
        ``"adam"``, ``"adamw"``, ``"sgd"``, ``"rmsprop"``, ``"adagrad"``, ``"lion"``, or one of
        `Adam`, `AdamW`, `SGD`, `RMSprop`, `Adagrad`, `Lion` with settings of its own; on Keras
        also a ``keras.optimizers.Optimizer``, on torch a function from parameters to a
        ``torch.optim.Optimizer``.
    learning_rate : float or None
        None takes the optimizer's own: 1e-3, for ``sgd`` and ``adagrad`` 1e-2, ``lion`` 1e-4.
    weight_decay : float or None
        Decoupled decay of kernels, for ``adamw`` and ``lion``.
    l1, l2 : float or None
        ``l1 * sum |w|`` and ``l2 / 2 * sum w^2`` over kernels, added to the mean loss.
    loss : str, Loss, native loss or None
        ``"cross_entropy"``, ``"focal"``, ``"hinge"``, ``"squared_hinge"`` for classes; ``"mse"``,
        ``"mae"``, ``"huber"``, ``"log_cosh"``, ``"quantile"``, ``"poisson"`` for numbers; a `Loss`
        with settings; on torch a loss module, on Keras a ``keras.losses.Loss``, on either a
        function of outputs and targets, in tensors, that returns the loss of each row.
    label_smoothing : float or None
        Share of each target that is spread over all classes.
    schedule : str, Schedule or None
        ``"constant"``, ``"cosine"``, ``"step"``, ``"exponential"``, ``"one_cycle"``,
        ``"plateau"``, or `Cosine` and the like with settings.
    warmup : float, int or None
        Optimizer steps, or a share of all of them, in which the rate grows from nearly 0; the
        schedule begins after them.
    clip_norm, clip_value : float or None
        The largest norm of the gradient of all weights together, and of any of its entries;
        entries are clipped first.
    accumulate : int or None
        Batches whose gradients make one step, as one batch of all their rows would.
    ema : float or None
        Decay of a running average of the weights, which predicts in their place:
        ``min(ema, (1 + t) / (10 + t))`` at step t.
    metrics : tuple of str or callable
        What `history_` records besides the loss, after each epoch, on the rows held out
        (``val_accuracy``), else on the training rows (``accuracy``): names as in `evaluate`, or
        functions of ``(y_true, y_pred)``.
    sampling : {"balanced"} or None
        Draw batches in which all classes are equally frequent.
    augment : tuple of Augmentation
        Changes of the rows, drawn anew in each epoch, such as `Flip` and `Noise`.
    mixup, cutmix : float or None
        Mix pairs of rows and of their targets, in shares drawn from ``Beta(alpha, alpha)``;
        `cutmix` puts a part of one image into another.
    validation : float, splitter or None
        Rows to hold out: a share, or a scikit-learn splitter, whose first split is used; of one by
        time, the last.
    early_stopping : EarlyStopping, bool or None
        When to stop; True means ``EarlyStopping()``.
    refit : bool or None
        After early stopping, train again on all rows for the epochs found.
    callbacks : tuple of Callback
        Code of the user to be called at moments of the fit; on Keras also Keras's own.
    precision : {"auto", "float32", "float64", "bf16", "fp16", "tf32"} or None
        ``auto`` is float64 for float64 data of at most 1e5 values, else float32. The last three
        keep float32 weights and predictions, and compute steps with fewer bits.
    deterministic : bool or None
        Refuse operations whose result may differ from run to run (on GPUs; a CPU has none).
    compile : {"auto", True, False} or None
        ``auto`` compiles where it is known to pay.
    checkpoint : str or None
        A file that keeps the state of the fit after each epoch: the same fit, started again,
        goes on from there. It is removed when the fit succeeds. A folder gets a file a fit.

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
    loss: Any = None
    label_smoothing: float | None = None
    schedule: str | Schedule | None = None
    warmup: float | None = None
    clip_norm: float | None = None
    clip_value: float | None = None
    accumulate: int | None = None
    ema: float | None = None
    metrics: tuple[Any, ...] = ()
    sampling: str | None = None
    augment: tuple[Any, ...] = ()
    mixup: float | None = None
    cutmix: float | None = None
    validation: Any = None
    early_stopping: EarlyStopping | bool | None = None
    refit: bool | None = None
    callbacks: tuple[Callback, ...] = ()
    precision: str | None = None
    deterministic: bool | None = None
    compile: bool | str | None = None
    checkpoint: str | None = None

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
        chosen = {name: getattr(self, name) for name in self.explicit()}
        given = {**_DEFAULTS, **_without_strangers(defaults, chosen, task), **chosen}
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
            loss=as_loss(given["loss"], task, label_smoothing=given["label_smoothing"]),
            schedule=as_schedule(given["schedule"]),
            **{name: given[name] for name in _AS_GIVEN},
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
    loss: Loss
    schedule: Schedule
    warmup: float
    clip_norm: float | None
    clip_value: float | None
    accumulate: int
    ema: float | None
    metrics: tuple[Any, ...]
    sampling: str | None
    augment: tuple[Any, ...]
    mixup: float | None
    cutmix: float | None
    validation: Any
    early_stopping: EarlyStopping | None
    refit: bool
    callbacks: tuple[Callback, ...]
    precision: str
    deterministic: bool
    compile: bool | str
    checkpoint: str | None
    explicit: frozenset[str] = field(default_factory=frozenset)

    def rates(self, first_step: int, steps: int, total: int) -> FloatArray:
        """Return the learning rates of `steps` optimizer steps from `first_step` on.

        Parameters
        ----------
        first_step, steps : int
            Steps are counted from 0.
        total : int
            Steps of the whole fit.
        """
        place = np.arange(first_step, first_step + steps, dtype=np.float64)
        factors = factors_with_warmup(self.schedule, self.warmup_steps(total), place, total)
        return self.learning_rate * factors

    def warmup_steps(self, total: int) -> int:
        """Return the steps of the warm-up in a fit of `total` steps."""
        share = isinstance(self.warmup, float) and self.warmup < 1
        return round(self.warmup * total) if share else int(self.warmup)

    def ema_keeps(self, first_step: int, steps: int) -> FloatArray:
        """Return what the running average of the weights keeps of itself at each step."""
        place = np.arange(first_step, first_step + steps, dtype=np.float64)
        return np.minimum(self.ema or 0.0, (1.0 + place) / (10.0 + place))

    @property
    def soft(self) -> bool:
        """Whether targets of classes are shares of classes, not codes."""
        return bool(self.mixup or self.cutmix)

    @property
    def techniques(self) -> frozenset[str]:
        """What an adapter must know to run it: see `unifml.core.capabilities.TECHNIQUES`."""
        asked = {
            "clip_norm": self.clip_norm is not None,
            "clip_value": self.clip_value is not None,
            "accumulate": self.accumulate > 1,
            "ema": self.ema is not None,
            "deterministic": self.deterministic,
            "compile": self.compile != "auto",
            "soft_targets": self.soft and "classification" in self.loss.tasks,
            "custom_loss": self.loss.kind == "custom",
            "custom_optimizer": self.optimizer.kind == "custom",
        }
        return frozenset(name for name, wanted in asked.items() if wanted)


_DEFAULTS: dict[str, Any] = {
    "epochs": 100,
    "batch_size": None,
    "optimizer": "adam",
    "learning_rate": None,
    "weight_decay": 0.0,
    "l1": 0.0,
    "l2": 0.0,
    "loss": None,
    "label_smoothing": None,
    "schedule": "constant",
    "warmup": 0,
    "clip_norm": None,
    "clip_value": None,
    "accumulate": 1,
    "ema": None,
    "metrics": (),
    "sampling": None,
    "augment": (),
    "mixup": None,
    "cutmix": None,
    "validation": None,
    "early_stopping": None,
    "refit": False,
    "callbacks": (),
    "precision": "auto",
    "deterministic": False,
    "compile": "auto",
    "checkpoint": None,
}
_AS_GIVEN = (
    *("warmup", "clip_norm", "clip_value", "accumulate", "ema", "metrics", "sampling", "augment"),
    *("mixup", "cutmix", "deterministic", "compile", "checkpoint"),
)


def _without_strangers(
    defaults: Mapping[str, Any], chosen: Mapping[str, Any], task: Task
) -> dict[str, Any]:
    """Return a model's defaults without those that belong to what the user replaced.

    Label smoothing goes with the model's loss, rate and decay with the optimizer that it names.
    """
    gone: set[str] = set()
    if "loss" in chosen and as_loss(chosen["loss"], task).kind != as_loss(None, task).kind:
        gone |= {"label_smoothing"}
    if {"optimizer"} <= defaults.keys() & chosen.keys():
        kinds = (as_optimizer(given["optimizer"]).kind for given in (defaults, chosen))
        gone |= {"learning_rate", "weight_decay"} if len(set(kinds)) > 1 else set()
    return {name: value for name, value in defaults.items() if name not in gone}


def _decay(weight_decay: float, optimizer: Optimizer) -> float:
    if weight_decay and not optimizer.decays:
        raise ParameterError(
            f"weight_decay={weight_decay} with optimizer {optimizer.kind!r}",
            rule="decoupled weight decay is part of adamw and lion only",
            fix='set optimizer="adamw", or use l2 instead',
        )
    return weight_decay

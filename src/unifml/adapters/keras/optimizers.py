"""Keras's own optimizers: as ours for a model to take away, and those of the user's models."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras

from unifml.errors import CapabilityError, ParameterError
from unifml.training import CustomOptimizer, Settings

CLASSES = {
    "adam": "Adam",
    "adamw": "AdamW",
    "sgd": "SGD",
    "rmsprop": "RMSprop",
    "adagrad": "Adagrad",
    "lion": "Lion",
}


def keras_optimizer(settings: Settings) -> Any:
    """Return Keras's optimizer with our settings (Keras puts its epsilon elsewhere)."""
    if isinstance(settings.optimizer, CustomOptimizer):
        return users_optimizer(settings)
    return getattr(keras.optimizers, CLASSES[settings.optimizer.kind])(**arguments(settings))


def arguments(settings: Settings) -> dict[str, Any]:
    """Return the arguments of Keras's optimizer that correspond to our settings."""
    given = {"learning_rate": settings.learning_rate}
    given |= settings.optimizer.get_params(deep=False)
    if settings.optimizer.decays:
        given["weight_decay"] = settings.weight_decay
    if settings.optimizer.kind == "adagrad":
        given["initial_accumulator_value"] = 0.0
    return given


def users_optimizer(settings: Settings) -> Any:
    """Return a fresh copy of the optimizer that the user gave in `Training`.

    Raises
    ------
    CapabilityError
        If it is not Keras's.
    """
    assert isinstance(settings.optimizer, CustomOptimizer)
    given = settings.optimizer.factory
    if not isinstance(given, keras.optimizers.Optimizer):
        raise CapabilityError(
            f"optimizer={given!r} on backend 'keras'",
            rule="a name, an Optimizer of unifml or a keras.optimizers.Optimizer is needed",
        )
    explicit = "learning_rate" in settings.explicit
    return copied_optimizer(given, settings.learning_rate if explicit else None)


def copied_optimizer(optimizer: Any, learning_rate: float | None = None) -> Any:
    """Return a fresh optimizer with the settings of a user's one, and none of its memory."""
    config = optimizer.get_config()
    if learning_rate is not None:
        config["learning_rate"] = learning_rate
    return type(optimizer).from_config(config)


def kind(optimizer: Any) -> str:
    """Return our name of a Keras optimizer, or Keras's own in lower case."""
    return str(type(_inner(optimizer)).__name__).lower()


def check_agreement(optimizer: Any, settings: Settings) -> None:
    """Raise if `Training` names an optimizer and the compiled model has another.

    Raises
    ------
    ParameterError
        It names both.
    """
    theirs, own = _inner(optimizer), settings.optimizer
    asked: dict[str, Any] = {}
    if "weight_decay" in settings.explicit:
        asked["weight_decay"] = settings.weight_decay
    if "optimizer" in settings.explicit:
        if kind(optimizer) != own.kind:
            raise _contradiction(f"optimizer={own.kind!r}", f"optimizer {kind(optimizer)!r}")
        asked |= {
            f.name: getattr(own, f.name)
            for f in dataclasses.fields(own)
            if getattr(own, f.name) != f.default
        }
    for name, value in asked.items():
        if value != (getattr(theirs, name, None) or type(value)(0)):
            found = f"{type(theirs).__name__}({name}={getattr(theirs, name, None)!r})"
            raise _contradiction(f"{name}={value!r}", found)


def check_loss(ours: str | None, theirs: str, settings: Settings) -> None:
    """Raise if `Training` names a loss and the compiled model has another."""
    if "loss" in settings.explicit and settings.loss.kind != ours:
        raise _contradiction(f"loss={settings.loss.kind!r}", f"loss {theirs!r}")


def _contradiction(asked: str, found: str) -> ParameterError:
    return ParameterError(
        f"Training({asked}) with a compiled Keras model",
        found=f"the model was compiled with {found}",
        rule="the two must agree, or one of them be left out",
        fix="leave it out of Training, or do not compile the model",
    )


def _inner(optimizer: Any) -> Any:
    return getattr(optimizer, "inner_optimizer", optimizer)  # mixed precision wraps it

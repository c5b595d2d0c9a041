"""Keras's own optimizers: as ours for a model to take away, and those of the user's models."""

from __future__ import annotations

from typing import Any

import keras

from unifml.training import Settings

CLASSES = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD", "rmsprop": "RMSprop"}


def keras_optimizer(settings: Settings) -> Any:
    """Return Keras's optimizer with our settings (Keras puts its epsilon elsewhere)."""
    return getattr(keras.optimizers, CLASSES[settings.optimizer.kind])(**arguments(settings))


def arguments(settings: Settings) -> dict[str, Any]:
    """Return the arguments of Keras's optimizer that correspond to our settings."""
    given = {"learning_rate": settings.learning_rate}
    given |= settings.optimizer.get_params(deep=False)
    if settings.optimizer.decays:
        given["weight_decay"] = settings.weight_decay
    return given


def copied(optimizer: Any) -> Any:
    """Return a fresh optimizer with the settings of a user's one, and none of its memory."""
    return type(optimizer).from_config(optimizer.get_config())


def kind(optimizer: Any) -> str:
    """Return our name of a Keras optimizer, or Keras's own in lower case."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)  # mixed precision wraps it
    return str(type(inner).__name__).lower()

"""What a training on Keras can be told, and what its engine or device has not."""

from __future__ import annotations

from unifml.adapters.keras.engine import Engine
from unifml.core.plan import Plan
from unifml.errors import CapabilityError

_OF_CARDS = {"fp16": "bf16", "tf32": "float32"}
_COMPILERS = {
    True: "Keras on this engine compiles nothing",
    False: "Keras on this engine compiles whatever it runs",
}


def check_training(plan: Plan, engine: Engine) -> None:
    """Raise for settings that cannot be had here.

    Raises
    ------
    CapabilityError
        For fewer bits than the device computes with, and for a compiler that is not there, or
        cannot be left out.
    """
    settings, device = plan.settings, plan.device
    instead = _OF_CARDS.get(settings.precision)
    if instead is not None and not device.startswith("cuda"):
        raise CapabilityError(
            f"precision={settings.precision!r} on device {device!r}",
            rule=f"{settings.precision} is computed on CUDA devices",
            fix=f"use precision={instead!r}",
        )
    if settings.compile not in engine.COMPILE:
        raise CapabilityError(
            f"Training(compile={settings.compile!r})",
            rule=_COMPILERS[bool(settings.compile)],
            fix='leave compile out, or set it to "auto"',
        )


def check_native(plan: Plan) -> None:
    """Raise for what only a network of ours can be asked for.

    Raises
    ------
    CapabilityError
        For fewer bits: a model of the user has the dtypes that it was built with.
    """
    if plan.settings.precision in ("bf16", "fp16"):
        raise CapabilityError(
            f"precision={plan.settings.precision!r} for a Keras model of yours",
            rule="its layers compute in the dtypes that they were built with",
            fix='build it after keras.config.set_dtype_policy("mixed_bfloat16")',
        )

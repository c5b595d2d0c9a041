"""From what the user says to an optimizer."""

from __future__ import annotations

from unifml.errors import DataTypeError, UnknownNameError
from unifml.training.optimizers.base import Optimizer
from unifml.training.optimizers.custom import CustomOptimizer
from unifml.training.optimizers.rules import SGD, Adagrad, Adam, AdamW, Lion, RMSprop
from unifml.training.rules import check_fields

OPTIMIZERS: dict[str, type[Optimizer]] = {
    kind.kind: kind for kind in (SGD, Adam, AdamW, RMSprop, Adagrad, Lion)
}
"""Optimizers by name."""


def as_optimizer(value: object) -> Optimizer:
    """Return the optimizer of a name, or the optimizer itself; the user's own is wrapped.

    Raises
    ------
    UnknownNameError, DataTypeError
        For an unknown name, and for what cannot be an optimizer.
    """
    if isinstance(value, str):
        if value not in OPTIMIZERS:
            raise UnknownNameError.among("optimizer", value, OPTIMIZERS)
        return OPTIMIZERS[value]()
    if isinstance(value, Optimizer):
        check_fields(value)
        return value
    a_class = isinstance(value, type) and issubclass(value, Optimizer)
    a_class = a_class or _is_of_keras(value, a_class=True)
    if _is_of_keras(value) or (callable(value) and not a_class):
        return CustomOptimizer(value)
    raise DataTypeError(
        f"optimizer={value!r}",
        rule="a name, an Optimizer of unifml, an optimizer of Keras, or a function from "
        "parameters to one of torch is needed",
        fix=f"make one: optimizer={value.__name__}()" if isinstance(value, type) else "",
    )


def _is_of_keras(value: object, *, a_class: bool = False) -> bool:
    """Recognise an optimizer, or a class of them, by what Keras's have."""
    has_both = hasattr(value, "get_config") and hasattr(value, "apply")
    return has_both and isinstance(value, type) == a_class

"""Which values the fields of `Training` may have."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any

from unifml.errors import ParameterError


def check_values(values: Mapping[str, Any]) -> None:
    """Raise a `ParameterError` that states the rule for the first value that breaks one."""
    for name, (holds, rule) in _RULES.items():
        value = values[name]
        if value is not None and not holds(value):
            raise ParameterError(f"{name}={value!r}", rule=f"{rule} must hold")


def _positive_int(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 1


def _positive(value: object) -> bool:
    return _real(value) and value > 0  # type: ignore[operator]


def _not_negative(value: object) -> bool:
    return _real(value) and value >= 0  # type: ignore[operator]


def _real(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _share_or_splitter(value: object) -> bool:
    return (_real(value) and 0 < value < 1) or hasattr(value, "split")  # type: ignore[operator]


def _stopping(value: object) -> bool:
    return isinstance(value, bool) or hasattr(value, "patience")


def _callbacks(value: object) -> bool:
    return isinstance(value, tuple) and all(hasattr(item, "on_epoch_end") for item in value)


_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "epochs": (_positive_int, "epochs >= 1, a whole number,"),
    "batch_size": (_positive_int, "batch_size >= 1, a whole number,"),
    "learning_rate": (_positive, "0 < learning_rate < inf"),
    "weight_decay": (_not_negative, "0 <= weight_decay < inf"),
    "l1": (_not_negative, "0 <= l1 < inf"),
    "l2": (_not_negative, "0 <= l2 < inf"),
    "validation": (_share_or_splitter, "0 < validation < 1, or a scikit-learn splitter,"),
    "early_stopping": (_stopping, "an EarlyStopping, True or False"),
    "refit": (lambda value: isinstance(value, bool), "True or False"),
    "callbacks": (_callbacks, "a tuple of unifml.Callback"),
    "precision": (
        lambda value: value in ("auto", "float32", "float64"),
        'precision in ("auto", "float32", "float64")',
    ),
}

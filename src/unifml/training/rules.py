"""Which values the fields of `Training` may have."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from os import PathLike
from typing import Any

from unifml.core.spec import Spec
from unifml.errors import ParameterError


def check_values(values: Mapping[str, Any]) -> None:
    """Raise a `ParameterError` that states the rule for the first value that breaks one."""
    for name, (holds, rule) in _RULES.items():
        value = values[name]
        if value is not None and not holds(value):
            raise ParameterError(f"{name}={value!r}", rule=f"{rule} must hold")


def check_fields(spec: Spec) -> None:
    """Raise a `ParameterError` for the first field of an optimizer, schedule or the like."""
    for name, value in spec.get_params(deep=False).items():
        holds, rule = _FIELDS.get(f"{spec.kind}.{name}") or _FIELDS.get(name, (_anything, ""))
        if not holds(value):
            asked = f"{type(spec).__name__}({name}={value!r})"
            raise ParameterError(asked, rule=f"{rule} must hold")


def _positive_int(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 1


def _positive(value: object) -> bool:
    return _real(value) and value > 0  # type: ignore[operator]


def _not_negative(value: object) -> bool:
    return _real(value) and value >= 0  # type: ignore[operator]


def _real(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _anything(value: object) -> bool:
    return True


def _truth(value: object) -> bool:
    return isinstance(value, bool)


def _below_one(value: object) -> bool:
    return _not_negative(value) and value < 1  # type: ignore[operator]


def _inner(value: object) -> bool:
    return _positive(value) and value < 1  # type: ignore[operator]


def _share(value: object) -> bool:
    return _not_negative(value) and value <= 1  # type: ignore[operator]


def _share_or_splitter(value: object) -> bool:
    if isinstance(value, str | type):  # text can be split as well
        return False
    return (_real(value) and 0 < value < 1) or hasattr(value, "split")  # type: ignore[operator]


def _stopping(value: object) -> bool:
    return isinstance(value, bool) or (hasattr(value, "check") and not isinstance(value, type))


def _callbacks(value: object) -> bool:
    """Take ours, and those of a framework: their adapter will know."""
    return isinstance(value, tuple) and all(
        any(hasattr(item, method) for method in _CALLS) and not isinstance(item, type)
        for item in value
    )


def _steps_or_share(value: object) -> bool:
    return _below_one(value) or _positive_int(value)


def _metrics(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(m, str) or callable(m) for m in value)


def _augmentations(value: object) -> bool:
    return isinstance(value, tuple) and all(
        hasattr(item, "apply") and not isinstance(item, type) for item in value
    )


PRECISIONS = ("auto", "float32", "float64", "bf16", "fp16", "tf32")
_CALLS = ("on_fit_begin", "on_epoch_end", "on_train_begin")
_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "epochs": (_positive_int, "epochs >= 1, a whole number,"),
    "batch_size": (_positive_int, "batch_size >= 1, a whole number,"),
    "learning_rate": (_positive, "0 < learning_rate < inf"),
    "weight_decay": (_not_negative, "0 <= weight_decay < inf"),
    "l1": (_not_negative, "0 <= l1 < inf"),
    "l2": (_not_negative, "0 <= l2 < inf"),
    "validation": (_share_or_splitter, "0 < validation < 1, or a scikit-learn splitter,"),
    "early_stopping": (_stopping, "early_stopping is an EarlyStopping, True or False: this"),
    "refit": (_truth, "refit in (True, False)"),
    "callbacks": (_callbacks, "callbacks is a tuple of unifml.Callback: this"),
    "precision": (
        lambda value: isinstance(value, str) and value in PRECISIONS,
        f"precision in {PRECISIONS}",
    ),
    "label_smoothing": (_below_one, "0 <= label_smoothing < 1"),
    "warmup": (
        _steps_or_share,
        "warmup is a whole number of steps or a share 0 <= warmup < 1: this",
    ),
    "clip_norm": (_positive, "0 < clip_norm < inf"),
    "clip_value": (_positive, "0 < clip_value < inf"),
    "accumulate": (_positive_int, "accumulate >= 1, a whole number,"),
    "ema": (lambda value: _real(value) and 0 < value < 1, "0 < ema < 1"),
    "metrics": (_metrics, "metrics is a tuple of names or functions of (y_true, y_pred): this"),
    "sampling": (lambda value: value in ("balanced", None), 'sampling in ("balanced", None)'),
    "augment": (_augmentations, "augment is a tuple of augmentations such as unifml.Flip(): this"),
    "mixup": (_positive, "0 < mixup < inf"),
    "cutmix": (_positive, "0 < cutmix < inf"),
    "deterministic": (_truth, "deterministic in (True, False)"),
    "compile": (lambda value: value == "auto" or _truth(value), 'compile in ("auto", True, False)'),
    "checkpoint": (lambda value: isinstance(value, str | PathLike), "checkpoint is a path: this"),
}
_FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "momentum": (_below_one, "0 <= momentum < 1"),
    "nesterov": (_truth, "nesterov in (True, False)"),
    "beta_1": (_below_one, "0 <= beta_1 < 1"),
    "beta_2": (_below_one, "0 <= beta_2 < 1"),
    "rho": (_below_one, "0 <= rho < 1"),
    "epsilon": (_not_negative, "0 <= epsilon < inf"),
    "final": (_share, "0 <= final <= 1"),
    "monitor": (lambda value: isinstance(value, str), "monitor is a name: this"),
    "mode": (lambda value: value in ("auto", "min", "max"), 'mode in ("auto", "min", "max")'),
    "patience": (_positive_int, "patience >= 1, a whole number,"),
    "min_delta": (_not_negative, "0 <= min_delta < inf"),
    "restore_best": (_truth, "restore_best in (True, False)"),
    "validation": (lambda value: _real(value) and 0 < value < 1, "0 < validation < 1"),
    "label_smoothing": (_below_one, "0 <= label_smoothing < 1"),
    "gamma": (_not_negative, "0 <= gamma < inf"),
    "alpha": (
        lambda value: value is None or _inner(value),
        "alpha is None, or 0 < alpha < 1: this",
    ),
    "delta": (_positive, "0 < delta < inf"),
    "q": (_inner, "0 < q < 1"),
    "restarts": (
        lambda value: _not_negative(value) and isinstance(value, Integral),
        "restarts >= 0, a whole number,",
    ),
    "growth": (lambda value: _real(value) and value >= 1, "1 <= growth < inf"),
    "every": (
        lambda value: _inner(value) or _positive_int(value),
        "every is a number of steps, or a share 0 < every < 1 of all: this",
    ),
    "factor": (_inner, "0 < factor < 1"),
    "exponential.final": (
        lambda value: value is None or _inner(value),
        "final is None, or 0 < final < 1: this",
    ),
    "rate": (
        lambda value: value is None or (_positive(value) and value <= 1),
        "rate is None, or 0 < rate <= 1: this",
    ),
    "pct_start": (_inner, "0 < pct_start < 1"),
    "div_factor": (lambda value: _real(value) and value >= 1, "1 <= div_factor < inf"),
    "final_div_factor": (lambda value: _real(value) and value >= 1, "1 <= final_div_factor < inf"),
    "min_factor": (_below_one, "0 <= min_factor < 1"),
    "scaled_targets": (_truth, "scaled_targets in (True, False)"),
}

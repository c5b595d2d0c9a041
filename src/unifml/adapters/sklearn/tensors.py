"""scikit-learn's own estimators on a GPU: those that support the array API, on torch tensors."""

from __future__ import annotations

import os
import warnings
from functools import cache
from importlib.util import find_spec
from inspect import signature
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.pipeline import Pipeline
from sklearn.utils import all_estimators, get_tags
from sklearn.utils._array_api import _estimator_with_converted_arrays

from unifml.core.plan import Plan
from unifml.errors import CapabilityError, DataTypeError

SWITCH = "SCIPY_ARRAY_API"


def cards() -> tuple[str, ...]:
    """Return the GPUs that scikit-learn can use here.

    SciPy decides when it is imported whether it takes tensors: without the environment variable
    there are none.
    """
    if os.environ.get(SWITCH) != "1" or not find_spec("torch"):
        return ()
    import torch

    return tuple(f"cuda:{i}" for i in range(torch.cuda.device_count()))


def fit_on_device(native: Any, X: Any, y: Any, device: str, **extra: Any) -> Any:
    """Fit an estimator on tensors on a device, and return it with its arrays back in NumPy.

    Parameters
    ----------
    native : estimator
        One whose tags say that it supports the array API; a Pipeline of such ones.
    X, y : array-like
        Numbers. y of classes must be numbers too.
    device : str
        As torch calls it.
    **extra
        More arguments of ``fit``, such as ``sample_weight``.

    Returns
    -------
    estimator
        A copy that predicts on the CPU, and can be saved and exported.

    Raises
    ------
    CapabilityError
        For an estimator that does not support it; the message lists those that do.
    DataTypeError
        For rows or targets that are not numbers.
    """
    import torch

    if not _supports(native):
        raise CapabilityError(
            f"{type(native).__name__} on device {device!r}",
            found="scikit-learn computes it on the CPU only",
            rule=f"on a GPU it has {', '.join(supported())}",
            fix='set device="cpu"',
        )

    def there(values: Any) -> Any:
        array = np.asarray(values)
        if array.dtype.kind not in "fiub":
            raise DataTypeError(
                f"{array.dtype} on device {device!r}", rule="numbers are needed there"
            )
        return torch.as_tensor(np.ascontiguousarray(array), device=device)

    given = {name: there(value) for name, value in extra.items()}
    with config_context(array_api_dispatch=True):
        native.fit(there(X), None if y is None else there(y), **given)
    return _estimator_with_converted_arrays(native, lambda tensor: tensor.cpu().numpy())


def require_cpu(plan: Plan, what: str) -> None:
    """Raise for what scikit-learn has on the CPU only."""
    if plan.device != "cpu":
        raise CapabilityError(
            f"{what} of scikit-learn on device {plan.device!r}",
            rule="it computes on the CPU",
            fix='set device="cpu", or use backend="torch" or backend="keras"',
        )


@cache
def supported() -> tuple[str, ...]:
    """Return the names of scikit-learn's estimators that support the array API."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of those that are going
        return tuple(
            name
            for name, kind in all_estimators()
            if _made_of_nothing(kind) and get_tags(kind()).array_api_support
        )


def _made_of_nothing(kind: type) -> bool:
    """Whether it needs no other estimator."""
    parameters = signature(kind).parameters
    named = any(name.startswith(("estimator", "base_estimator")) for name in parameters)
    return not named and all(
        p.default is not p.empty or p.kind is p.VAR_KEYWORD for p in parameters.values()
    )


def _supports(native: Any) -> bool:
    if isinstance(native, Pipeline):
        return all(_supports(step) for _, step in native.steps if step not in (None, "passthrough"))
    return bool(get_tags(native).array_api_support)

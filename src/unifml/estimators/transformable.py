"""What a `Transformer` learns, takes and refuses."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_array

from unifml.core.task import Task
from unifml.errors import CapabilityError, DataError
from unifml.estimators.planning import Choices, plan_model
from unifml.models import Native
from unifml.models.halves import code_shape


def inputs_task(X: npt.NDArray[Any]) -> Task:
    """Return what rebuilding rows is: a regression whose targets are all values of a row."""
    return Task("regression", prod(X.shape[1:]), of_inputs=True)


def ours(choices: Choices, task: Task, X: npt.NDArray[Any]) -> Choices:
    """Refuse native networks, of which nothing tells what the code is, and those without one."""
    if isinstance(choices.model, Native):
        raise CapabilityError(
            f"Transformer({choices.model!r})",
            found=f"a native network of backend {choices.adapter.name!r}",
            rule="models for transformation and scikit-learn transformers give codes",
            fix='use Transformer("autoencoder"), or write a unifml.models.Model whose network has '
            'layers named "encoder" and "decoder"',
        )
    plan = plan_model(choices, task, X, float(len(X)))
    if plan.network is not None:
        code_shape(plan.network, plan.signature.input_shape)
    return choices


def require_transform(native: Any) -> None:
    """Refuse what is fitted, and then gives no codes; None is not known yet."""
    if native is not None and not hasattr(native, "transform"):
        raise CapabilityError(
            f"Transformer({native!r})",
            found="it has no transform",
            rule="a Transformer takes transformers",
            fix="use a Classifier or a Regressor",
        )


def check_codes(codes: Any, width: int, dtype: str) -> npt.NDArray[Any]:
    """Return codes that can be turned back: numbers, as many as there are in a code."""
    values = check_array(codes, dtype=(np.float64, np.float32), order="C", input_name="X")
    if values.shape[1] != width:
        raise DataError(
            "codes to turn back",
            found=f"an array of shape {values.shape}",
            rule=f"a code has {width} numbers: shape (n, {width})",
        )
    if np.abs(values).max() > np.finfo(dtype).max:  # some frameworks would hide what comes of it
        raise DataError(
            "codes to turn back",
            found=f"{np.abs(values).max():.3g}",
            rule=f"abs(code) <= {np.finfo(dtype).max:.3g}, as far as {dtype} goes",
        )
    return np.asarray(values)

"""Where a network starts from."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from unifml.core.fitted import Scaling
from unifml.core.plan import Plan
from unifml.layers import initial_weights


def start_weights(plan: Plan, columns: Scaling) -> dict[str, npt.NDArray[Any]]:
    """Draw initial weights, and put the columns' statistics into the leading `Standardize`."""
    assert plan.network is not None
    rng = plan.seeds.generator("init")
    shape, dtype = plan.signature.input_shape, plan.signature.dtype
    weights = initial_weights(plan.network, shape, rng, dtype)
    return weights | standardize_weights(plan, columns)


def standardize_weights(plan: Plan, columns: Scaling) -> dict[str, npt.NDArray[Any]]:
    """Return the weights of the leading `Standardize`, in float64, if there is one."""
    name = plan.network.standardize if plan.network else None
    return {f"{name}.mean": columns.mean, f"{name}.scale": columns.scale} if name else {}

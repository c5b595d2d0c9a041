"""Where a network starts from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.fitted import Scaling
from unifml.core.plan import Plan
from unifml.layers import Standardize, initial_weights


def start_weights(plan: Plan, scalings: Mapping[str, Scaling]) -> dict[str, npt.NDArray[Any]]:
    """Draw initial weights, and put the statistics of the inputs into their `Standardize`.

    Parameters
    ----------
    plan : Plan
        What is to be fitted.
    scalings : mapping of str to Scaling
        Mean and deviation of the features of each input that is standardised.
    """
    assert plan.network is not None
    rng = plan.seeds.generator("init")
    weights = initial_weights(plan.network, plan.signature.feeds, rng, plan.signature.dtype)
    return weights | standardize_weights(plan, scalings)


def standardize_weights(plan: Plan, scalings: Mapping[str, Scaling]) -> dict[str, npt.NDArray[Any]]:
    """Return the weights of every `Standardize`, in float64; columns left alone get 0 and 1.

    Of inputs that `scalings` does not name there are none.
    """
    found: dict[str, npt.NDArray[Any]] = {}
    for node in plan.graph.nodes if plan.network else ():
        if isinstance(node.layer, Standardize) and node.inputs[0].name in scalings:
            scaling, columns = scalings[node.inputs[0].name], node.layer.columns
            chosen = np.isin(np.arange(node.shape[-1]), columns) if columns is not None else True
            found[f"{node.name}.mean"] = np.where(chosen, scaling.mean, 0.0)
            found[f"{node.name}.scale"] = np.where(chosen, scaling.scale, 1.0)
    return found

"""Weights of rows on their way to whoever fits."""

from __future__ import annotations

from inspect import Parameter, signature
from typing import Any

from sklearn import get_config
from sklearn.pipeline import Pipeline

from unifml.errors import CapabilityError

NAME = "sample_weight"


def fit_weights(estimator: Any, weight: Any) -> dict[str, Any]:
    """Return the argument of ``fit`` that carries `weight`; for a Pipeline, to its last step.

    Raises
    ------
    CapabilityError
        If the estimator takes no weights.
    """
    if weight is None:
        return {}
    if get_config()["enable_metadata_routing"]:
        return {NAME: weight}
    name, taker = NAME, estimator
    while isinstance(taker, Pipeline):
        step, taker = taker.steps[-1]
        name = f"{step}__{name}"
    if not takes_weights(taker):
        raise CapabilityError(
            f"sample_weight for {type(taker).__name__}",
            found="its fit takes none",
            fix="leave sample_weight out",
        )
    return {name: weight}


def takes_weights(estimator: Any) -> bool:
    """Say whether ``fit`` of an estimator takes weights of rows."""
    parameters = signature(estimator.fit).parameters
    return NAME in parameters or any(p.kind is Parameter.VAR_KEYWORD for p in parameters.values())

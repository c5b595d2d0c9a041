"""One network on one backend: its losses, its weights, its answers."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone

from unifml.config import config_context
from unifml.core.inputs import count
from unifml.core.table import FloatArray
from unifml.layers import Dropout
from unifml.training import Training

Weights = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Run:
    """What one backend made of a network.

    Attributes
    ----------
    backend, device : str
        Where it ran.
    initial_loss : float or None
        Before the first step; None for models that are solved.
    one_step_loss : float or None
        After one step on all rows (on a thousand of them, where there are more).
    losses : array of shape (epochs,)
        By epoch; empty for models that are solved.
    seconds : float
        Of the fit.
    estimator : fitted estimator
        After all epochs.
    one_step : fitted estimator or None
        After that one step.
    """

    backend: str
    device: str
    initial_loss: float | None
    one_step_loss: float | None
    losses: FloatArray
    seconds: float
    estimator: Any
    one_step: Any

    @property
    def final_loss(self) -> float | None:
        """The loss of the last epoch."""
        return float(self.losses[-1]) if len(self.losses) else None


def run(estimator: Any, backend: str, X: Any, y: Any, few: Any) -> Run:
    """Fit an estimator on a backend, and once more for a single step.

    Parameters
    ----------
    few : (X, y)
        The rows of the single step, all in one batch.
    """
    there = clone(estimator).set_params(backend=backend)
    with config_context(verbose=0):
        start = time.perf_counter()
        fitted = clone(there).fit(X, y)
        seconds = time.perf_counter() - start
        losses = fitted.history_["loss"] if "loss" in fitted.history_ else np.array([])
        stepped, after = _stepped(there, *few) if len(losses) else (None, None)
    first = fitted.history_.initial_loss
    return Run(backend, fitted.device_, first, after, losses, seconds, fitted, stepped)


def draws(estimator: Any) -> bool:
    """Say whether the losses of a fit depend on what a backend's own generator draws."""
    plan = estimator._fitted.plan
    if plan.network is None:
        return False
    nodes = plan.network.graph(plan.signature.feeds).nodes
    return any(
        isinstance(node.layer, Dropout) or getattr(node.layer, "dropout", 0) for node in nodes
    )


def apart(one: Run, other: Run, X: Any, y: Any) -> dict[str, float | None]:
    """Return the largest differences between two runs; losses above 1 in shares of them."""
    stepped = one.one_step is not None and other.one_step is not None
    return {
        "initial_loss": _losses_apart(one.initial_loss, other.initial_loss),
        "one_step_loss": _losses_apart(one.one_step_loss, other.one_step_loss),
        "one_step_weights": _weights_apart(one.one_step, other.one_step) if stepped else None,
        "one_step_predictions": answers_apart(one.one_step, other.one_step, X, y)
        if stepped
        else None,
        "final_loss": _losses_apart(one.final_loss, other.final_loss),
        "final_weights": _weights_apart(one.estimator, other.estimator),
        "final_predictions": answers_apart(one.estimator, other.estimator, X, y),
    }


def answers_apart(one: Any, other: Any, X: Any, y: Any) -> float:
    """Return the largest difference of answers: shares of classes, or standard deviations of y."""
    return float(np.abs(_answers(one, X, y) - _answers(other, X, y)).max())


def _answers(estimator: Any, X: Any, y: Any) -> FloatArray:
    if hasattr(estimator, "predict_proba"):
        return np.asarray(estimator.predict_proba(X))
    return np.asarray(estimator.predict(X)) / (np.std(np.asarray(y, dtype=float)) or 1.0)


def _stepped(estimator: Any, X: Any, y: Any) -> tuple[Any, float]:
    """Return the estimator after one step, and the loss that a second one begins with."""
    training = estimator.training or Training()
    whole = replace(
        training,
        batch_size=count(X),
        validation=None,
        early_stopping=None,
        refit=None,
        callbacks=(),
        checkpoint=None,
        accumulate=None,
    )
    after = [
        clone(estimator).set_params(training=replace(whole, epochs=epochs)).fit(X, y)
        for epochs in (1, 2)
    ]
    return after[0], float(after[1].history_["loss"][1])


def _losses_apart(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return None
    return abs(one - other) / max(1.0, abs(one))


def _weights_apart(one: Any, other: Any) -> float | None:
    first, second = one.get_weights(), other.get_weights()
    if first.keys() != second.keys() or any(first[k].shape != second[k].shape for k in first):
        return None
    return max((float(np.abs(first[k] - second[k]).max()) for k in first), default=0.0)

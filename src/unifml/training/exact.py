"""Exact solutions of convex problems, on any backend that gives loss and gradient."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from unifml.core.adapter import Program, Weights
from unifml.core.history import History
from unifml.core.plan import Plan
from unifml.core.table import FloatArray, Table
from unifml.training.coordinates import Coordinates

_OPTIONS = {"maxiter": 10_000, "maxfun": 20_000, "maxcor": 30, "ftol": 0.0, "gtol": 1e-9}
_STALLED = 1e-5  # a gradient above this after the last step is worth a warning


def solve(
    program: Program, plan: Plan, start: Weights, rows: Table
) -> tuple[dict[str, npt.NDArray[Any]], History]:
    """Minimise the mean loss plus ``l2 / 2 * sum w^2`` by L-BFGS.

    The search runs in coordinates in which the columns of X are uncorrelated and of one size, so
    that it takes few steps whatever their units; the objective, and so its solution, is that of the
    columns as they are.

    Parameters
    ----------
    program : Program
        Gives ``loss_and_gradient``.
    plan : Plan
        A network of one dense layer, and its settings.
    start : mapping
        Canonical weights to start from.
    rows : Table
        The training rows, for the coordinates.

    Returns
    -------
    weights, history
        The solution, and how it was found (``history.solver``).

    References
    ----------
    Liu and Nocedal, "On the limited memory BFGS method for large scale optimization",
    Mathematical Programming 45, 1989; SciPy's implementation is used.
    """
    names = sorted(start)
    coordinates = Coordinates(start, rows, plan.settings.l2)

    def objective(flat: FloatArray) -> tuple[float, FloatArray]:
        weights = coordinates.weights(flat)
        loss, gradient = program.loss_and_gradient(weights)
        penalty = 0.0
        for name in names:
            if name.endswith(".kernel"):
                penalty += 0.5 * plan.settings.l2 * float(np.sum(weights[name] ** 2))
                gradient[name] = gradient[name] + plan.settings.l2 * weights[name]
        return loss + penalty, coordinates.gradient(gradient)

    # SciPy's steps are far too small for the threads that BLAS would wake for each of them.
    with threadpool_limits(limits=1, user_api="blas"):
        begin = coordinates.origin()
        found = minimize(objective, begin, jac=True, method="L-BFGS-B", options=_OPTIONS)
    steepness = float(np.max(np.abs(found.jac)))
    if steepness > _STALLED:
        _warn(steepness)
    history = History(solver={"iterations": float(found.nit), "gradient": steepness})
    dtype = plan.signature.dtype
    weights = coordinates.weights(found.x)
    return {name: weights[name].astype(dtype) for name in names}, history


def _warn(steepness: float) -> None:
    warnings.warn(
        f"the exact solver stopped with a gradient of {steepness:.1e}; "
        "the columns may be collinear: try a larger l2",
        RuntimeWarning,
        stacklevel=3,
    )

"""The golden sample: a few rows, and what the model said of them when it was saved."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.fitted import Fitted, scaling_of
from unifml.core.registry import missing_packages
from unifml.core.signature import ANY, Feed
from unifml.errors import FileFormatError
from unifml.layers import Embedding
from unifml.models import Native
from unifml.training.outputs import probabilities

ROWS, STEPS = 4, 3
_TOLERANCE = {"float64": 1e-6, "float32": 1e-3}  # of the largest output; versions may differ


def sample(fitted: Fitted) -> dict[str, Any]:
    """Return rows and what is predicted of them, or the reason why there are none.

    A native estimator of a library may learn from anything, and gets none.
    """
    plan = fitted.plan
    if isinstance(plan.model, Native) and fitted.adapter.capabilities.untouched:
        return {"absent": "a native estimator takes rows of its own kind"}
    if missing_packages(fitted.adapter):
        return {"absent": "its backend is not installed where it was saved"}
    rows = draw(fitted)
    try:
        outputs = _predicted(fitted, rows)
    except Exception as error:  # what random numbers do must not keep a model from its file
        return {"absent": f"it refused random numbers: {type(error).__name__}, {error!s:.100}"}
    if not np.all(np.isfinite(outputs)):
        return {"absent": "random numbers gave no finite outputs"}
    return {"rows": rows, "outputs": outputs}


def check(fitted: Fitted, golden: Any) -> bool:
    """Compute the golden sample again; return whether there is one.

    Raises
    ------
    FileFormatError
        If the outputs are not those of the time of saving.
    """
    if not isinstance(golden, dict) or "outputs" not in golden:
        return False
    before, now = np.asarray(golden["outputs"]), _predicted(fitted, golden["rows"])
    scale = max(1.0, float(np.max(np.abs(before), initial=0.0)))
    tolerance = _TOLERANCE[fitted.plan.signature.dtype] * scale
    if before.shape != now.shape or not np.all(np.abs(before - now) <= tolerance):
        worst = float(np.max(np.abs(before - now))) if before.shape == now.shape else None
        raise FileFormatError(
            f"the loaded {fitted.plan.model!r} does not predict what it did when it was saved",
            found="outputs of another shape" if worst is None else f"largest difference {worst:g}",
            rule=f"differences of at most {tolerance:g} are due to versions",
            fix="compare the versions in the file's manifest with those that are installed",
        )
    return True


def _predicted(fitted: Fitted, rows: Any) -> npt.NDArray[Any]:
    """Return probabilities or values: what means the same on every backend."""
    plan, outputs = fitted.plan, np.asarray(fitted.outputs(rows))
    if plan.task.kind == "classification" and plan.procedure != "native":
        return np.asarray(probabilities(outputs, plan.task, plan.output))
    return outputs


def draw(fitted: Fitted) -> Any:
    """Draw rows that a network takes: near the rows of fit, and whole where it looks ids up."""
    rng, plan = np.random.default_rng(0), fitted.plan
    arrays: dict[str, npt.NDArray[Any]] = {}
    for feed in plan.signature.feeds:
        arrays[feed.name] = _values(rng, fitted, feed)
        if feed.ragged:
            arrays[feed.lengths] = np.full(ROWS, STEPS, dtype=np.int64)
    return arrays if len(arrays) > 1 or plan.signature.named else arrays["X"]


def _values(rng: np.random.Generator, fitted: Fitted, feed: Feed) -> npt.NDArray[Any]:
    shape = (ROWS, *(STEPS if side == ANY else side for side in feed.shape))
    ids, padding = _ids(fitted)
    if ids:
        drawn = rng.integers(0, ids, shape)
        return np.where(drawn == padding, (drawn + 1) % ids, drawn).astype(np.float64)
    values = rng.normal(size=shape)
    plan, weights = fitted.plan, fitted.weights
    layer = plan.graph.standardized.get(feed.name) if plan.network else None
    return scaling_of(layer, weights).invert(values) if layer and weights else values


def _ids(fitted: Fitted) -> tuple[int, int]:
    """Return how many ids the smallest embedding knows, 0 where there is none, and the padding."""
    nodes = fitted.plan.graph.nodes if fitted.plan.network else ()
    found = [node.layer for node in nodes if isinstance(node.layer, Embedding)]
    padding = [layer.mask_id for layer in found if layer.mask_id is not None]
    return min((min(layer.tables) for layer in found), default=0), next(iter(padding), -1)

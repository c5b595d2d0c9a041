"""Hold the graph of a native model against the model itself, at several sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.exported import road_of
from unifml.core.inputs import arrays_of
from unifml.core.plan import Plan
from unifml.core.seeds import Seeds
from unifml.core.signature import LENGTHS, Feed, Signature
from unifml.core.task import Task
from unifml.training import Training

OPSET = 18
BATCHES, STEPS = (1, 2, 7), (3, 8)
Arrays = dict[str, npt.NDArray[Any]]
Predict = Callable[[Arrays], npt.NDArray[Any]]
_NUMPY = {"float": "float32", "double": "float64", "int32": "int32", "int64": "int64"}


def plan_of(model: Any, shape: tuple[int, ...] = (4,), **inputs: tuple[int, ...]) -> Plan:
    """Return the plan of a native with one input `X` of this shape, or with named ones."""
    dtype = inputs.pop("dtype", "float32")
    named = tuple(Feed(name, sides) for name, sides in inputs.items())
    signature = Signature(named[0].shape if named else shape, 2, dtype=dtype, named=named)
    task = Task("regression", n_targets=2)
    return Plan(model, task, signature, Training().resolve({}, task, 32), Seeds(0), output="values")


def draw(plan: Plan, rows: int, steps: int, ids: int = 0) -> Arrays:
    """Draw rows by name, with whole numbers below `ids` where it is given, and lengths."""
    rng, found = np.random.default_rng(rows + steps), {}
    for feed in plan.signature.feeds:
        sides = (rows, *(steps if side < 0 else side for side in feed.shape))
        values = rng.integers(0, ids, sides) if ids else rng.normal(size=sides)
        found[feed.name] = values.astype(plan.signature.dtype)
        if feed.ragged:
            found[feed.lengths] = np.r_[steps, rng.integers(1, steps + 1, rows - 1)]
    return found


def run(proto: Any, arrays: Arrays) -> npt.NDArray[Any]:
    """Run a graph on rows by name, cast as its inputs want them."""
    import onnxruntime

    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    kinds = {i.name: _NUMPY[i.type.removeprefix("tensor(")[:-1]] for i in session.get_inputs()}
    return session.run(None, {name: arrays[name].astype(kind) for name, kind in kinds.items()})[0]


def check(proto: Any, plan: Plan, predict: Predict, ids: int = 0) -> str:
    """Assert that a graph says what the model says, whatever the sizes; return its road."""
    names = [value.name for value in proto.graph.input]
    assert names == [*arrays_of(plan.signature.feeds)]
    assert [value.name for value in proto.graph.output] == ["outputs"]
    ragged = any(name.endswith(LENGTHS) for name in names)
    for rows in BATCHES:
        for steps in STEPS if ragged else STEPS[:1]:
            arrays = draw(plan, rows, steps, ids)
            wanted = predict(arrays)
            found = run(proto, arrays)
            assert found.shape == (rows, *wanted.shape[1:])
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=2e-6)
    return road_of(proto)

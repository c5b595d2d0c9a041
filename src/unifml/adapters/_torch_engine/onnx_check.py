"""Whether a graph says what its module says: on rows drawn here, before one exporter is trusted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from unifml.core.exported import Port
from unifml.core.inputs import is_lengths

Arrays = dict[str, npt.NDArray[Any]]
Predict = Callable[[Arrays], Any]
ROWS, STEPS = (1, 2, 7), (4, 9)
TRACED_ROWS, TRACED_STEPS = 3, 5  # other sizes than those that are checked
TOLERANCE = 1e-4  # of the largest output: float32 through deep networks, not another formula
QUIET = 4  # onnxruntime raises its errors; it need not print them too


def check(proto: Any, ports: Sequence[Port], predict: Predict, draw: Draw) -> str:
    """Return in which way a graph differs from its module, or nothing.

    Parameters
    ----------
    proto : onnx.ModelProto
        It has the inputs that `ports` name, or some of them.
    ports : sequence of Port
        The inputs.
    predict : callable
        The module itself: arrays by name to its outputs.
    draw : Draw
        Draws the rows.

    Raises
    ------
    Exception
        Of onnxruntime, for a graph that does not load or run.
    """
    run = _runner(proto)
    for rows, steps in _sizes(ports):
        arrays = draw(rows, steps)
        wanted, found = np.asarray(predict(arrays)), run(arrays)
        if wanted.shape != found.shape:
            return f"its outputs are of shape {found.shape}, not {wanted.shape}"
        scale = max(1.0, float(np.max(np.abs(wanted), initial=0.0)))
        if not np.allclose(wanted, found, rtol=0, atol=TOLERANCE * scale, equal_nan=True):
            return f"it differs by {np.max(np.abs(wanted - found)):.2g} on {rows} drawn row(s)"
    return ""


def baked(proto: Any, ports: Sequence[Port]) -> str:
    """Return which axis that may be of any size has become a number, or nothing."""
    there = {value.name: value.type.tensor_type.shape.dim for value in proto.graph.input}
    for port in ports:
        for axis, name in port.dynamic.items():
            if port.name in there and there[port.name][axis].HasField("dim_value"):
                size = there[port.name][axis].dim_value
                return f"it has baked in the size {size} of the axis {name!r}"
    return ""


class Draw:
    """Draws rows that a module takes.

    Parameters
    ----------
    module : nn.Module
        Ids are drawn where it looks some up.
    ports : sequence of Port
        The inputs.
    predict : callable
        The module itself. It decides between numbers, small ids and zeros: the first that it takes.
    """

    def __init__(self, module: nn.Module, ports: Sequence[Port], predict: Predict) -> None:
        self.ports, self.ids = ports, _ids(module)
        kinds = ["numbers", "ids", "zeros"] if self.ids is None else ["ids", "zeros"]
        self.kind = self._accepted(kinds, predict)

    def __call__(self, rows: int = TRACED_ROWS, steps: int = TRACED_STEPS) -> Arrays:
        """Return arrays of some rows by name, the same at every call."""
        return self._arrays(rows, steps, self.kind)

    def _accepted(self, kinds: list[str], predict: Predict) -> str:
        kind, *others = kinds
        try:
            predict(self._arrays(TRACED_ROWS, TRACED_STEPS, kind))
        except Exception:
            if not others:
                raise
            return self._accepted(others, predict)
        return kind

    def _arrays(self, rows: int, steps: int, kind: str) -> Arrays:
        rng = np.random.default_rng(rows * 100 + steps)
        found: Arrays = {}
        for port in self.ports:
            sides = (rows, *(steps if side < 0 else side for side in port.shape))
            if is_lengths(port.name):
                values: Any = rng.integers(1, steps + 1, sides)
                values[0] = steps  # as padding ends where the longest does
            elif kind == "numbers" and port.dtype.startswith("float"):
                values = rng.normal(size=sides)
            else:
                values = rng.integers(0, 1 if kind == "zeros" else self.ids or 2, sides)
            found[port.name] = values.astype(port.dtype)
        return found


def _ids(module: nn.Module) -> int | None:
    """Return how many ids every embedding inside knows; None without embeddings."""
    kinds = (nn.Embedding, nn.EmbeddingBag)
    return min((m.num_embeddings for m in module.modules() if isinstance(m, kinds)), default=None)


def _sizes(ports: Sequence[Port]) -> Iterator[tuple[int, int]]:
    steps = STEPS if any(port.ragged for port in ports) else STEPS[:1]
    return ((rows, size) for rows in ROWS for size in steps)


def _runner(proto: Any) -> Callable[[Arrays], npt.NDArray[Any]]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = QUIET
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    kinds = {value.name: _KINDS[value.type] for value in session.get_inputs()}

    def run(arrays: Arrays) -> npt.NDArray[Any]:
        given: Arrays = {name: arrays[name].astype(kind) for name, kind in kinds.items()}
        return np.asarray(session.run(None, given)[0])

    return run


_KINDS = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
}


def as_tensors(arrays: Arrays) -> dict[str, torch.Tensor]:
    """Return arrays as tensors on the CPU."""
    return {name: torch.from_numpy(values) for name, values in arrays.items()}

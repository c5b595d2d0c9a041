"""Weights stored in int8 and used in float32: by operators of the standard, for any layer."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.export.shrink.order import FLOAT, floats, put_nodes

STORED = frozenset({"GRU", "RNN", "Gather", "MatMul"})
"""Operators without an integer kernel, as MatMul is of stacks of matrices."""
_PLACES = {"Conv": (1,), "LSTM": (1, 2), "GRU": (1, 2), "RNN": (1, 2), "MatMul": (0, 1)}
_SUMMED = {"Conv": (1, 2, 3, 4), "LSTM": (0, 2), "GRU": (0, 2), "RNN": (0, 2), "MatMul": (-2,)}
"""Axes of weights that one scale serves: those over which products are added up."""
_LEAST = 256  # numbers in a weight; fewer save nothing


def stored(proto: Any, kinds: Collection[str]) -> Any:
    """Round weights of some operators to int8, with a scale for each output, in place.

    Parameters
    ----------
    proto : onnx.ModelProto
        The network.
    kinds : collection of str
        The operators; for ``Gather``, tables of embeddings.

    Returns
    -------
    onnx.ModelProto
        The same network.
    """
    readers: dict[str, list[Any]] = {}
    for node in proto.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    nodes = list(proto.graph.node)
    for name, tensor in floats(proto).items():
        users = readers.get(name, [])
        if int(np.prod(tensor.dims)) < _LEAST or not users:
            continue
        if all(_is_table(user, name) for user in users) and "Gather" in kinds:
            nodes = [part for node in nodes for part in _looked_up(proto, node, tensor, users)]
            proto.graph.initializer.remove(tensor)
        elif all(user.op_type in kinds and _is_weight(user, tensor) for user in users):
            nodes += _rounded(proto, tensor, _SUMMED[users[0].op_type])
    put_nodes(proto, nodes)
    return proto


def _is_table(node: Any, name: str) -> bool:
    axis = next((a.i for a in node.attribute if a.name == "axis"), 0)
    return node.op_type == "Gather" and node.input[0] == name and axis == 0


def _is_weight(node: Any, tensor: Any) -> bool:
    return tensor.name in [node.input[place] for place in _PLACES[node.op_type]]


def _rounded(proto: Any, tensor: Any, summed: tuple[int, ...]) -> list[Any]:
    """Put integers in the place of a weight, and return the nodes that make floats of them.

    onnxruntime computes a Cast and a Mul of constants when it loads a file, a DequantizeLinear in
    every run.
    """
    from onnx import helper, numpy_helper

    name = tensor.name
    values, scale = _integers(numpy_helper.to_array(tensor), summed)
    tensor.CopyFrom(numpy_helper.from_array(values, f"{name}/int8"))
    proto.graph.initializer.append(numpy_helper.from_array(scale, f"{name}/scale"))
    whole = helper.make_node("Cast", [f"{name}/int8"], [f"{name}/whole"], f"{name}/whole", to=FLOAT)
    return [whole, helper.make_node("Mul", [f"{name}/whole", f"{name}/scale"], [name], name)]


def _looked_up(proto: Any, node: Any, tensor: Any, users: list[Any]) -> list[Any]:
    """Return the nodes that look up rows of integers, and multiply each by its scale."""
    from onnx import helper, numpy_helper

    if not any(node is user for user in users):
        return [node]
    name, (_, ids), (out,) = tensor.name, node.input, node.output
    if node is users[0]:
        table = numpy_helper.to_array(tensor)
        values, scale = _integers(table, tuple(range(1, table.ndim)))
        for part, array in (("int8", values), ("scale", scale)):
            proto.graph.initializer.append(numpy_helper.from_array(array, f"{name}/{part}"))
    steps = [
        ("Gather", [f"{name}/int8", ids], f"{out}/int8", {"axis": 0}),
        ("Cast", [f"{out}/int8"], f"{out}/whole", {"to": FLOAT}),
        ("Gather", [f"{name}/scale", ids], f"{out}/scale", {"axis": 0}),
        ("Mul", [f"{out}/whole", f"{out}/scale"], out, {}),
    ]
    return [helper.make_node(kind, i, [o], name=o, **more) for kind, i, o, more in steps]


def _integers(
    values: npt.NDArray[Any], summed: tuple[int, ...]
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Return whole numbers from -127 to 127, and their scale, the same along some axes."""
    axes = tuple(axis for axis in summed if axis < values.ndim)
    largest = np.abs(values).max(axis=axes, keepdims=True)
    scale = np.where(largest > 0, largest / 127, 1.0).astype(np.float32)
    return np.clip(np.rint(values / scale), -127, 127).astype(np.int8), scale

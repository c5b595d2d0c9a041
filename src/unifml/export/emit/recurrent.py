"""Recurrent layers, by ONNX's own operators."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.export.emit.step import INT32, Rule, Step

Array = npt.NDArray[Any]
# Where ONNX's gates stand in ours: LSTM i, o, f, c in i, f, g, o; GRU z, r, h in r, z, n.
_GATES = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "simple_rnn": (0,)}
_OPERATORS = {"lstm": "LSTM", "gru": "GRU", "simple_rnn": "RNN"}


def _recurrent(s: Step) -> str:
    ways = ("forward_", "backward_") if s.layer.bidirectional else ("",)
    settings: dict[str, Any] = {"hidden_size": int(s.layer.units)}
    if len(ways) == 2:
        settings["direction"] = "bidirectional"
    if s.layer.kind == "gru":
        settings["linear_before_reset"] = 1
    if s.layer.kind == "simple_rnn":
        settings["activations"] = [s.layer.activation.capitalize()] * len(ways)
    weights = (
        s.constant(part, np.stack([make(s, way) for way in ways]))
        for part, make in (("W", _kernel), ("R", _state_kernel), ("B", _biases))
    )
    steps = s.op("Transpose", s.x, part="by_step", perm=[1, 0, 2])
    inputs = (steps, *weights, _lengths(s))
    name = _OPERATORS[s.layer.kind]
    if s.layer.return_sequences:
        return _side_by_side(s, s.op(name, *inputs, part="states", **settings), (1, 0, 2, 3))
    last = s.second_op(name, *inputs, part="states", **settings)
    return _side_by_side(s, last, (1, 0, 2))


def _side_by_side(s: Step, states: str, order: tuple[int, ...]) -> str:
    """Turn (steps, ways, rows, units) and (ways, rows, units): rows first, the ways joined."""
    if len(order) == 4:
        turned = s.op("Transpose", states, part="by_row", perm=[2, 0, 1, 3])
        return s.op("Reshape", turned, s.whole("shape", 0, 0, s.node.shape[-1]))
    turned = s.op("Transpose", states, part="by_row", perm=[1, 0, 2])
    return s.op("Reshape", turned, s.whole("shape", 0, s.node.shape[-1]))


def _lengths(s: Step) -> str:
    mask = s.masked()
    return "" if mask is None else s.op("Cast", mask.lengths, part="lengths", to=INT32)


def _kernel(s: Step, way: str) -> Array:
    return _gates(s, s.own[f"{way}kernel"]).T


def _state_kernel(s: Step, way: str) -> Array:
    return _gates(s, s.own[f"{way}recurrent"]).T


def _biases(s: Step, way: str) -> Array:
    """Return both biases that ONNX wants; what we have none of is 0."""
    bias = s.own[f"{way}bias"]
    second = s.own.get(f"{way}recurrent_bias", np.zeros_like(bias))
    return np.concatenate([_gates(s, bias), _gates(s, second)])


def _gates(s: Step, values: Array) -> Array:
    """Put the gates, side by side on the last axis, into ONNX's order."""
    order = _GATES[s.layer.kind]
    parts = np.split(values, len(order), axis=-1)
    return np.concatenate([parts[i] for i in order], axis=-1)


RULES: dict[str, Rule] = dict.fromkeys(_OPERATORS, _recurrent)

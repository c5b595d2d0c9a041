"""Attention, by matrix products."""

from __future__ import annotations

import math

import numpy as np

from unifml.core.signature import ANY
from unifml.export.emit.step import LOWEST, Rule, Step, steps_of


def _attention(s: Step) -> str:
    heads, width = s.layer.heads, s.layer.width(s.node.inputs[0].shape)
    memory = s.as_last(len(s.held) - 1)
    query = _head(s, "query", s.x, (0, 2, 1, 3))
    key, value = _head(s, "key", memory, (0, 2, 3, 1)), _head(s, "value", memory, (0, 2, 1, 3))
    factor = s.constant("factor", 1 / math.sqrt(width))
    scores = s.op("MatMul", s.op("Mul", query, factor, part="scaled"), key, part="scores")
    for seen in _seen(s, memory):
        scores = s.op("Where", seen, scores, s.constant("unseen", LOWEST), part="seen_scores")
    looked = s.op("MatMul", s.op("Softmax", scores, part="weights", axis=-1), value, part="looked")
    turned = s.op("Transpose", looked, part="by_step", perm=[0, 2, 1, 3])
    joined = s.op("Reshape", turned, s.whole("inside", 0, 0, heads * width), part="joined")
    return _linear(s, "output", joined, part="")


def _head(s: Step, name: str, x: str, order: tuple[int, ...]) -> str:
    """Map linearly, and cut into heads."""
    shape = s.whole(f"{name}_heads", 0, 0, s.layer.heads, s.layer.width(s.node.inputs[0].shape))
    cut = s.op("Reshape", _linear(s, name, x, name), shape, part=f"{name}_cut")
    return s.op("Transpose", cut, part=f"{name}_by_head", perm=list(order))


def _linear(s: Step, name: str, x: str, part: str) -> str:
    kernel = s.weight(f"{name}_kernel")
    if not s.layer.bias:
        return s.op("MatMul", x, kernel, part=part)
    product = s.op("MatMul", x, kernel, part=f"{name}_product")
    return s.op("Add", product, s.weight(f"{name}_bias"), part=part)


def _seen(s: Step, memory: str) -> list[str]:
    """Write what a step may look at: no padding, and nothing later if it is causal."""
    seen = []
    mask = s.masked(len(s.held) - 1)
    if mask is not None:
        seen.append(s.op("Unsqueeze", mask.valid, s.whole("mask_axes", 1, 2), part="valid"))
    if s.layer.causal:
        seen.append(_no_later(s, memory))
    return seen


def _no_later(s: Step, memory: str) -> str:
    queries, keys = s.node.inputs[0].shape[0], s.node.inputs[-1].shape[0]
    if ANY not in (queries, keys):
        return s.constant("causal", np.tri(queries, keys), bool)
    at = steps_of(s.g, s.x, queries, f"{s.node.name}.query")
    column = s.op("Unsqueeze", at, s.whole("causal_axis", 1), part="query_column")
    steps = steps_of(s.g, memory, keys, f"{s.node.name}.key")
    return s.op("LessOrEqual", steps, column, part="causal")


RULES: dict[str, Rule] = {"attention": _attention}

"""Layers that move, drop or join values."""

from __future__ import annotations

from math import prod

from unifml.export.emit.step import Held, Rule, Step

_JOINS = {"add": "Add", "multiply": "Mul"}  # of two at a time


def _nothing(s: Step) -> Held:
    return s.held[0]


def _flatten(s: Step) -> str:
    return s.op("Reshape", s.x, s.whole("shape", 0, prod(s.node.inputs[0].shape)))


def _reshape(s: Step) -> str:
    return s.op("Reshape", s.x, s.whole("shape", 0, *s.layer.shape))


def _permute(s: Step) -> str:
    return s.op("Transpose", s.x, perm=[0, *(axis + 1 for axis in s.layer.axes)])


def _columns(s: Step) -> str:
    return s.op("Gather", s.x, s.whole("indices", *s.layer.indices), axis=-1)


def _join(s: Step) -> Held:
    """Stay with the features first where all inputs have them there."""
    first = all(held.first for held in s.held)
    values = [s.as_first(i) if first else s.as_last(i) for i in range(len(s.held))]
    if s.layer.how == "concat":
        return Held(s.op("Concat", *values, axis=1 if first else -1), first)
    if s.layer.how == "average":
        return Held(s.op("Mean", *values), first)
    sum_or_product = values[0]
    for i, value in enumerate(values[1:], 1):
        part = "" if i == len(values) - 1 else f"with_{i}"
        sum_or_product = s.op(_JOINS[s.layer.how], sum_or_product, value, part=part)
    return Held(sum_or_product, first)


RULES: dict[str, Rule] = {
    "dropout": _nothing,
    "spatial_dropout": _nothing,
    "flatten": _flatten,
    "reshape": _reshape,
    "permute": _permute,
    "columns": _columns,
    "join": _join,
}

"""Normalisations, and the standardisation of inputs."""

from __future__ import annotations

import numpy as np

from unifml.export.emit.step import FLOAT, Held, Rule, Step

_EXACT = 1e-8  # share of a standard deviation by which a mean may be rounded


def _standardize(s: Step) -> str:
    """Subtract in float32, twice where one float32 cannot hold the mean, and divide.

    What comes in float64 is standardised so, and rounded after.
    """
    mean, scale = s.own["mean"].astype(np.float64), s.own["scale"].astype(np.float64)
    if s.held[0].double:
        x = s.op("Sub", s.held[0].name, s.constant("mean", mean, np.float64), part="centred")
        x = s.op("Div", x, s.constant("scale", scale, np.float64), part="wide")
        return s.op("Cast", x, to=FLOAT)
    rest = mean - mean.astype(np.float32)
    x = s.op("Sub", s.x, s.constant("mean", mean), part="centred")
    if np.any(np.abs(rest) > _EXACT * scale):
        x = s.op("Sub", x, s.constant("mean_rest", rest), part="centred_rest")
    return s.op("Div", x, s.constant("scale", scale))


def _batch_norm(s: Step) -> Held:
    """Use ONNX's own operator where the features come first, as it wants them."""
    if s.held[0].first:
        own = [s.weight(name) for name in ("scale", "offset", "mean", "variance")]
        epsilon = float(s.layer.epsilon)
        x = s.op("BatchNormalization", s.held[0].name, *own, epsilon=epsilon)
        return Held(x, first=True)
    wide = {key: value.astype(np.float64) for key, value in s.own.items()}
    factor = wide["scale"] / np.sqrt(wide["variance"] + s.layer.epsilon)
    x = s.op("Sub", s.x, s.constant("mean", wide["mean"]), part="centred")
    x = s.op("Mul", x, s.constant("factor", factor), part="scaled")
    return Held(s.op("Add", x, s.constant("offset", wide["offset"])))


def _layer_norm(s: Step) -> str:
    own = (s.weight("scale"), s.weight("offset"))
    return s.op("LayerNormalization", s.x, *own, axis=-1, epsilon=float(s.layer.epsilon))


def _group_norm(s: Step) -> Held:
    """Put each group on one axis, and normalise there."""
    shape, groups = s.node.inputs[0].shape, s.layer.groups
    x = s.op("Reshape", s.as_first(0), s.whole("groups", 0, groups, -1), part="grouped")
    axis = s.whole("axis", -1)
    x = s.op("Sub", x, s.op("ReduceMean", x, axis, part="mean"), part="centred")
    x = s.op("Mul", x, _inverse_deviation(s, x, axis), part="normal")
    x = s.op("Reshape", x, s.whole("whole", 0, shape[-1], *shape[:-1]), part="ungrouped")
    own = (s.own[name].reshape(-1, *(1 for _ in shape[:-1])) for name in ("scale", "offset"))
    scale, offset = map(s.constant, ("scale", "offset"), own)
    return Held(s.op("Add", s.op("Mul", x, scale, part="scaled"), offset), first=len(shape) > 1)


def _rms_norm(s: Step) -> str:
    x = s.op("Mul", s.x, _inverse_deviation(s, s.x, s.whole("axis", -1)), part="normal")
    return s.op("Mul", x, s.weight("scale"))


def _inverse_deviation(s: Step, x: str, axis: str) -> str:
    """Write 1 / sqrt(mean(x^2) + epsilon)."""
    square = s.op("ReduceMean", s.op("Mul", x, x, part="squared"), axis, part="mean_square")
    square = s.op("Add", square, s.constant("epsilon", s.layer.epsilon), part="variance")
    return s.op("Reciprocal", s.op("Sqrt", square, part="deviation"), part="factor")


RULES: dict[str, Rule] = {
    "standardize": _standardize,
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "group_norm": _group_norm,
    "rms_norm": _rms_norm,
}

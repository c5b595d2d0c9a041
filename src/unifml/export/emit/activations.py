"""Activations."""

from __future__ import annotations

import math
from collections.abc import Callable

from unifml.export.emit.step import Held, Rule, Step
from unifml.layers.activation import FAR, LEAKY_SLOPE

Function = Callable[[Step, str], str]


def _activation(s: Step) -> Held:
    """Work on any layout; softmax alone needs the features last."""
    write = ACTIVATIONS[s.layer.function]
    if s.layer.function == "softmax":
        return Held(write(s, s.x))
    return Held(write(s, s.held[0].name), s.held[0].first)


def _learned(s: Step) -> str:
    """Write x + a * (f(x) - x)."""
    bent = ACTIVATIONS[s.layer.function](s, s.x)
    bend = s.op("Sub", bent, s.x, part="bend")
    return s.op("Add", s.x, s.op("Mul", bend, s.weight("strength"), part="learned"), part="sum")


def _smooth_clip(s: Step, x: str) -> str:
    """Write x / sqrt(1 + x * x / 9); from afar 3, for the square of a large number is infinite."""
    near = s.op("Clip", x, s.constant("low", -FAR), s.constant("high", FAR), part="near")
    square = s.op("Mul", near, near, part="square")
    ninth = s.op("Div", square, s.constant("nine", 9.0), part="ninth")
    root = s.op("Sqrt", s.op("Add", ninth, s.constant("one", 1.0), part="shifted"), part="root")
    return s.op("Div", near, root)


def _gelu(s: Step, x: str) -> str:
    """Write x * (1 + erf(x / sqrt 2)) / 2."""
    inner = s.op("Div", x, s.constant("root", math.sqrt(2.0)), part="scaled")
    erf = s.op("Erf", inner, part="erf")
    one = s.op("Add", erf, s.constant("one", 1.0), part="shifted")
    half = s.op("Mul", x, s.constant("half", 0.5), part="halved")
    return s.op("Mul", half, one)


def _silu(s: Step, x: str) -> str:
    return s.op("Mul", x, s.op("Sigmoid", x, part="gate"))


def _clip(low: float, high: float) -> Function:
    def write(s: Step, x: str) -> str:
        return s.op("Clip", x, s.constant("low", low), s.constant("high", high))

    return write


ACTIVATIONS: dict[str, Function] = {
    "identity": lambda s, x: x,
    "relu": lambda s, x: s.op("Relu", x),
    "leaky_relu": lambda s, x: s.op("LeakyRelu", x, alpha=LEAKY_SLOPE),
    "elu": lambda s, x: s.op("Elu", x, alpha=1.0),
    "gelu": _gelu,
    "silu": _silu,
    "tanh": lambda s, x: s.op("Tanh", x),
    "sigmoid": lambda s, x: s.op("Sigmoid", x),
    "softmax": lambda s, x: s.op("Softmax", x, axis=-1),
    "mish": lambda s, x: s.op("Mish", x),
    "softplus": lambda s, x: s.op("Softplus", x),
    "selu": lambda s, x: s.op("Selu", x),
    "relu6": _clip(0.0, 6.0),
    "hard_sigmoid": lambda s, x: s.op("HardSigmoid", x, alpha=1 / 6, beta=0.5),
    "hard_silu": lambda s, x: s.op("HardSwish", x),
    "hard_tanh": _clip(-1.0, 1.0),
    "smooth_clip": _smooth_clip,
}

RULES: dict[str, Rule] = {"activation": _activation, "learned_activation": _learned}

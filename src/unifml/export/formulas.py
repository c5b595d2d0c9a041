"""Formulas in float64 that read as NumPy's do: operators on names of tensors add nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from unifml.export.values import ELEMENTS, Answers, Block
from unifml.runtime.schema import Kind

if TYPE_CHECKING:
    from unifml.export.graph import Graph
    from unifml.export.writer import Writer

Operand = Any
"""Another `Real`, or numbers, which become a constant."""


class Real:
    """A tensor of float64 in a graph; comparisons return names of tensors of bool.

    Parameters
    ----------
    g : Graph
        Receives the nodes.
    name : str
        Its name there.
    """

    __slots__ = ("g", "name")

    def __init__(self, g: Graph, name: str) -> None:
        self.g, self.name = g, name

    @classmethod
    def of(cls, g: Graph, block: Block) -> Real:
        """Return a block's values, cast."""
        return cls(g, block.cast(g, "double").name)

    def do(self, kind: str, *others: Operand, **attributes: Any) -> Real:
        """Return what an operator makes of it and others."""
        return Real(self.g, self._node(kind, self, *others, **attributes))

    def where(self, condition: str, other: Operand) -> Real:
        """Return these values where a condition holds, others elsewhere."""
        return Real(self.g, self.g.op("Where", condition, self.name, self._name(other)))

    def otherwise(self, condition: str, other: Operand) -> Real:
        """Return other values where a condition holds, these elsewhere."""
        return Real(self.g, self.g.op("Where", condition, self._name(other), self.name))

    def missing(self) -> str:
        """Return where it is NaN."""
        return self._node("IsNaN", self)

    def equals(self, other: Operand) -> str:
        """Return where it equals another."""
        return self._node("Equal", self, other)

    def rounded(self, kind: Kind) -> Real:
        """Return it as it is after being kept as another kind."""
        if kind == "double":
            return self
        kept = self.g.op("Cast", self.name, to=ELEMENTS[kind])
        return Real(self.g, self.g.op("Cast", kept, to=ELEMENTS["double"]))

    def __add__(self, other: Operand) -> Real:
        return self.do("Add", other)

    def __sub__(self, other: Operand) -> Real:
        return self.do("Sub", other)

    def __mul__(self, other: Operand) -> Real:
        return self.do("Mul", other)

    def __truediv__(self, other: Operand) -> Real:
        return self.do("Div", other)

    def __neg__(self) -> Real:
        return self.do("Neg")

    def __radd__(self, other: Operand) -> Real:
        return Real(self.g, self._node("Add", other, self))

    def __rsub__(self, other: Operand) -> Real:
        return Real(self.g, self._node("Sub", other, self))

    def __rmul__(self, other: Operand) -> Real:
        return Real(self.g, self._node("Mul", other, self))

    def __rtruediv__(self, other: Operand) -> Real:
        return Real(self.g, self._node("Div", other, self))

    def __lt__(self, other: Operand) -> str:
        return self._node("Less", self, other)

    def __le__(self, other: Operand) -> str:
        return self._node("LessOrEqual", self, other)

    def __gt__(self, other: Operand) -> str:
        return self._node("Greater", self, other)

    def __ge__(self, other: Operand) -> str:
        return self._node("GreaterOrEqual", self, other)

    def _node(self, kind: str, *operands: Operand, **attributes: Any) -> str:
        return self.g.op(kind, *map(self._name, operands), **attributes)

    def _name(self, operand: Operand) -> str:
        if isinstance(operand, Real):
            return operand.name
        return self.g.constant("value", operand, np.float64)


def columns(w: Writer, values: Real, kind: Kind, width: int) -> Answers:
    """Return answers of a transformer: values kept as the kind that its rows had."""
    return w.transformed(Block(values.name, "double", (width,)).cast(w.g, kind).name, kind, width)


def clipped(x: Real, low: Any, high: Any) -> Real:
    """Write ``numpy.clip``, which hands NaN through; None bounds nothing."""
    if high is not None:
        x = x.otherwise(x > high, high)
    return x if low is None else x.otherwise(x < low, low)


def log1p(x: Real) -> Real:
    """Write log(1 + x), exact for small x: what 1 + x loses is made good by a factor (Kahan)."""
    above = x + 1.0
    kept = above - 1.0
    log = above.do("Log")
    return log.where(kept.equals(x), log * (x / kept)).otherwise(kept.equals(0.0), x)


def expm1(x: Real) -> Real:
    """Write exp(x) - 1, exact for small x: what exp(x) loses is made good by a factor (Kahan)."""
    power = x.do("Exp")
    less = power - 1.0
    near = (less * (x / power.do("Log"))).otherwise(less.equals(0.0), x)
    return near.where(x.do("Abs") <= 1.0, less)


def modulo(x: Real, period: Any) -> Real:
    """Write Python's x % period for periods above 0."""
    rest = x.do("Mod", period, fmod=1)
    return rest.otherwise(rest < 0.0, rest + period)


def normal_quantile(p: Real) -> Real:
    """Write the quantile of the normal distribution, for 1e-11 <= p <= 1 - 1e-11.

    Wichura, Algorithm AS 241: rational functions in the middle and in the tails, with errors of
    about 1e-16.
    """
    q = p - 0.5
    middle = q * _ratio(0.180625 - q * q, _MIDDLE)
    tail = p.where(q < 0.0, 1.0 - p)
    far = _ratio((-tail.do("Log")).do("Sqrt") - 1.6, _TAIL)
    far = far.otherwise(q < 0.0, -far)
    return middle.where(q.do("Abs") <= 0.425, far)


def _ratio(x: Real, coefficients: tuple[Sequence[float], Sequence[float]]) -> Real:
    above, below = (_polynomial(x, each) for each in coefficients)
    return above / below


def _polynomial(x: Real, coefficients: Sequence[float]) -> Real:
    """Write a polynomial by Horner's rule, the highest power first."""
    value = x * coefficients[0] + coefficients[1]
    for coefficient in coefficients[2:]:
        value = value * x + coefficient
    return value


_MIDDLE = (
    (
        2.5090809287301226727e3,
        3.3430575583588128105e4,
        6.7265770927008700853e4,
        4.5921953931549871457e4,
        1.3731693765509461125e4,
        1.9715909503065514427e3,
        1.3314166789178437745e2,
        3.3871328727963666080e0,
    ),
    (
        5.2264952788528545610e3,
        2.8729085735721942674e4,
        3.9307895800092710610e4,
        2.1213794301586595867e4,
        5.3941960214247511077e3,
        6.8718700749205790830e2,
        4.2313330701600911252e1,
        1.0,
    ),
)
_TAIL = (
    (
        7.74545014278341407640e-4,
        2.27238449892691845833e-2,
        2.41780725177450611770e-1,
        1.27045825245236838258e0,
        3.64784832476320460504e0,
        5.76949722146069140550e0,
        4.63033784615654529590e0,
        1.42343711074968357734e0,
    ),
    (
        1.05075007164441684324e-9,
        5.47593808499534494600e-4,
        1.51986665636164571966e-2,
        1.48103976427480074590e-1,
        6.89767334985100004550e-1,
        1.67638483018380384940e0,
        2.05319162663775882187e0,
        1.0,
    ),
)

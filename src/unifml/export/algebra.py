"""Arithmetic in float64, as scikit-learn computes: formulas that read like NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from unifml.export.graph import Graph

Operand = Any
"""Name of a tensor of float64, or numbers, which become a constant."""
_DOUBLE, _INT64 = 11, 7


class Algebra:
    """Nodes for arithmetic in float64.

    Parameters
    ----------
    g : Graph
        Receives the nodes.
    """

    def __init__(self, g: Graph) -> None:
        self.g = g

    def of(self, operand: Operand, name: str = "value") -> str:
        """Return the name of a tensor; numbers become a constant."""
        return operand if isinstance(operand, str) else self.g.constant(name, operand, np.float64)

    def op(self, kind: str, *operands: Operand, name: str = "", **attributes: Any) -> str:
        """Add a node whose operands are tensors or numbers."""
        return self.g.op(kind, *map(self.of, operands), name=name, **attributes)

    def add(self, a: Operand, b: Operand, name: str = "") -> str:
        """Return a + b."""
        return self.op("Add", a, b, name=name)

    def sub(self, a: Operand, b: Operand, name: str = "") -> str:
        """Return a - b."""
        return self.op("Sub", a, b, name=name)

    def mul(self, a: Operand, b: Operand, name: str = "") -> str:
        """Return a * b."""
        return self.op("Mul", a, b, name=name)

    def div(self, a: Operand, b: Operand, name: str = "") -> str:
        """Return a / b."""
        return self.op("Div", a, b, name=name)

    def dot(self, a: Operand, b: Operand, name: str = "") -> str:
        """Return a @ b."""
        return self.op("MatMul", a, b, name=name)

    def affine(self, x: str, weights: Any, bias: Any = None, name: str = "") -> str:
        """Return x @ weights + bias, with weights of shape (width, outputs)."""
        product = self.dot(x, np.asarray(weights), name=name)
        return product if bias is None else self.add(product, np.asarray(bias), name=name)

    def sum(self, a: str, axis: int = 1, keep: bool = False, kind: str = "ReduceSum") -> str:
        """Return sums along an axis; `kind` names another reduction."""
        return self.g.op(kind, a, self.ints(axis), keepdims=int(keep))

    def ints(self, *values: int) -> str:
        """Return a constant of whole numbers (values,)."""
        return self.g.constant("axes", list(values), np.int64)

    def column(self, a: str) -> str:
        """Return (n,) as (n, 1)."""
        return self.g.op("Reshape", a, self.ints(-1, 1))

    def flat(self, a: str) -> str:
        """Return (n, 1) as (n,)."""
        return self.g.op("Reshape", a, self.ints(-1))

    def take(self, a: Operand, indices: str, axis: int = 0, name: str = "") -> str:
        """Return entries by their int64 numbers."""
        return self.g.op("Gather", self.of(a), indices, axis=axis, name=name)

    def at(self, a: str, column: int) -> str:
        """Return one column as (n,)."""
        return self.flat(self.g.op("Gather", a, self.ints(column), axis=1))

    def stack(self, *columns: str, name: str = "") -> str:
        """Return tensors (n, k) side by side."""
        return self.g.op("Concat", *columns, axis=1, name=name)

    def where(self, condition: str, yes: Operand, no: Operand) -> str:
        """Return one or the other."""
        return self.g.op("Where", condition, self.of(yes), self.of(no))

    def number(self, a: str) -> str:
        """Return anything as float64."""
        return self.g.op("Cast", a, to=_DOUBLE)

    def whole(self, a: str) -> str:
        """Return anything as int64."""
        return self.g.op("Cast", a, to=_INT64)

    def sigmoid(self, a: str) -> str:
        """Return 1 / (1 + exp(-a)); onnxruntime's own is 0 below -37, where ratios still count."""
        return self.div(1.0, self.add(self.op("Exp", self.op("Neg", a)), 1.0))

    def pair(self, yes: str) -> str:
        """Return [1 - p, p] of a column (n, 1)."""
        return self.stack(self.sub(1.0, yes), yes, name="probabilities")

    def normal(self, shares: str) -> str:
        """Return rows that sum to 1."""
        return self.div(shares, self.sum(shares, keep=True), name="probabilities")

    def filled(self, x: str, value: Any) -> str:
        """Return one row of numbers for each row of x (n, width)."""
        row = np.atleast_2d(np.asarray(value, dtype=np.float64))
        n = self.g.op("Shape", x, start=0, end=1)
        shape = self.g.op("Concat", n, self.ints(row.shape[1]), axis=0)
        return self.g.op("Expand", self.of(row), shape)

    def lowest(self, a: str, count: int) -> tuple[str, str]:
        """Return the lowest values of each row and their numbers, lowest first; the first wins."""
        from onnx import helper

        values, order = self.g.unique("lowest"), self.g.unique("order")
        inputs = [a, self.ints(count)]
        node = helper.make_node("TopK", inputs, [values, order], name=order, axis=1, largest=0)
        self.g.nodes.append(node)
        return values, order

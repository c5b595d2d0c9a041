"""What a rule gets to see: one node of a network, and where its inputs are in the ONNX graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.signature import ANY
from unifml.export.graph import Graph as Builder
from unifml.layers import Node

INT64, INT32, FLOAT = 7, 6, 1  # onnx.TensorProto
LOWEST = float(np.finfo(np.float32).min)


@dataclass(frozen=True)
class Held:
    """A tensor of the ONNX graph.

    Attributes
    ----------
    name : str
        Its name.
    first : bool
        Whether the features stand right behind the rows, as convolutions want them, not last.
    double : bool
        Whether it is float64.
    """

    name: str
    first: bool = False
    double: bool = False


@dataclass(frozen=True)
class Step:
    """One node to write.

    Attributes
    ----------
    g : Builder
        Receives the ONNX nodes.
    node : Node
        What is to be written.
    own : dict of str to array
        Its weights by their short names.
    held : tuple of Held
        Its inputs, as they are.
    as_last, as_first : callable
        Give the name of an input with its features last, or first.
    mask : callable
        Gives the lengths (n,) and the valid steps (n, T) behind a name of a mask.
    """

    g: Builder
    node: Node
    own: dict[str, npt.NDArray[Any]]
    held: tuple[Held, ...]
    as_last: Callable[[int], str]
    as_first: Callable[[int], str]
    mask: Callable[[str], Mask]

    @property
    def layer(self) -> Any:
        """The layer."""
        return self.node.layer

    @property
    def x(self) -> str:
        """The first input, features last."""
        return self.as_last(0)

    @property
    def rank(self) -> int:
        """Number of axes of a row of the first input."""
        return len(self.node.inputs[0].shape)

    def masked(self, i: int = 0) -> Mask | None:
        """Return the mask of an input, if it has padding."""
        name = self.node.inputs[i].mask
        return None if name is None else self.mask(name)

    def op(self, kind: str, *inputs: str, part: str = "", **attributes: Any) -> str:
        """Write an ONNX node that is named after this one; without `part` the last of it."""
        return self.g.op(kind, *inputs, name=self._named(part), **attributes)

    def second_op(self, kind: str, *inputs: str, part: str, **attributes: Any) -> str:
        """Write an ONNX node whose second output is wanted."""
        return self.g.second_op(kind, *inputs, name=self._named(part), **attributes)

    def constant(self, part: str, value: npt.ArrayLike, dtype: Any = np.float32) -> str:
        """Write a constant that is named after this node."""
        return self.g.constant(self._named(part), value, dtype)

    def whole(self, part: str, *values: int) -> str:
        """Write whole numbers: axes, a shape."""
        return self.constant(part, list(values), np.int64)

    def weight(self, name: str) -> str:
        """Write one of the node's own weights as it is."""
        return self.constant(name, self.own[name])

    def _named(self, part: str) -> str:
        return f"{self.node.name}.{part}" if part else self.node.name


@dataclass(frozen=True)
class Mask:
    """The padding of a batch of sequences, which stands at their ends.

    Attributes
    ----------
    lengths : str
        Number of steps of each row, int64 (n,).
    valid : str
        Which steps are not padding, bool (n, T).
    """

    lengths: str
    valid: str


Rule = Callable[[Step], str | Held]


def steps_of(g: Builder, x: str, steps: int, name: str) -> str:
    """Write the numbers 0, 1, ... of the steps of sequences (n, steps, ...).

    Where their number is known they are a constant: onnxruntime 1.32 infers from a known shape that
    Range gets no scalar, and refuses the file.
    """
    if steps != ANY:
        return g.constant(f"{name}.steps", np.arange(steps), np.int64)
    count = g.op("Shape", x, name=f"{name}.count", start=1, end=2)
    size = g.op("Squeeze", count, g.constant(f"{name}.axis", [0], np.int64), name=f"{name}.size")
    zero, one = g.constant(f"{name}.zero", 0, np.int64), g.constant(f"{name}.one", 1, np.int64)
    return g.op("Range", zero, size, one, name=f"{name}.steps")

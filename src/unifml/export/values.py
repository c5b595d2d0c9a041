"""What flows through a pipeline on its way into a graph: tensors that go in, answers that come."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from unifml.errors import ExportError
from unifml.runtime.schema import Kind

if TYPE_CHECKING:
    from unifml.export.graph import Graph

ELEMENTS: dict[Kind, int] = {
    "float": 1,
    "double": 11,
    "int64": 7,
    "bool": 9,
    "string": 8,
    "date": 7,
    "lengths": 7,
}
"""Element types of ONNX by kind."""
DTYPES: dict[Kind, Any] = {
    "float": np.float32,
    "double": np.float64,
    "int64": np.int64,
    "bool": np.bool_,
    "string": np.str_,
    "date": np.int64,
    "lengths": np.int64,
}
"""NumPy's types by kind."""


@dataclass(frozen=True)
class Block:
    """One tensor of the graph.

    Attributes
    ----------
    name : str
        Its name.
    kind : {"float", "double", "int64", "bool", "string", "date", "lengths"}
        What it holds.
    row : tuple of int
        Shape of one row; -1 stands first for sequences of unequal length.
    key : str
        Key of a dict that is X, by which it comes.
    """

    name: str
    kind: Kind
    row: tuple[int, ...] = (1,)
    key: str = ""

    @property
    def width(self) -> int:
        """Number of columns; of features, for images and sequences."""
        return self.row[-1] if self.row else 1

    @property
    def dtype(self) -> Any:
        """NumPy's type of its values."""
        return DTYPES[self.kind]

    def cast(self, g: Graph, kind: Kind) -> Block:
        """Return it with values of another kind."""
        if kind == self.kind:
            return self
        return Block(g.op("Cast", self.name, to=ELEMENTS[kind]), kind, self.row, self.key)

    def take(self, g: Graph, indices: Sequence[int]) -> Block:
        """Return some of its columns."""
        if list(indices) == list(range(self.width)):
            return self
        which = g.constant("columns", list(indices), np.int64)
        name = g.op("Gather", self.name, which, axis=1, name="picked")
        return Block(name, self.kind, (len(indices),), self.key)


@dataclass(frozen=True)
class Rows:
    """What goes into a model: one tensor, one per column or group of columns, or several inputs.

    Attributes
    ----------
    blocks : tuple of Block
        Tensors with the same rows.
    """

    blocks: tuple[Block, ...]

    @classmethod
    def of(cls, name: str, kind: Kind, width: int) -> Rows:
        """Return a table of one tensor."""
        return cls((Block(name, kind, (width,)),))

    @property
    def is_table(self) -> bool:
        """Whether every row is a row of columns."""
        return all(len(b.row) == 1 and b.row[0] >= 0 for b in self.blocks)

    @property
    def width(self) -> int:
        """Number of columns."""
        return sum(block.width for block in self.blocks)

    @property
    def number(self) -> Kind:
        """What its columns are as one tensor of numbers: float32 only where all of them are."""
        return "float" if all(block.kind == "float" for block in self.blocks) else "double"

    def columns(self, g: Graph) -> list[Block]:
        """Return each column by itself, of shape (n, 1)."""
        return [block.take(g, [i]) for block in self.blocks for i in range(block.width)]

    def pick(self, g: Graph, indices: Iterable[int]) -> Rows:
        """Return some columns, in the order given; neighbours of one tensor stay together."""
        places = [(b, i) for b, block in enumerate(self.blocks) for i in range(block.width)]
        runs: list[tuple[int, list[int]]] = []
        for block, column in (places[index] for index in indices):
            if runs and runs[-1][0] == block:
                runs[-1][1].append(column)
            else:
                runs.append((block, [column]))
        return Rows(tuple(self.blocks[block].take(g, columns) for block, columns in runs))

    def joined(self, g: Graph, kind: Kind | None = None) -> Block:
        """Return all columns as one tensor of numbers.

        Parameters
        ----------
        g : Graph
            Receives the nodes.
        kind : {"float", "double"} or None
            None keeps the precision that the columns have.

        Raises
        ------
        ExportError
            For text, and for anything but a table.
        """
        kind = kind or self.number
        if any(block.kind == "string" for block in self.blocks):
            raise ExportError("a step that takes numbers", found="columns of text")
        if len(self.blocks) == 1:
            return self.blocks[0].cast(g, kind)
        if not self.is_table:
            raise ExportError("a step that takes a table", found="inputs that are no columns")
        cast = [block.cast(g, kind).name for block in self.blocks]
        if len(cast) == 0:
            raise ExportError("a step that takes a table", found="no columns")
        return Block(g.op("Concat", *cast, axis=1, name="columns"), kind, (self.width,))


@dataclass(frozen=True)
class Answers:
    """What a model says of rows.

    Attributes
    ----------
    label : str or None
        Labels (n,), in the values of `classes`; (n, labels) for multilabel problems.
    probabilities : str or None
        Of classes, (n, classes), float32 or float64.
    scores : str or None
        Values of a decision function, (n, classes) or (n,).
    prediction : Block or None
        Numbers, of shape (n, outputs).
    transformed : Rows or None
        What a transformer gives.
    outputs : tuple of Answers
        Of each output, where a classifier has several.
    classes : array or None
        Labels in order.
    """

    label: str | None = None
    probabilities: str | None = None
    scores: str | None = None
    prediction: Block | None = None
    transformed: Rows | None = None
    outputs: tuple[Answers, ...] = ()
    classes: npt.NDArray[Any] | None = None

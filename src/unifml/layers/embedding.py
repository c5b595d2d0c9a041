"""Embeddings of whole numbers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar

from unifml.layers.base import Layer, Masks, Shape, WeightSpec

LARGEST = 2**24  # whole numbers up to here are exact in float32, in which ids come


@dataclass(frozen=True, repr=False)
class Embedding(Layer):
    """A vector for each whole number: ids of tokens, codes of columns.

    ``y = table[x]``.

    Parameters
    ----------
    size : int or tuple of int
        How many ids there are: 0 to size - 1. A tuple has a number for each place on the last axis,
        and a table of its own for each.
    dim : int
        Length of the vectors.
    mask_id : int or None, default=None
        The id that is padding, after the end of a sequence: layers behind look at the other steps
        only.
    unknown : bool, default=False
        Whether ids outside the range get a vector of their own, the last of the table; without it
        they are refused.
    initial : str, default="normal:0.02"
        How the table starts.

    References
    ----------
    Bengio et al., "A neural probabilistic language model", JMLR 3, 2003. Guo and Berkhahn, "Entity
    embeddings of categorical variables", arXiv:1604.06737.

    Examples
    --------
    >>> from unifml.layers import Embedding
    >>> Embedding(1000, 16).output_shape((20,))
    (20, 16)
    """

    kind: ClassVar[str] = "embedding"
    masks: ClassVar[Masks] = "keep"
    size: int | tuple[int, ...]
    dim: int
    mask_id: int | None = None
    unknown: bool = False
    initial: str = "normal:0.02"

    @property
    def tables(self) -> tuple[int, ...]:
        """Rows of the table for each place on the last axis, or of the only one."""
        sizes = self.size if isinstance(self.size, tuple) else (self.size,)
        return tuple(size + self.unknown for size in sizes)

    @property
    def offsets(self) -> tuple[int, ...]:
        """Where the rows of each place begin in the table."""
        return (0, *accumulate(self.tables))[:-1]

    def output_shape(self, *shapes: Shape) -> Shape:
        shape = shapes[0]
        self.need(self.dim >= 1 and min(self.tables) >= 1, "dim >= 1 and size >= 1")
        self.need(sum(self.tables) <= LARGEST, f"at most {LARGEST} ids")
        if isinstance(self.size, tuple):
            fits = bool(shape) and shape[-1] == len(self.size)
            self.need(fits, f"the last axis has {len(self.size)} places, one for each size")
        padded = self.mask_id is None or (isinstance(self.size, int) and len(shape) == 1)
        self.need(padded, "mask_id is for sequences of ids, of one table")
        return (*shape, self.dim)

    def weights(self, *shapes: Shape) -> tuple[WeightSpec, ...]:
        return (WeightSpec("table", (sum(self.tables), self.dim), self.initial, "table"),)


@dataclass(frozen=True, repr=False)
class CategoricalEmbedding(Layer):
    """Integer-coded columns of a table as vectors, side by side with the other columns.

    Parameters
    ----------
    columns : tuple of int
        Which columns hold codes.
    sizes : tuple of int
        How many codes each of them has.
    dim : int, default=8
        Length of the vectors.

    References
    ----------
    Guo and Berkhahn, "Entity embeddings of categorical variables", arXiv:1604.06737.

    Examples
    --------
    >>> from unifml.layers import CategoricalEmbedding
    >>> CategoricalEmbedding((1,), (5,), dim=3).output_shape((4,))
    (6,)
    """

    kind: ClassVar[str] = "categorical_embedding"
    columns: tuple[int, ...]
    sizes: tuple[int, ...]
    dim: int = 8

    def expand(self, shape: Shape) -> Layer:
        from unifml.layers.combinators import Parallel, Sequential
        from unifml.layers.shape import Columns, Flatten

        self.need(len(shape) == 1, "rows have one axis")
        self.need(len(self.sizes) == len(self.columns) > 0, "a size for each column")
        codes = Sequential(
            (
                Columns(self.columns, name="columns"),
                Embedding(self.sizes, self.dim, unknown=True, name="embedding"),
                Flatten(name="flat"),
            ),
            name="codes",
        )
        others = tuple(i for i in range(shape[0]) if i not in self.columns)
        if not others:
            return Sequential((codes,), name=self.name)
        return Parallel((Columns(others, name="others"), codes), name=self.name)

"""Transformers that read a sequence, or an image in patches, as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from unifml.core.signature import ANY, Shape, Signature
from unifml.core.space import Categorical, Float, Int, Space
from unifml.core.task import Task
from unifml.errors import ParameterError
from unifml.layers import (
    Columns,
    Dense,
    Flatten,
    GlobalAvgPool,
    GlobalMaxPool,
    Layer,
    LayerNorm,
    LearnedPositions,
    Network,
    Patchify,
    Permute,
    Repeat,
    Sequential,
    SinusoidalPositions,
    TransformerBlock,
)
from unifml.layers.windows import Size
from unifml.models import pieces, rules
from unifml.models.base import Model

_POOLS = ("avg", "max", "last", "flatten")
_POSITIONS: dict[str, type[LearnedPositions] | type[SinusoidalPositions]] = {
    "learned": LearnedPositions,
    "sinusoidal": SinusoidalPositions,
}


@dataclass(frozen=True, repr=False)
class TransformerEncoder(Model):
    """A transformer's encoder: each step of a sequence looks at all others.

    Rows have the shape (steps, features); rows of one axis have one feature, or, with `vocabulary`,
    hold ids of tokens. A list of arrays (T_i, features), or (T_i,) of ids, are sequences of unequal
    length. With `patch` rows are signals, images or volumes, features last. Numbers are
    standardised inside the network, and so are the targets of a regression.

    Parameters
    ----------
    dim : int, default=64
        Features of each step inside.
    depth : int, default=2
        Number of blocks (see `unifml.layers.TransformerBlock`).
    heads : int, default=4
        Heads of each attention; they divide `dim`.
    hidden : int or None, default=None
        Units of the dense layer in each block; None takes four times `dim`.
    activation : str, default="gelu"
        Its activation (see `unifml.layers.Activation`).
    dropout : float, default=0.0
        Share of values dropped in training, in each block and before it.
    positions : {"sinusoidal", "learned"} or None, default="sinusoidal"
        How a step knows its place; None: it does not, and their order has no meaning.
    max_length : int or None, default=None
        Most steps of a sequence, where their lengths differ; None takes those of the rows.
    pool : {"avg", "max", "last", "flatten"}, default="avg"
        How steps become one row of features: their mean, their largest values, the last one's, or
        all side by side. The last two are for sequences of one length.
    vocabulary : int or None, default=None
        Number of ids, 0 to vocabulary - 1, where rows are tokens; None: rows are numbers.
    mask_id : int or None, default=None
        The id that is padding behind the end of a sequence.
    patch : int, tuple of int or None, default=None
        Sides of the patches that become steps. A tuple with a side for each axis of a row says that
        rows have one feature, so ``patch=(2, 2)`` takes images (n, height, width).

    See Also
    --------
    unifml.Training : Epochs, optimizer, penalties and early stopping.

    References
    ----------
    Vaswani et al., "Attention is all you need", NeurIPS 2017. Xiong et al., "On layer normalization
    in the transformer architecture", ICML 2020. Dosovitskiy et al., "An image is worth 16x16
    words", ICLR 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from unifml import Regressor, Training
    >>> from unifml.models import TransformerEncoder
    >>> waves = np.sin(np.arange(100)[:, None] + np.arange(12))
    >>> model = TransformerEncoder(dim=8, depth=1, heads=2)
    >>> reg = Regressor(model, training=Training(epochs=2), random_state=0)
    >>> reg.fit(waves[:, :-1], waves[:, -1]).predict(waves[:3, :-1]).shape
    (3,)
    """

    kind: ClassVar[str] = "transformer"
    axes: ClassVar[tuple[int, ...] | None] = (1, 2, 3, 4)
    example_shape: ClassVar[Shape] = (8, 2)
    default_backend: ClassVar[str] = "torch"
    scales_target: ClassVar[bool] = True
    uses: ClassVar[frozenset[str]] = pieces.BY_EPOCHS
    dim: int = 64
    depth: int = 2
    heads: int = 4
    hidden: int | None = None
    activation: str = "gelu"
    dropout: float = 0.0
    positions: str | None = "sinusoidal"
    max_length: int | None = None
    pool: str = "avg"
    vocabulary: int | None = None
    mask_id: int | None = None
    patch: Size | None = None

    def network(self, task: Task, signature: Signature) -> Network:
        self._check()
        shape = signature.input_shape
        block = TransformerBlock(self.heads, self.hidden, self.dropout, self.activation)
        first = self._first(shape)
        steps = Sequential(first).output_shape(shape)[0]
        return Network(
            (
                *first,
                *self._positions(shape),
                *pieces.dropped(self.dropout, "dropout"),
                Repeat(block, self.depth, name="block"),
                LayerNorm(name="norm"),
                *self._pool(steps),
                Dense(task.width, name="output"),
            )
        )

    def training_defaults(self, task: Task, total_weight: float) -> Mapping[str, Any]:
        return {"epochs": 50, "batch_size": 64, "schedule": "cosine", "learning_rate": 2e-3}

    def example(self) -> Signature:
        if self.vocabulary is not None:
            return Signature((8,), 2, 2)
        if self.patch is None:
            return Signature(self.example_shape, 2, 2)
        sides = self.patch if isinstance(self.patch, tuple) else (self.patch, self.patch)
        return Signature((*(2 * side for side in sides), 1), 2, 2)

    def space(self) -> Space:
        return {
            "dim": Categorical((32, 64, 128)),
            "depth": Int(1, 4),
            "heads": Categorical((2, 4)),
            "dropout": Float(0.0, 0.5),
            "learning_rate": Float(1e-4, 3e-3, log=True),
            "batch_size": Categorical((32, 64, 128)),
        }

    def _first(self, shape: Shape) -> tuple[Layer, ...]:
        """Return what makes a row a sequence of `dim` features."""
        if self.vocabulary is not None:
            # Sines and cosines are about 1: ids must not drown in them.
            initial = "normal:1" if self.positions == "sinusoidal" else "normal:0.02"
            return pieces.tokens(shape, self.vocabulary, self.dim, self.mask_id, initial)
        if self.patch is None:
            self._need_sequences(shape)
            first = pieces.numbers(shape, features=len(shape) > 1)
        else:
            alone = isinstance(self.patch, tuple) and len(self.patch) == len(shape)
            first = pieces.numbers(shape, features=len(shape) > 1 and not alone)
            first = (*first, Patchify(self.patch, name="patch"))
        return (*first, Dense(self.dim, name="embedding"))

    def _need_sequences(self, shape: Shape) -> None:
        if len(shape) > 2:
            raise ParameterError(
                f"TransformerEncoder() for rows of shape {shape}",
                rule="rows are sequences (steps, features), or cut into patches",
                fix=f"set patch={shape[0] // 4 or 1}",
            )

    def _positions(self, shape: Shape) -> tuple[Layer, ...]:
        if self.positions is None:
            return ()
        if ANY in shape and self.max_length is None:
            raise ParameterError(
                f"positions={self.positions!r} for sequences of unequal length",
                rule="max_length says how many steps there can be",
                fix="set max_length=512, or positions=None",
            )
        return (_POSITIONS[self.positions](self.max_length, name="positions"),)

    def _pool(self, steps: int) -> tuple[Layer, ...]:
        """Return what makes one row of features of all steps."""
        if self.pool == "avg":
            return (GlobalAvgPool(name="pool"),)
        if self.pool == "max":
            return (GlobalMaxPool(name="pool"),)
        if steps == ANY or self.mask_id is not None:
            raise ParameterError(
                f"pool={self.pool!r} for sequences of unequal length",
                rule="there is no last step that all of them have",
                fix='set pool="avg", or pool="max"',
            )
        if self.pool == "flatten":
            return (Flatten(name="flat"),)
        turned = Permute((1, 0), name="turned")
        return turned, Columns((steps - 1,), name="last"), Flatten(name="flat")

    def _check(self) -> None:
        """Raise for parameters that no backend could make a network of."""
        rules.whole("dim", self.dim)
        rules.whole("depth", self.depth)
        rules.whole("heads", self.heads)
        if self.dim % self.heads:
            raise ParameterError(
                f"dim={self.dim} with heads={self.heads}", rule="dim % heads == 0 must hold"
            )
        rules.whole_or_none("hidden", self.hidden)
        rules.activation(self.activation)
        rules.share("dropout", self.dropout)
        rules.among_or_none("positions", self.positions, _POSITIONS)
        rules.whole_or_none("max_length", self.max_length)
        rules.among("pool", self.pool, _POOLS)
        rules.whole_or_none("vocabulary", self.vocabulary)
        rules.masked(self.vocabulary, self.mask_id)
        if self.patch is not None:
            rules.size("patch", self.patch)
            if self.vocabulary is not None:
                raise ParameterError(
                    f"patch={self.patch!r} with vocabulary={self.vocabulary}",
                    rule="rows are numbers to be cut, or ids of tokens, not both",
                    fix="set one of them to None",
                )

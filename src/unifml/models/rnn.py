"""Recurrent networks for sequences of numbers or of tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from unifml.core.signature import Shape, Signature
from unifml.core.space import Categorical, Float, Int, Space
from unifml.core.task import Task
from unifml.layers import GRU, LSTM, Dense, GlobalAvgPool, GlobalMaxPool, Layer, Network, SimpleRNN
from unifml.models import pieces, rules
from unifml.models.base import Model

_CELLS: dict[str, type[GRU] | type[LSTM] | type[SimpleRNN]] = {
    "gru": GRU,
    "lstm": LSTM,
    "simple": SimpleRNN,
}
_POOLS: dict[str, type[Layer] | None] = {
    "last": None,
    "avg": GlobalAvgPool,
    "max": GlobalMaxPool,
}


@dataclass(frozen=True, repr=False)
class RNN(Model):
    """A recurrent network: it reads a sequence step by step.

    Rows have the shape (steps, features); rows of one axis have one feature, or, with `vocabulary`,
    hold ids of tokens. A list of arrays (T_i, features), or (T_i,) of ids, are sequences of unequal
    length. Numbers are standardised inside the network, and so are the targets of a regression.

    Parameters
    ----------
    cell : {"lstm", "gru", "simple"}, default="lstm"
        What remembers: see `unifml.layers.LSTM`, `unifml.layers.GRU`, `unifml.layers.SimpleRNN`.
    units : int, default=64
        Numbers in the state.
    depth : int, default=1
        Recurrent layers, each reading what the one before it gives.
    bidirectional : bool, default=False
        Whether each has a second one beside it that reads backwards.
    pool : {"last", "avg", "max"}, default="last"
        What becomes of the states: the last one is taken, or the mean or the largest values over
        all steps.
    hidden : tuple of int, default=()
        Units of dense layers behind that, with a relu.
    dropout : float, default=0.0
        Share of values dropped in training, behind each recurrent and dense layer.
    vocabulary : int or None, default=None
        Number of ids, 0 to vocabulary - 1, where rows are tokens; None: rows are numbers.
    embedding_dim : int, default=32
        Length of the vector of each token.
    mask_id : int or None, default=None
        The id that is padding behind the end of a sequence.

    See Also
    --------
    unifml.Training : Epochs, optimizer, penalties and early stopping.

    References
    ----------
    Hochreiter and Schmidhuber, "Long short-term memory", Neural Computation 9, 1997. Cho et al.,
    "Learning phrase representations using RNN encoder-decoder", EMNLP 2014. Schuster and Paliwal,
    "Bidirectional recurrent neural networks", IEEE Transactions on Signal Processing 45, 1997.

    Examples
    --------
    >>> import numpy as np
    >>> from unifml import Regressor, Training
    >>> from unifml.models import RNN
    >>> waves = np.sin(np.arange(100)[:, None] + np.arange(12))
    >>> model = RNN("gru", units=8)
    >>> reg = Regressor(model, training=Training(epochs=2), random_state=0)
    >>> reg.fit(waves[:, :-1], waves[:, -1]).predict(waves[:3, :-1]).shape
    (3,)
    """

    kind: ClassVar[str] = "rnn"
    axes: ClassVar[tuple[int, ...] | None] = (1, 2)
    example_shape: ClassVar[Shape] = (8, 2)
    default_backend: ClassVar[str] = "torch"
    scales_target: ClassVar[bool] = True
    uses: ClassVar[frozenset[str]] = pieces.BY_EPOCHS
    cell: str = "lstm"
    units: int = 64
    depth: int = 1
    bidirectional: bool = False
    pool: str = "last"
    hidden: tuple[int, ...] = ()
    dropout: float = 0.0
    vocabulary: int | None = None
    embedding_dim: int = 32
    mask_id: int | None = None

    def network(self, task: Task, signature: Signature) -> Network:
        self._check()
        pool = _POOLS[self.pool]
        return Network(
            (
                *self._first(signature.input_shape),
                *self._recurrent(),
                *((pool(name="pool"),) if pool else ()),
                *pieces.dense(self.hidden, "relu", self.dropout),
                Dense(task.width, name="output"),
            )
        )

    def training_defaults(self, task: Task, total_weight: float) -> Mapping[str, Any]:
        return {"epochs": 50, "batch_size": 64, "learning_rate": 2e-3}

    def example(self) -> Signature:
        return Signature((8,) if self.vocabulary else self.example_shape, 2, 2)

    def space(self) -> Space:
        return {
            "cell": Categorical(("lstm", "gru")),
            "units": Categorical((16, 32, 64, 128)),
            "depth": Int(1, 2),
            "bidirectional": Categorical((False, True)),
            "dropout": Float(0.0, 0.5),
            "learning_rate": Float(1e-4, 1e-2, log=True),
            "batch_size": Categorical((32, 64, 128)),
        }

    def _first(self, shape: Shape) -> tuple[Layer, ...]:
        if self.vocabulary is None:
            return pieces.numbers(shape, features=len(shape) > 1)
        return pieces.tokens(shape, self.vocabulary, self.embedding_dim, self.mask_id)

    def _recurrent(self) -> Iterator[Layer]:
        for i in range(self.depth):
            yield _CELLS[self.cell](
                self.units,
                return_sequences=i + 1 < self.depth or self.pool != "last",
                bidirectional=self.bidirectional,
                name=f"{self.cell}_{i}",
            )
            yield from pieces.dropped(self.dropout, f"dropout_{i}")

    def _check(self) -> None:
        """Raise for parameters that no backend could make a network of."""
        rules.among("cell", self.cell, _CELLS)
        rules.whole("units", self.units)
        rules.whole("depth", self.depth)
        rules.flag("bidirectional", self.bidirectional)
        rules.among("pool", self.pool, _POOLS)
        rules.wholes("hidden", self.hidden, "one dense layer of 64 units")
        rules.share("dropout", self.dropout)
        rules.whole_or_none("vocabulary", self.vocabulary)
        rules.whole("embedding_dim", self.embedding_dim)
        rules.masked(self.vocabulary, self.mask_id)

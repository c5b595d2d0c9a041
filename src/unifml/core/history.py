"""What happened during a fit, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unifml.core.table import FloatArray


@dataclass
class History(Mapping[str, FloatArray]):
    """Values per epoch, by name: ``history_["loss"]`` is an array with one entry per epoch.

    Attributes
    ----------
    records : list of dict
        One record per epoch: ``loss``, ``val_loss`` where rows were held out, ``learning_rate``
        of the last step, and ``seconds``. Losses are the weighted mean over the epoch's batches,
        without penalties.
    initial_loss : float or None
        Loss on the training rows before the first step, where it was asked for.
    best_epoch : int or None
        The epoch (counted from 1) whose weights were kept, if early stopping chose one.
    solver : dict
        Iterations and gradient norm of an exact solver; empty for training by epochs.
    """

    records: list[dict[str, float]] = field(default_factory=list)
    initial_loss: float | None = None
    best_epoch: int | None = None
    solver: dict[str, float] = field(default_factory=dict)

    def __getitem__(self, name: str) -> FloatArray:
        if not any(name in record for record in self.records):
            raise KeyError(name)
        return np.array([record.get(name, np.nan) for record in self.records])

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for record in self.records for name in record))

    def __len__(self) -> int:
        return len(list(iter(self)))

    @property
    def n_epochs(self) -> int:
        """Number of epochs run."""
        return len(self.records)

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with one row per epoch."""
        import pandas as pd

        index = pd.RangeIndex(1, self.n_epochs + 1, name="epoch")
        return pd.DataFrame(self.records, index=index)

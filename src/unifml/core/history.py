"""What happened during a fit, epoch by epoch."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

from unifml.core.table import FloatArray
from unifml.errors import DataError

_LOSSES = ("loss", "val_loss")
_PACE = ("learning_rate", "seconds")


@dataclass(repr=False)
class History(Mapping[str, FloatArray]):
    """Values per epoch, by name: ``history_["loss"]`` is an array with one entry per epoch.

    Attributes
    ----------
    records : list of dict
        One record per epoch: ``loss``, ``val_loss`` where rows were held out, metrics by name,
        ``learning_rate`` of the last step, and ``seconds``. Losses are the weighted mean over the
        epoch's batches, without penalties.
    initial_loss : float or None
        Loss on the training rows before the first step, where it was asked for.
    best_epoch : int or None
        The epoch (counted from 1) whose weights were kept, if early stopping chose one.
    solver : dict
        Iterations and gradient norm of an exact solver; empty for training by epochs.
    stopped_by : {"", "early_stopping", "callback"}
        What ended training before its last epoch.
    own_order : bool
        The rows came in an order that was not ours: equal seeds need not give equal models.
    resumed_at : int
        Epochs that were taken over from a checkpoint.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from unifml import Classifier, Training
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = Classifier("mlp", backend="sklearn", training=Training(epochs=5), random_state=0)
    >>> history = clf.fit(X, y).history_
    >>> history["loss"].shape
    (5,)
    >>> list(history)
    ['loss', 'learning_rate', 'seconds']
    """

    records: list[dict[str, float]] = field(default_factory=list)
    initial_loss: float | None = None
    best_epoch: int | None = None
    solver: dict[str, float] = field(default_factory=dict)
    stopped_by: str = ""
    own_order: bool = False
    resumed_at: int = 0

    # As a mapping -------------------------------------------------------------------------------

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

    # Faces --------------------------------------------------------------------------------------

    def __str__(self) -> str:
        return "; ".join((self._course(), *self._notes()))

    def __repr__(self) -> str:
        last = [f"{name}={value:.4g}" for name, value in self._last().items()]
        return f"History({', '.join([f'n_epochs={self.n_epochs}', *last])})"

    def _repr_html_(self) -> str:
        cells = "".join(f"<th>{escape(name)}</th>" for name in ("epoch", *self))
        rows = "".join(self._row(epoch) for epoch in self._shown())
        table = f"<table><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table>"
        return f"<div><p><b>{escape(str(self))}</b></p>{table if self.records else ''}</div>"

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with one row per epoch, counted from 1."""
        from unifml.core.curves import frame

        return frame({name: self[name] for name in self}, 1, "epoch")

    def to_json(self) -> str:
        """Return everything as JSON; what is no finite number is null."""
        facts = {
            "records": [_finite(record) for record in self.records],
            "initial_loss": self.initial_loss,
            "best_epoch": self.best_epoch,
            "solver": _finite(self.solver),
            "stopped_by": self.stopped_by,
            "own_order": self.own_order,
            "resumed_at": self.resumed_at,
        }
        return json.dumps(facts, allow_nan=False)

    def plot(self, ax: Any = None) -> Any:
        """Draw losses and, in a panel of their own, metrics; the best epoch is marked.

        Parameters
        ----------
        ax : matplotlib Axes, pair of Axes or None
            Where to draw; a single one gets the losses. None makes a figure.

        Returns
        -------
        matplotlib Figure

        Raises
        ------
        DataError
            If there were no epochs.
        """
        from unifml.core.curves import draw_curves, panels

        if not self.records:
            raise DataError("history_.plot()", found="the model was not trained by epochs")
        losses = {name: self[name] for name in self if name in _LOSSES}
        metrics = {name: self[name] for name in self if name not in (*_LOSSES, *_PACE)}
        groups = [group for group in (losses, metrics) if group]
        axes = panels(len(groups), ax)
        for axis, group in zip(axes, groups, strict=False):
            draw_curves(axis, group, self.best_epoch)
        axes[0].set_title(self._course(), fontsize=9, loc="left", wrap=True)
        axes[-1].set_xlabel("epoch")
        return axes[0].figure

    # Inner methods ------------------------------------------------------------------------------

    def _course(self) -> str:
        if self.solver:
            return f"solved in {self.solver.get('iterations', 0):.0f} iterations"
        if not self.records:
            return "fitted at once, not by epochs"
        last = ", ".join(f"{name} {value:.4g}" for name, value in self._last().items())
        taken = float(sum(record.get("seconds", 0.0) for record in self.records))
        return f"{self.n_epochs} epochs in {taken:.3g} s: {last}"

    def _notes(self) -> list[str]:
        notes = {
            f"best epoch {self.best_epoch}": self.best_epoch,
            f"stopped by {_WHO.get(self.stopped_by, self.stopped_by)}": self.stopped_by,
            f"the first {self.resumed_at} from a checkpoint": self.resumed_at,
            "in the loader's own order, so that the seed alone does not give the same model": (
                self.own_order
            ),
        }
        return [note for note, holds in notes.items() if holds]

    def _last(self) -> dict[str, float]:
        """Return the losses and metrics of the epoch whose weights were kept, else of the last."""
        if not self.records:
            return {}
        place = self.best_epoch if self.best_epoch and self.best_epoch <= self.n_epochs else 0
        return {k: v for k, v in self.records[place - 1].items() if k not in _PACE}

    def _shown(self) -> list[int]:
        """Return the places of the epochs that a table shows: the first, the best, the last."""
        wanted = {0, (self.best_epoch or 1) - 1, self.n_epochs - 1}
        return sorted(place for place in wanted if 0 <= place < self.n_epochs)

    def _row(self, place: int) -> str:
        values = (self.records[place].get(name, math.nan) for name in self)
        cells = "".join(f"<td style='text-align:right'>{value:.4g}</td>" for value in values)
        return f"<tr><th>{place + 1}</th>{cells}</tr>"


_WHO = {"early_stopping": "early stopping", "callback": "a callback"}


def _finite(record: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in record.items()}

"""A callback that keeps the weights of epochs in files."""

from __future__ import annotations

import os
import string
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, ClassVar

import numpy as np

from unifml.core.files import write_whole
from unifml.errors import (
    CapabilityError,
    MissingDependencyError,
    ParameterError,
    UnknownNameError,
)
from unifml.training.builtin import BuiltIn
from unifml.training.callbacks import Run

_FORMATS = (".npz", ".safetensors")


@dataclass(unsafe_hash=True, repr=False)
class Checkpoint(BuiltIn):
    """Write the weights of a network to a file while it is trained.

    It keeps what was learned, to look at or to use elsewhere; a fit goes on from
    ``Training(checkpoint=...)``, and ``unifml.save`` writes a whole estimator.

    Parameters
    ----------
    path : str or path
        Ends in ``.npz`` (NumPy) or ``.safetensors`` (the extra ``save``). What stands in braces is
        filled in: ``"weights-{epoch:03d}.npz"``, ``"best-{val_loss:.3f}.npz"``. Folders are made.
    monitor : str or None, default=None
        A name in the history: only the epochs that are the best so far are written.
    every : int, default=1
        Only epochs that are a multiple of it are looked at.
    mode : {"auto", "min", "max"}, default="auto"
        Whether smaller or greater is better; ``auto`` knows losses and metrics by their name.

    Notes
    -----
    The arrays have the canonical names and layouts of the layers, which are the same on all
    backends. Files are put in place whole.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from unifml import Checkpoint, Classifier, Training
    >>> X, y = load_iris(return_X_y=True)
    >>> training = Training(epochs=4, callbacks=(Checkpoint("weights-{epoch}.npz", every=2),))
    >>> clf = Classifier("mlp", backend="sklearn", training=training, random_state=0).fit(X, y)
    >>> with np.load("weights-4.npz") as weights:
    ...     weights["output.kernel"].shape
    (100, 3)
    """

    kind: ClassVar[str] = "checkpoint"
    path: str
    monitor: str | None = None
    every: int = 1
    mode: str = "auto"

    def __post_init__(self) -> None:
        self.path = os.fspath(self.path)

    def on_fit_begin(self, run: Run) -> bool | None:
        """Refuse what cannot be written; take up the best value of a fit that goes on."""
        self._check(run)
        if not isinstance(run.weights, Mapping):
            raise CapabilityError(
                f"{self!r} for a native model",
                rule="it writes weights by the names that networks of unifml give them",
                fix="save run.model in a callback of your own, in the framework's way",
            )
        self._sign = self._direction(run)
        self._best = float("inf")
        for epoch, record in enumerate(run.history.records, start=1):
            self._improves(epoch, record)
        return None

    def on_epoch_end(self, run: Run) -> bool | None:
        """Write the weights, if it is time and they are the best."""
        if self._improves(run.epoch, run.logs):
            path = Path(self.path.format(epoch=run.epoch, **run.logs))
            path.parent.mkdir(parents=True, exist_ok=True)
            write_weights(path, run.weights)
        return None

    def _improves(self, epoch: int, record: Mapping[str, float]) -> bool:
        if epoch % self.every:
            return False
        if self.monitor is None:
            return True
        value = self._sign * record[self.monitor]
        better = value < self._best
        self._best = value if better else self._best
        return better

    def _direction(self, run: Run) -> float:
        if self.monitor is None or self.mode != "auto":
            return -1.0 if self.mode == "max" else 1.0
        greater = run.greater.get(self.monitor)
        if greater is None:
            raise ParameterError(
                f"{self!r}",
                found="nobody said whether more of it is better",
                fix='add mode="max" or mode="min"',
            )
        return -1.0 if greater else 1.0

    def _check(self, run: Run) -> None:
        if self.mode not in ("auto", "min", "max"):
            raise ParameterError(f"{self!r}", rule='mode in ("auto", "min", "max") must hold')
        if type(self.every) is not int or self.every < 1:
            raise ParameterError(f"{self!r}", rule="every >= 1, a whole number, must hold")
        if not self.path.endswith(_FORMATS):
            raise ParameterError(f"{self!r}", rule=f"the path ends in {' or '.join(_FORMATS)}")
        if self.path.endswith(".safetensors") and find_spec("safetensors") is None:
            raise MissingDependencyError.of(f"{self!r}", ["safetensors"], "save")
        known = {"epoch", "learning_rate", "seconds", *run.greater}
        for _, name, _, _ in string.Formatter().parse(self.path):
            if name is not None and name not in known:
                raise UnknownNameError.among(f"name in the path {self.path!r}:", name, known)


def write_weights(path: Path, weights: Mapping[str, Any]) -> None:
    """Write arrays by name to an ``.npz`` or ``.safetensors`` file, whole or not at all."""
    arrays = {name: np.asarray(value, order="C") for name, value in weights.items()}

    def write(file: IO[bytes]) -> None:
        if path.suffix == ".npz":
            np.savez(file, **arrays)  # type: ignore[arg-type]
            return
        from safetensors.numpy import save

        file.write(save(arrays))

    write_whole(path, write)

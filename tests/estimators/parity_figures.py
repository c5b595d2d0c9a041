"""How far two backends differ on a case, from the first loss to a model that was moved."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from estimators.parity_cases import CASES, Case

import unifml
from unifml import Training

PAIR = ("torch", "keras")
FIRST_LOSS = MOVED = 1e-6  # promised of every model
SEED, EPOCHS, BATCH, RATE = 3, 5, 64, 5e-3
ALL_ROWS = 1000  # and more, in one batch


@dataclass(frozen=True)
class Figures:
    """The largest differences between two backends, with the same seed, on the CPU.

    Attributes
    ----------
    first_loss : float or None
        Of the loss before any step, relative to it where it is above 1; None for models that are
        solved, not trained.
    one_step : float or None
        Of predictions after one step on all rows.
    five_epochs : float
        Of predictions after five epochs, or of the solutions.
    moved : float
        Of predictions after `to_backend`, there and back again.
    bitwise : bool
        Whether the weights that came back are those that left, bit by bit.
    learned : float or None
        How far five epochs took predictions from those after one step: what differences are to be
        compared with.
    promised : float
        What `one_step` and `five_epochs` may be.
    """

    first_loss: float | None
    one_step: float | None
    five_epochs: float
    moved: float
    bitwise: bool
    learned: float | None
    promised: float

    def kept(self) -> dict[str, bool]:
        """Return for each promise whether it is kept."""
        return {
            "first_loss": (self.first_loss or 0.0) <= FIRST_LOSS,
            "one_step": (self.one_step or 0.0) <= self.promised,
            "five_epochs": self.five_epochs <= self.promised,
            "moved": self.moved <= MOVED,
            "bitwise": self.bitwise,
        }


@cache
def figures(name: str, precision: str = "float32") -> Figures:
    """Return the figures of a case, computed once."""
    case = CASES[name]
    if case.model.procedure == "exact":
        solved = [fitted(case, backend) for backend in PAIR]
        moved, bitwise = there_and_back(case, solved[0])
        return Figures(None, None, apart(case, *solved), moved, bitwise, None, case.promised)
    settings = {
        "precision": precision,
        "learning_rate": RATE,
        "batch_size": BATCH,
        "epochs": EPOCHS,
    }
    first = [fitted(case, b, **settings | {"batch_size": ALL_ROWS, "epochs": 1}) for b in PAIR]
    last = [fitted(case, b, **settings) for b in PAIR]
    moved, bitwise = there_and_back(case, last[0])
    return Figures(
        first_loss=losses_apart(*last),
        one_step=apart(case, *first),
        five_epochs=apart(case, *last),
        moved=moved,
        bitwise=bitwise,
        learned=apart(case, first[0], last[0]),
        promised=case.promised,
    )


def fitted(case: Case, backend: str, **training: Any) -> Any:
    X, y = case.rows
    settings = Training(**training) if training else None
    estimator = case.face(
        case.model, backend=backend, training=settings, device="cpu", random_state=SEED, verbose=0
    )
    return estimator.fit(X, y)


def answers(case: Case, estimator: Any) -> Any:
    """Return what is said of the rows: shares of classes, or numbers in standard deviations."""
    X, y = case.rows
    if hasattr(estimator, "predict_proba"):
        return estimator.predict_proba(X)
    if hasattr(estimator, "transform"):
        return estimator.inverse_transform(estimator.transform(X)) / _sizes(X)
    return estimator.predict(X) / np.std(y)


def _sizes(X: Any) -> Any:
    """Return the standard deviation of each feature, its own or that of all places of an image."""
    return np.std(X, axis=0) if np.ndim(X) == 2 else np.std(X)


def apart(case: Case, one: Any, other: Any) -> float:
    return float(np.abs(answers(case, one) - answers(case, other)).max())


def losses_apart(one: Any, other: Any) -> float:
    losses = one.history_.initial_loss, other.history_.initial_loss
    return abs(losses[0] - losses[1]) / max(1.0, abs(losses[0]))


def there_and_back(case: Case, estimator: Any) -> tuple[float, bool]:
    """Move an estimator to the other backend and back; say how much that changed."""
    there = unifml.to_backend(estimator, PAIR[1])
    back = unifml.to_backend(there, PAIR[0])
    before, after = estimator.get_weights(), back.get_weights()
    same = before.keys() == after.keys() and all(same_bits(before[k], after[k]) for k in before)
    return max(apart(case, estimator, there), apart(case, estimator, back)), same


def same_bits(one: Any, other: Any) -> bool:
    return one.dtype == other.dtype and one.tobytes() == other.tobytes()


def packages() -> dict[str, str]:
    """Return the versions that computed."""
    import keras

    names = {"torch", "keras", "numpy", keras.config.backend()}
    return {name: version(name) for name in sorted(names)}


def as_json(found: Mapping[str, Figures]) -> str:
    rows = [
        {"case": name, "model": repr(CASES[name].model), **asdict(each), "kept": each.kept()}
        for name, each in found.items()
    ]
    return json.dumps({"packages": packages(), "cases": rows}, indent=1) + "\n"


def write(path: str | Path, found: Mapping[str, Figures]) -> None:
    """Write figures as JSON, for the documentation to show."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(as_json(found), "utf-8")

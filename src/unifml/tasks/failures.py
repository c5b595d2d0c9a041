"""Folds that failed: what is kept of them, and what counts in their place."""

from __future__ import annotations

import math
import numbers
import pickle
from dataclasses import dataclass
from typing import Any

from unifml.errors import ParameterError


@dataclass(frozen=True)
class Failure:
    """Why a fold has no result.

    Attributes
    ----------
    error : Exception
        What was raised.
    kind, message : str
        Its type and its text.
    cause : str
        Type and text of the error behind it; empty if there is none.
    """

    error: Exception
    kind: str
    message: str
    cause: str = ""

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """Keep what tells why; the error itself as far as it can go to another process."""
        behind = error.__cause__ or error.__context__
        cause = "" if behind is None else f"{type(behind).__name__}: {behind}"
        return cls(_movable(error), type(error).__name__, str(error), cause)

    @property
    def text(self) -> str:
        """Type and message on one line."""
        return " ".join(f"{self.kind}: {self.message}".split())

    def record(self, fold: int) -> dict[str, Any]:
        """Return what `Evaluation.failures` shows."""
        return {
            "fold": fold,
            "error": self.kind,
            "message": self.message,
            "cause": self.cause or None,
        }

    def forget_frames(self) -> None:
        """Let go of the frames of the error, which hold the rows of the fold."""
        error: BaseException | None = self.error
        while error is not None:
            error.__traceback__ = None
            error = error.__cause__ or error.__context__


def check_error_score(error_score: Any) -> float | None:
    """Return the score of a failed fold, or None where its error is raised.

    Raises
    ------
    ParameterError
        For what is neither ``"raise"`` nor a number.
    """
    if isinstance(error_score, str) and error_score == "raise":
        return None
    if isinstance(error_score, numbers.Real) and not isinstance(error_score, bool):
        return float(error_score)
    raise ParameterError(f"error_score={error_score!r}", rule='"raise", a number, or nan')


def in_words(failures: dict[int, Failure], total: int, error_score: float) -> str:
    """Return how many folds failed, the first of them, and what counts in their place."""
    first, failure = next(iter(failures.items()))
    instead = (
        "means are over the others"
        if math.isnan(error_score)
        else f"each counts as {error_score:g}"
    )
    return (
        f"{len(failures)} of {total} folds failed, the first of them fold {first + 1} with "
        f"{failure.text}; {instead}"
    )


def _movable(error: Exception) -> Exception:
    """Return an error that pickles: a plain one in its place if it does not."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        plain = RuntimeError(f"{type(error).__name__}: {error}")
        for note in getattr(error, "__notes__", ()):
            plain.add_note(note)
        return plain
    return error

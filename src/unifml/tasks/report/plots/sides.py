"""An evaluation of classes as one-against-the-rest questions, each with a score per row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
MOST = 10  # lines in a plot; beyond that, the classes with most rows


@dataclass(frozen=True, eq=False)
class Side:
    """One class, or label, against all others.

    Attributes
    ----------
    name : str
        What it is called.
    positive : array of shape (n,)
        Whether a row is of it, by truth.
    score : array of shape (n,)
        How much the model thinks so.
    fold : array of shape (n,)
        In which fold that was said.
    weight : array of shape (n,) or None
        Weights of rows.
    """

    name: str
    positive: Array
    score: Array
    fold: Array
    weight: Array | None

    def by_fold(self) -> Iterator[Side]:
        """Return the parts of the folds that hold rows of both sides."""
        for number in np.unique(self.fold):
            rows = self.fold == number
            part = replace(
                self,
                positive=self.positive[rows],
                score=self.score[rows],
                fold=self.fold[rows],
                weight=None if self.weight is None else self.weight[rows],
            )
            if 0 < part.positive.sum() < len(part.positive):
                yield part


def sides(evaluation: Any, scores: Array) -> list[Side]:
    """Return the second of two classes, each of several classes, or each label."""
    found = evaluation.predictions
    made = [
        Side(name, positive, score, found.fold, found.weight)
        for name, positive, score in _columns(found, scores)
        if 0 < positive.sum() < len(positive)
    ]
    kept = sorted(made, key=lambda side: -side.positive.sum())[:MOST]
    return [side for side in made if side in kept]


def questions(found: Any) -> int:
    """Return how many there are: one for two classes, else one a class or label."""
    if found.true.ndim > 1:
        return int(found.true.shape[1])
    return 1 if len(found.classes) == 2 else len(found.classes)


def _columns(found: Any, scores: Array) -> list[tuple[str, Array, Array]]:
    """Return name, truth and score of each question."""
    if found.true.ndim > 1:
        return [
            (f"label {i}", found.true[:, i].astype(bool), scores[:, i])
            for i in range(scores.shape[1])
        ]
    if len(found.classes) == 2:
        score = scores if scores.ndim == 1 else scores[:, 1]
        return [(str(found.classes[1]), found.true == found.classes[1], score)]
    return [(str(c), found.true == c, scores[:, i]) for i, c in enumerate(found.classes)]

"""What was predicted for rows that were not learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.table import FloatArray
from unifml.metrics import Answers, Measured
from unifml.tasks.folds import Outcome

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Predictions:
    """What was predicted for rows that were not learned from.

    Attributes
    ----------
    row : array of shape (n,)
        Number of the row in the data given. Repeated folds hold a row several times.
    fold : array of shape (n,)
        In which fold it was scored, counted from 0.
    true : array of shape (n,) or (n, outputs), or None
        Labels or numbers; None for clusters without a truth.
    predicted : array of shape (n,) or (n, outputs)
        Labels or numbers.
    probabilities : array of shape (n, classes) or None
        Where the estimator gives them.
    classes : array or None
        What the columns of `probabilities` are.
    decision : array of shape (n,) or (n, classes), or None
        Decision values, where a metric asked for them.
    weight : array of shape (n,) or None
        Weights of the rows.
    """

    row: npt.NDArray[np.int64]
    fold: npt.NDArray[np.int64]
    true: Array | None
    predicted: Array
    probabilities: FloatArray | None = None
    classes: Array | None = None
    decision: FloatArray | None = None
    weight: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.row)

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with one line per scored row."""
        import pandas as pd

        columns: dict[str, Array] = {"row": self.row, "fold": self.fold}
        if self.true is not None:
            columns |= _columns("true", self.true)
        columns |= _columns("predicted", self.predicted)
        if self.probabilities is not None:
            width = self.probabilities.shape[1]
            names = range(width) if self.classes is None else self.classes
            for i, name in enumerate(names):
                columns[f"probability of {name}"] = self.probabilities[:, i]
        return pd.DataFrame(columns)


def gathered(
    outcomes: Sequence[tuple[int, Outcome]], y: Array | None, weight: FloatArray | None
) -> Predictions:
    """Return the predictions of folds, one after the other.

    Parameters
    ----------
    outcomes : sequence of (int, Outcome)
        Folds that succeeded, with their numbers.
    y, weight : array of shape (n,) or None
        Of all rows.
    """
    rows = np.concatenate([outcome.split.test for _, outcome in outcomes])
    sizes = [len(outcome.split.test) for _, outcome in outcomes]
    found = pooled([outcome.answers for _, outcome in outcomes if outcome.answers])
    return Predictions(
        rows,
        np.repeat([number for number, _ in outcomes], sizes),
        None if y is None else y[rows],
        found.outputs["predict"],
        found.outputs.get("predict_proba"),
        getattr(found, "classes_", None),
        found.outputs.get("decision_function"),
        None if weight is None else weight[rows],
    )


def pooled(answers: Sequence[Answers]) -> Answers:
    """Return the answers of all folds as one: scores only where all know the same classes."""
    kind: Measured = answers[0].kind
    classes: list[Any] = [getattr(each, "classes_", None) for each in answers]
    alike = all(np.array_equal(each, classes[0]) for each in classes)
    methods = set.intersection(*(set(each.outputs) for each in answers))
    outputs = {
        method: np.concatenate([each.outputs[method] for each in answers])
        for method in answers[0].outputs
        if method == "predict" or (alike and method in methods)
    }
    return Answers(outputs, kind, classes[0])


def _columns(name: str, values: Array) -> dict[str, Any]:
    if values.ndim == 1:
        return {name: values}
    return {f"{name} {i}": values[:, i] for i in range(values.shape[1])}

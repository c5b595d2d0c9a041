"""What a model says of rows, asked the same way of the native model and of the file."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.runtime.feeding import strings
from unifml.runtime.schema import (
    LABEL,
    PREDICTION,
    PROBABILITIES,
    SCORES,
    TRANSFORMED,
    Task,
)

Array = npt.NDArray[Any]
Said = dict[str, Array]
"""Arrays by the names of a file's outputs; ``margin`` beside them where only labels are said."""
MARGIN = "margin"


def ask(model: Any, X: Any, task: Task) -> Said:
    """Ask a model for all that a file would say.

    Parameters
    ----------
    model : estimator
        Fitted, or a loaded file.
    X : rows
        As the model takes them.
    task : str
        What it answers.
    """
    if task == "transformation":
        return {TRANSFORMED: dense(model.transform(X))}
    predicted = np.asarray(model.predict(X))
    if task == "regression":
        return {PREDICTION: predicted}
    said: Said = {LABEL: predicted}
    if task == "outliers":
        return said | {SCORES: np.asarray(model.decision_function(X))}
    if hasattr(model, "predict_proba"):
        shares = _shares(model.predict_proba(X))
        return {LABEL: _one_label(predicted, shares)} | shares
    if task == "clustering" and hasattr(model, "transform"):
        said[TRANSFORMED] = dense(model.transform(X))
    return said | margin(model, X)


def _one_label(predicted: Array, shares: Said) -> Array:
    """Return labels (n,): CatBoost gives a column (n, 1) where there are more than two classes."""
    several = PROBABILITIES in shares and shares[PROBABILITIES].shape[1:] > (1,)
    return predicted.reshape(-1) if several and predicted.shape[1:] == (1,) else predicted


def _shares(shares: Any) -> Said:
    if isinstance(shares, list):
        return {f"{PROBABILITIES}_{i}": np.asarray(share) for i, share in enumerate(shares)}
    return {PROBABILITIES: np.asarray(shares)}


def classes_of(model: Any, task: Task) -> list[Any]:
    """Return the labels of each output of a classifier, in the order of their columns."""
    if task != "classification":
        return []
    classes = model.classes_
    return classes if isinstance(classes, list) else [classes]


def margin(model: Any, X: Any) -> Said:
    """Return how far each class is behind the first, relative to its score, if there are scores."""
    if not hasattr(model, "decision_function"):
        return {}
    scores = np.asarray(model.decision_function(X), dtype=np.float64)
    if scores.ndim == 1 or scores.shape[1] == 1:
        one = scores.reshape(-1, 1)
        return {MARGIN: np.hstack([np.maximum(one, 0), np.maximum(-one, 0)])}
    top = scores.max(axis=1, keepdims=True)
    return {MARGIN: (top - scores) / np.maximum(1.0, np.abs(top))}


def dense(values: Any) -> Array:
    """Return what a transformer gives as one array; text stays text."""
    array = np.asarray(values.toarray() if hasattr(values, "toarray") else values)
    if array.dtype.kind != "O":
        return array
    text = any(isinstance(v, str) for v in array.ravel().tolist())
    return strings(array) if text else array.astype(np.float64)


def take(said: Said, rows: Any) -> Said:
    """Return what was said of some rows."""
    return {name: values[rows] for name, values in said.items()}

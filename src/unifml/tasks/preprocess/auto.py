"""When a table is prepared unasked: for a model of unifml by name, if it holds text or gaps."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from sklearn.pipeline import Pipeline

from unifml.models import Native
from unifml.tasks.preprocess.decision import Preprocessor
from unifml.tasks.preprocess.table import Column, columns_in, frame_names
from unifml.tasks.preprocess.verb import preprocess
from unifml.tasks.weights import fit_weights

STEP = "preprocess"


def prepared(estimator: Any, spec: Any, X: Any, y: Any, task: str | None) -> Any:
    """Return an estimator behind a `Preprocessor`, if the table needs one; else itself.

    Parameters
    ----------
    estimator : Classifier, Regressor or Transformer
        Made for `spec`.
    spec : Model or Native
        What the user passed, by name or not; a model of their own gets X as it is.
    X, y : table, array-like
        The rows.
    task : str or None
        What is learned.
    """
    if not _takes_tables(spec) or not needs_preparing(X):
        return estimator
    kind = task if task in ("classification", "regression") else None
    before = preprocess(X, y if kind else None, task=kind, verbose=0)
    logging.getLogger("unifml").info("put before the model:\n%s", before.explain())
    return Pipeline([(STEP, before), (type(estimator).__name__.lower(), estimator)])


def needs_preparing(X: Any) -> bool:
    """Say whether X is a frame, or an array of objects, that holds text, dates or gaps."""
    if hasattr(type(X), "collect"):  # a frame that is not computed yet
        return False
    array = getattr(getattr(X, "dtype", None), "kind", "") in ("O", "U", "T")
    if not (len(X.shape) == 2 if array else hasattr(X, "shape") and frame_names(X) is not None):
        return False
    if not all(X.shape):
        return False
    columns = columns_in(X)
    return any(map(_is_strange, columns)) and not any(map(_holds_tables, columns))


def behind(estimator: Any) -> Any:
    """Return the model behind a `Preprocessor` that was put before it; else itself."""
    return estimator.steps[-1][1] if is_prepared(estimator) else estimator


def is_prepared(estimator: Any) -> bool:
    """Say whether a pipeline is a `Preprocessor` and a model."""
    if not isinstance(estimator, Pipeline) or len(estimator.steps) != 2:
        return False
    return isinstance(estimator.steps[0][1], Preprocessor)


def fit_holding_out(
    estimator: Pipeline, X: Any, y: Any, sample_weight: Any, held_out: Mapping[str, Any]
) -> Pipeline:
    """Fit a prepared model with rows to validate on, which go through the preparation too."""
    (_, before), (_, model) = estimator.steps
    table, given = before.fit_transform(X, y), dict(held_out)
    if "X_val" in given:
        given["X_val"] = before.transform(given["X_val"])
    model.fit(table, y, **fit_weights(model, sample_weight), **given)
    return estimator


def _takes_tables(spec: Any) -> bool:
    """Say whether a model of unifml takes columns of numbers, and knows none by name."""
    if isinstance(spec, Native) or getattr(spec, "categorical", False):
        return False
    return bool(spec.axes is None or 1 in spec.axes)


def _is_strange(column: Column) -> bool:
    if column.values.dtype.kind not in "iubfO":
        return True
    if column.missing.any():
        return True
    return column.values.dtype.kind == "O" and any(
        issubclass(kind, str) or not hasattr(kind, "__float__") for kind in column.types
    )


def _holds_tables(column: Column) -> bool:
    """Say whether cells are arrays or lists: inputs of their own, not columns."""
    if column.values.ndim > 1:
        return True
    if column.values.dtype.kind != "O":
        return False
    return any(hasattr(k, "__len__") and not issubclass(k, str | bytes) for k in column.types)

"""What the faces of an evaluation ask it, beside its public names: the one place that looks in."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import Pipeline

from unifml.core.registry import get_adapter, names

Array = npt.NDArray[Any]


def class_scores(evaluation: Any) -> Array | None:
    """Return how much the model thinks of each class: probabilities, else decision values."""
    found = evaluation.predictions
    if evaluation.kind != "classification" or (found.true.ndim == 1 and found.classes is None):
        return None
    if found.probabilities is not None:
        return np.asarray(found.probabilities)
    return None if found.decision is None else _fitting(np.asarray(found.decision), found)


def score_rows(evaluation: Any) -> list[dict[str, Any]]:
    """Return a record a metric: its mean, interval and spread."""
    return [{"metric": m.name, **evaluation._line(m)} for m in evaluation._metrics]


def notes(evaluation: Any) -> list[str]:
    """Return what the table of scores says below."""
    return list(evaluation._notes())


def done(evaluation: Any) -> dict[str, str]:
    """Return what was done, by name."""
    found = {
        "Task": evaluation.kind,
        "Folds": str(len(evaluation.folds)),
        "Rows scored": str(len(evaluation.predictions)),
        "Seed": str(evaluation.seed),
    }
    where = {name for each in _backends(evaluation) if (name := " on ".join(each))}
    return found | ({"Backend": ", ".join(sorted(where))} if where else {})


def packages(evaluation: Any) -> list[str]:
    """Return the packages of the backends that fitted it, as they are installed by name."""
    known = [each[0] for each in _backends(evaluation) if each[0] in names()]
    return [package for name in known for package in get_adapter(name).capabilities.packages]


def rows_shown(evaluation: Any) -> str:
    """Return in words which rows a plot shows."""
    if len(evaluation.folds) > 1:
        return f"out-of-fold rows of {len(evaluation.folds)} folds"
    return "rows held out" if evaluation.fit_seconds is not None else "the rows given"


def is_multilabel(evaluation: Any) -> bool:
    """Say whether a row has several labels."""
    return bool(evaluation.kind == "classification" and evaluation.predictions.true.ndim > 1)


def _fitting(values: Array, found: Any) -> Array | None:
    """Return decision values of one column a class, or one for two classes; others say pairs."""
    wanted = found.true.shape[1] if found.true.ndim > 1 else len(found.classes)
    if values.ndim == 1:
        return values if wanted == 2 else None
    return values if values.shape[1] == wanted else None


def _backends(evaluation: Any) -> list[tuple[str, ...]]:
    """Return backend and device of each kind of estimator that says so."""
    fitted = [_last(each) for each in evaluation.estimators if each is not None]
    said = [(getattr(each, "backend_", ""), getattr(each, "device_", "")) for each in fitted]
    return list(dict.fromkeys((a, str(b)) if b else (a,) for a, b in said if a))


def _last(estimator: Any) -> Any:
    """Return the model at the end of a Pipeline."""
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    return estimator

"""Whether a smaller file is as good: by a metric, on the rows given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing

from unifml.core.task import Kind
from unifml.errors import DataError, ExportError, ExportMismatchError, ParameterError
from unifml.export.proof.said import MARGIN, Said, ask, take
from unifml.metrics import Answers, Metric, make_metrics
from unifml.runtime import OnnxEstimator
from unifml.runtime.schema import LABEL, PREDICTION, PROBABILITIES, SCORES, TRANSFORMED, Task
from unifml.runtime.scores import accuracy, r2

AGREEMENT, FIT = "agreement", "r2_to_model"
_SMALL, _FEW = 7, 490  # rows that are asked in small batches as well, and how small


@dataclass(frozen=True)
class Worth:
    """How good a smaller file is.

    Attributes
    ----------
    metric : str
        What was measured; ``agreement`` is the share of labels that are the model's own,
        ``r2_to_model`` is R^2 with the model's predictions for the truth.
    score : float
        Of the model.
    score_onnx : float
        Of the file.
    flips : int
        Rows whose label differs.
    differences : array of shape (n,)
        Largest difference of a number in each row.
    """

    metric: str
    score: float
    score_onnx: float
    flips: int
    differences: Any

    def fields(self) -> dict[str, Any]:
        """Return what the file says of it."""
        return {
            "metric": self.metric,
            "score": self.score,
            "score_onnx": self.score_onnx,
            "rows": len(self.differences),
            "max_abs_diff": float(self.differences.max(initial=0.0)),
            "label_flips": self.flips,
        }


def judged(
    content: bytes,
    native: Said,
    model: Any,
    X: Any,
    y: Any = None,
    *,
    task: Task,
    metric: Any = None,
    max_loss: float = 0.01,
) -> Worth:
    """Compare a smaller file with its model, on all rows at once and in batches of seven.

    Small batches matter: where int8 is dynamic, rows that come together are rounded together.

    Parameters
    ----------
    content : bytes
        The file.
    native : dict of str to array
        What the model says of `X`.
    model : estimator
        The model.
    X : rows
        As the model takes them.
    y : array-like or None
        The truth; None measures how far the file agrees with the model.
    task : str
        What the model answers.
    metric : str, callable or None
        What is measured where there is a truth; None is accuracy or R^2.
    max_loss : float
        By how much the score may be worse.

    Raises
    ------
    ExportError
        If the file cannot be run on these rows.
    ExportMismatchError
        If it is worse than that.
    ParameterError
        For a metric without `y`.
    DataError
        For `y` of another length.
    """
    if metric is not None and y is None:
        raise ParameterError(
            f"metric={metric!r}", found="y=None", rule="a metric needs the truth", fix="pass y"
        )
    truth = None if y is None else _truth(y, len(next(iter(native.values()))))
    try:
        loaded = OnnxEstimator.from_bytes(content)
        onnx = ask(loaded, X, task)
        few = np.arange(min(len(next(iter(native.values()))), _FEW))
        parts = [few[i : i + _SMALL] for i in range(0, len(few), _SMALL)]
        small = [ask(loaded, _taken(X, rows), task) for rows in parts]
    except DataError as error:
        raise ExportError(
            "proving the smaller ONNX file", found=f"it cannot be run on these rows: {error}"
        ) from error
    measure = _measure(native, model, y, task, metric)
    together = _measured(measure, native, onnx, (model, loaded), X, truth, max_loss)
    joined = {name: np.concatenate([part[name] for part in small]) for name in small[0]}
    some = None if truth is None else truth[few]
    first = take(native, few)
    _measured(measure, first, joined, (model, loaded), _taken(X, few), some, max_loss)
    return Worth(*together, *_apart(native, onnx))


def _truth(y: Any, n: int) -> Any:
    truth = np.asarray(y)
    if truth.shape[:1] != (n,):
        raise DataError(f"y of shape {truth.shape}", rule=f"one value for each of the {n} rows")
    return truth


def _measure(native: Said, model: Any, y: Any, task: Task, metric: Any) -> Metric | None:
    """Return the metric; None where the file is measured by the model itself."""
    if y is None:
        return None
    if task not in ("classification", "regression"):
        raise ParameterError(
            f"y for a model of the task {task!r}",
            rule="classifiers and regressors are measured by a metric",
            fix="leave y out: the file is held against the model",
        )
    kind: Kind = "classification" if task == "classification" else "regression"
    usual = "accuracy" if kind == "classification" else "r2"
    answers = _answers(native, model, kind)
    return make_metrics([metric or usual], answers, np.asarray(y), kind, _classes(model, kind))[0]


def _measured(
    measure: Metric | None,
    native: Said,
    onnx: Said,
    models: tuple[Any, Any],
    X: Any,
    y: Any,
    max_loss: float,
) -> tuple[str, float, float]:
    """Return the metric's name and both scores, which must be close."""
    if measure is None:
        name, score, score_onnx = _agreement(native, onnx)
    else:
        name = measure.name
        score, score_onnx = (
            _score(measure, said, model, models[0], X, y)
            for said, model in zip((native, onnx), models, strict=True)
        )
    gain = score - score_onnx
    greater = True if measure is None else measure.greater
    loss = abs(gain) if greater is None else gain if greater else -gain
    if not loss <= max_loss:
        raise ExportMismatchError(
            "the smaller ONNX file is worse than the model, and was not written",
            found=f"{name} {score_onnx:.4f} where the model has {score:.4f}, "
            f"on {len(next(iter(native.values())))} rows",
            rule=f"a loss of {name} <= max_loss = {max_loss}",
            fix='take precision="fp16", give more rows, or allow more: max_loss=...',
        )
    return name, float(score), float(score_onnx)


def _score(measure: Metric, said: Said, model: Any, native: Any, X: Any, y: Any) -> float:
    if not measure.recorded:
        return float(measure.scorer(model, X, y))
    kind: Kind = "regression" if PREDICTION in said else "classification"
    return float(measure.scorer(_answers(said, native, kind), np.arange(len(y)), y))


def _answers(said: Said, model: Any, kind: Kind) -> Answers:
    outputs = {"predict": said[PREDICTION if kind == "regression" else LABEL]}
    if PROBABILITIES in said:
        outputs["predict_proba"] = said[PROBABILITIES]
    several = outputs["predict"].ndim > 1
    return Answers(outputs, kind, None if several else _classes(model, kind))


def _classes(model: Any, kind: Kind) -> Any:
    classes = getattr(model, "classes_", None) if kind == "classification" else None
    return None if classes is None or isinstance(classes, list) else np.asarray(classes)


def _agreement(native: Said, onnx: Said) -> tuple[str, float, float]:
    """Return how far the file says what the model says; of itself the model has 1."""
    if LABEL in native:
        return AGREEMENT, 1.0, accuracy(native[LABEL], onnx[LABEL])
    name = next(n for n in (PREDICTION, TRANSFORMED, SCORES) if n in native)
    return FIT, 1.0, r2(native[name], onnx[name])


def _apart(native: Said, onnx: Said) -> tuple[int, Any]:
    """Return the number of rows with other labels, and the largest difference in each row."""
    n = len(next(iter(native.values())))
    flips, differences = 0, np.zeros(n)
    for name, values in native.items():
        if name == LABEL:
            flips = int((values != onnx[name]).reshape(n, -1).any(axis=1).sum())
        elif name != MARGIN and values.dtype.kind in "fiub":
            apart = np.abs(values.astype(np.float64) - onnx[name]).reshape(n, -1)
            differences = np.maximum(differences, apart.max(axis=1, initial=0.0))
    return flips, differences


def _taken(X: Any, rows: Any) -> Any:
    if isinstance(X, Mapping):
        return {name: _taken(values, rows) for name, values in X.items()}
    return _safe_indexing(X, rows)

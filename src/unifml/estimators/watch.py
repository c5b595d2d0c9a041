"""What watches a fit: callbacks, metrics, the checkpoint."""

from __future__ import annotations

from typing import Any

import numpy as np

from unifml.core.adapter import Adapter
from unifml.core.fitted import Scaling
from unifml.core.plan import Plan
from unifml.core.table import FloatArray, Table
from unifml.errors import DataTypeError, ParameterError
from unifml.metrics import Answers, Metric, make_metrics
from unifml.training.checkpoint import Resume, fingerprint
from unifml.training.outputs import decide, probabilities

_MOMENTS = ("on_fit_begin", "on_epoch_end", "on_batch_end")


def loop_options(
    adapter: Adapter, plan: Plan, rows: Table, held_out: Table | None, target: Scaling | None
) -> dict[str, Any]:
    """Return the options of `Loop` that follow from the settings."""
    settings = plan.settings
    options: dict[str, Any] = {"callbacks": [_ours(adapter, c) for c in settings.callbacks]}
    if settings.metrics:
        options["measures"] = EpochMetrics(plan, target, rows.y)
    if settings.checkpoint:
        tables = [rows] if held_out is None else [rows, held_out]
        stage = "refit" if settings.refit and settings.early_stopping is None else ""
        found = fingerprint(plan, adapter.name, tables)
        options["resume"] = Resume(settings.checkpoint, found, stage)
    return options


class EpochMetrics:
    """The metrics of ``Training(metrics=...)``, of raw outputs; see `Measures` of the loop.

    Parameters
    ----------
    plan : Plan
        What the outputs mean, and the user's labels.
    target : Scaling or None
        How targets were scaled: metrics are in the user's units.
    y : array
        Targets of a native that keeps its labels to itself; else the plan tells what there is.
    """

    def __init__(self, plan: Plan, target: Scaling | None, y: Any) -> None:
        self.plan, self.target = plan, target
        truth = self._example(y)
        probe = self._answers(np.full((len(truth), plan.task.width), 0.5))
        asked = list(plan.settings.metrics)
        classes = None if plan.task.multilabel else plan.classes
        self.metrics = make_metrics(asked, probe, truth, plan.task.kind, classes)
        for metric in self.metrics:
            _require_recorded(metric)
        self.greater = {metric.name: metric.greater for metric in self.metrics}

    def of(self, outputs: FloatArray, rows: Table) -> dict[str, float]:
        """Return each metric, weighted by the rows' weights."""
        answers, truth, places = self._answers(outputs), self._truth(rows.y), np.arange(len(rows))
        weight = {} if rows.weight is None else {"sample_weight": rows.weight}
        return {m.name: float(m.scorer(answers, places, truth, **weight)) for m in self.metrics}

    def _answers(self, outputs: FloatArray) -> Answers:
        plan, several = self.plan, self.plan.task.multilabel
        if plan.task.kind == "regression":
            values = self._units(outputs if plan.output == "values" else np.exp(outputs))
            return Answers({"predict": _one(values)}, "regression", None)
        codes = decide(outputs, plan.task, plan.output)
        found = {"predict": codes if several or plan.classes is None else plan.classes[codes]}
        if plan.output == "scores":
            found["decision_function"] = _one(outputs)
        else:
            found["predict_proba"] = probabilities(outputs, plan.task, plan.output)
        return Answers(found, "classification", None if several else plan.classes)

    def _truth(self, y: Any) -> Any:
        if self.plan.task.kind == "regression":
            return _one(self._units(np.asarray(y, dtype=np.float64).reshape(len(y), -1)))
        decoded = self.plan.task.multilabel or self.plan.classes is None
        return y if decoded or not _coded(y) else self.plan.classes[y]  # type: ignore[index]

    def _units(self, values: FloatArray) -> FloatArray:
        return values if self.target is None else self.target.invert(values)

    def _example(self, y: Any) -> Any:
        """Return targets of the kind that is learned, to see what can be asked of them."""
        task = self.plan.task
        if task.kind == "regression":
            return _one(np.zeros((2, task.n_targets)))
        if task.multilabel:
            return np.stack([np.zeros(task.n_targets, int), np.ones(task.n_targets, int)])
        return y if self.plan.classes is None else self.plan.classes


def _ours(adapter: Adapter, callback: Any) -> Any:
    if any(hasattr(callback, moment) for moment in _MOMENTS[:1]):
        return callback
    own = adapter.callback(callback)
    if own is None:
        raise DataTypeError(
            f"callback {type(callback).__name__} on backend {adapter.name!r}",
            rule="callbacks are unifml.Callback; Keras's own are taken for Keras models",
            fix="derive it from unifml.Callback",
        )
    return own


def _require_recorded(metric: Metric) -> None:
    if not metric.recorded:
        raise ParameterError(
            f"metric {metric.name!r} in Training(metrics=...)",
            found="a function of (estimator, X, y)",
            rule="there is no estimator yet: a name, or a function of (y_true, y_pred)",
        )


def _coded(y: Any) -> bool:
    return np.asarray(y).dtype.kind in "iu"


def _one(values: FloatArray) -> FloatArray:
    return values[:, 0] if values.ndim > 1 and values.shape[1] == 1 else values

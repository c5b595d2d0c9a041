"""What `unifml.evaluate` found out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import Pipeline

from unifml.core.history import History
from unifml.core.table import FloatArray
from unifml.metrics import Measured, Metric
from unifml.tasks.by_class import Confusion, class_table, confusion
from unifml.tasks.evaluation_table import line, notes, table
from unifml.tasks.failures import Failure
from unifml.tasks.folds import Outcome
from unifml.tasks.intervals import Interval, Spread
from unifml.tasks.predictions import Predictions as Predictions
from unifml.tasks.predictions import gathered, pooled
from unifml.tasks.slices import Slicing, slice_table
from unifml.tasks.summary import by_fold, plain, spreads, values_of
from unifml.tasks.table import number

Array = npt.NDArray[Any]


class Evaluation:
    """Scores with intervals, and what they were made of.

    `unifml.evaluate` makes it. What takes time is computed when first asked for.

    Attributes
    ----------
    title : str
        What was done.
    scores : dict of str to float
        Mean over the folds of each metric, in its natural sign.
    intervals : dict of str to (float, float)
        95 % intervals: over the folds of a cross-validation the corrected resampled t, over the
        rows of one set Wilson's for shares of rows, such as accuracy, and the seeded bootstrap for
        others; both on a scale without bounds. A metric that asks the estimator itself (a user's
        scorer) has none on a single set.
    standard_errors : dict of str to float
        Of the scores, corrected as the intervals are.
    folds : list of dict
        For each fold its metrics, ``n_train``, ``n_test``, ``fit_seconds``, ``predict_seconds``;
        where some failed, ``error``.
    predictions : Predictions
        Out-of-fold predictions; those of repeated folds hold each row several times.
    by_class : list of dict
        ``class``, ``support`` (rows scored, or their weight), ``precision``, ``recall`` and ``f1``
        of each class or label in those predictions; empty for numbers and clusters.
    confusion : Confusion or None
        What was taken for what: ``classes`` and ``counts``; None for numbers and clusters.
    slices : list of dict
        With ``by=``: ``slice``, ``n`` (rows), ``rare`` (fewer than 20), and for each metric its
        value and interval (``accuracy``, ``accuracy low``, ``accuracy high``) on the out-of-fold
        predictions of these rows; None where it is undefined. These intervals are Wilson's or
        the bootstrap's over the rows: what folds share is not corrected for.
    curves : dict of int to History
        Learning curves of the folds whose model, or a Pipeline's last step, was trained by epochs.
    failures : list of dict
        Folds that failed, where ``error_score`` is a number: ``fold``, ``error``, ``message``,
        ``cause``.
    estimators : list
        As fitted in each fold; None for one that failed.
    fit_seconds : float or None
        Mean over the folds of the time of one fit; None where nothing was fitted.
    predict_seconds : float
        Mean over the folds of the time of one ``predict``.

    Examples
    --------
    >>> import unifml
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> report = unifml.evaluate("linear", X, y, backend="sklearn", random_state=0)
    >>> report.scores["accuracy"] > 0.9
    True
    """

    def __init__(
        self,
        title: str,
        kind: Measured,
        metrics: tuple[Metric, ...],
        outcomes: tuple[Outcome, ...],
        y: Array | None,
        weight: FloatArray | None,
        seed: int,
        slicings: tuple[Slicing, ...] = (),
    ) -> None:
        self.title, self.kind, self.seed = title, kind, seed
        self._metrics, self._outcomes, self._y, self._weight = metrics, outcomes, y, weight
        self._slicings = slicings

    # Numbers ------------------------------------------------------------------------------------

    @cached_property
    def scores(self) -> dict[str, float]:
        """Mean over the folds of each metric."""
        return {m.name: float(np.mean(values_of(m, self._outcomes))) for m in self._metrics}

    @property
    def intervals(self) -> dict[str, Interval]:
        """95 % interval of each metric."""
        return {name: spread.interval for name, spread in self._spreads.items()}

    @property
    def standard_errors(self) -> dict[str, float]:
        """Standard error of each score."""
        return {name: spread.error for name, spread in self._spreads.items()}

    @cached_property
    def folds(self) -> list[dict[str, Any]]:
        """One record per fold."""
        return by_fold(self._outcomes)

    @cached_property
    def predictions(self) -> Predictions:
        """Out-of-fold predictions, fold after fold."""
        done = [(i, each) for i, each in enumerate(self._outcomes) if each.answers is not None]
        return gathered(done, self._y, self._weight)

    @cached_property
    def by_class(self) -> list[dict[str, Any]]:
        """How each class fares."""
        return class_table(self.predictions) if self.kind == "classification" else []

    @cached_property
    def confusion(self) -> Confusion | None:
        """What was taken for what."""
        return confusion(self.predictions) if self.kind == "classification" else None

    @cached_property
    def slices(self) -> list[dict[str, Any]]:
        """Scores of parts of the rows."""
        if not self._slicings or self._y is None:
            return []
        answers = pooled([each.answers for each in self._outcomes if each.answers])
        given = self._metrics, answers, self.predictions, self._y, self.seed
        return [row for each in self._slicings for row in slice_table(each, *given)]

    @property
    def curves(self) -> Mapping[int, History]:
        """Learning curves by fold."""
        found = {
            i: getattr(_last(each), "history_", None) for i, each in enumerate(self.estimators)
        }
        return {i: h for i, h in found.items() if isinstance(h, History) and h.n_epochs}

    @property
    def failures(self) -> list[dict[str, Any]]:
        """Folds that failed, and why."""
        return [failure.record(i) for i, failure in self._failed.items()]

    @property
    def estimators(self) -> list[Any]:
        """The estimators of the folds, fitted."""
        return [outcome.estimator for outcome in self._outcomes]

    @property
    def fit_seconds(self) -> float | None:
        """Mean time of a fit."""
        times = [o.fit_seconds for o in self._outcomes if o.fit_seconds is not None]
        return float(np.mean(times)) if times else None

    @property
    def predict_seconds(self) -> float:
        """Mean time of a ``predict`` on a fold's test rows."""
        return float(np.mean([t for o in self._outcomes if (t := o.predict_seconds) is not None]))

    # Faces --------------------------------------------------------------------------------------

    def __str__(self) -> str:
        from unifml.tasks.report import text_face

        return text_face(self.title, *self._table(), self._notes())

    def __rich__(self) -> Any:
        from unifml.tasks.report.text import rich_face

        return rich_face(self.title, *self._table(), self._notes())

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={number(value)}" for name, value in self.scores.items())
        return f"Evaluation({shown})"

    def _repr_html_(self) -> str:
        from unifml.tasks.report import html_face

        more = {"Classes": self.by_class, "Slices": self.slices, "Folds": self.folds}
        return html_face(self.title, *self._table(), self._notes(), more)

    def to_frame(self) -> Any:
        """Return a pandas DataFrame: ``mean``, ``se``, ``low``, ``high``, ``sd`` of each metric."""
        import pandas as pd

        lines = {m.name: self._line(m) for m in self._metrics}
        return pd.DataFrame.from_dict(lines, orient="index").rename_axis("metric")

    def to_json(self) -> str:
        """Return scores, intervals, folds, classes, slices, failures and times as JSON."""
        found = self.confusion
        facts = {
            "title": self.title,
            "task": self.kind,
            "scores": self.scores,
            "intervals": self.intervals,
            "standard_errors": self.standard_errors,
            "folds": self.folds,
            "by_class": self.by_class,
            "confusion": found and {"classes": found.classes, "counts": found.counts},
            "slices": self.slices,
            "failures": self.failures,
            "fit_seconds": self.fit_seconds,
            "predict_seconds": self.predict_seconds,
        }
        return json.dumps(plain(facts), allow_nan=False)

    def to_html(self, path: Any = None) -> str:
        """Return one page with tables and plots that needs no network.

        Parameters
        ----------
        path : path-like or None
            Where to write it as well.
        """
        from unifml.tasks.report import evaluation_page

        return evaluation_page(self, path)

    def plot(self, kind: str = "scores", metrics: Any = None) -> Any:
        """Draw one kind of plot.

        Parameters
        ----------
        kind : str, default="scores"
            ``scores``, ``slices``, ``roc``, ``pr``, ``calibration``, ``confusion``, ``residuals``,
            ``predicted``, ``learning_curve``: those that the task and the model can give.
        metrics : str, list of str or None
            Those to draw, for ``scores`` and ``slices``; None draws all.

        Returns
        -------
        matplotlib Figure
        """
        from unifml.tasks.report import draw

        return draw(self, kind, metrics)

    # Inner methods ------------------------------------------------------------------------------

    @cached_property
    def _spreads(self) -> dict[str, Spread]:
        return spreads(self._metrics, self._outcomes, self._y, self._weight, self.seed)

    @property
    def _failed(self) -> dict[int, Failure]:
        found = {i: outcome.failure for i, outcome in enumerate(self._outcomes)}
        return {i: failure for i, failure in found.items() if failure is not None}

    def _line(self, metric: Metric) -> dict[str, float]:
        return line(self, metric)

    def _table(self) -> tuple[list[str], list[list[str]]]:
        return table(self)

    def _notes(self) -> list[str]:
        return notes(self)


def _last(estimator: Any) -> Any:
    """Return the model behind searches, at the end of Pipelines."""
    while True:
        if isinstance(estimator, Pipeline):
            estimator = estimator.steps[-1][1]
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        else:
            return estimator

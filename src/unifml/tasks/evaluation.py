"""What `unifml.evaluate` found out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.table import FloatArray
from unifml.core.task import Kind
from unifml.metrics import Metric
from unifml.tasks.folds import Outcome
from unifml.tasks.intervals import LEVEL, Interval, clipped, corrected_t, row_intervals
from unifml.tasks.table import html_table, number, seconds, text_table


@dataclass(frozen=True, eq=False)
class Predictions:
    """What was predicted for rows that were not learned from.

    Attributes
    ----------
    row : array of shape (n,)
        Number of the row in the data given.
    fold : array of shape (n,)
        In which fold it was scored, counted from 0.
    true, predicted : array of shape (n,) or (n, outputs)
        Labels or numbers.
    probabilities : array of shape (n, classes) or None
        Where the estimator gives them.
    classes : array or None
        What the columns of `probabilities` are.
    """

    row: npt.NDArray[np.int64]
    fold: npt.NDArray[np.int64]
    true: npt.NDArray[Any]
    predicted: npt.NDArray[Any]
    probabilities: FloatArray | None = None
    classes: npt.NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.row)

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with one line per scored row."""
        import pandas as pd

        columns: dict[str, npt.NDArray[Any]] = {"row": self.row, "fold": self.fold}
        columns |= _columns("true", self.true) | _columns("predicted", self.predicted)
        if self.probabilities is not None:
            width = self.probabilities.shape[1]
            names = range(width) if self.classes is None else self.classes
            for i, name in enumerate(names):
                columns[f"probability of {name}"] = self.probabilities[:, i]
        return pd.DataFrame(columns)


class Evaluation:
    """Scores with intervals, and what they were made of.

    `unifml.evaluate` makes it.

    Attributes
    ----------
    title : str
        What was done.
    scores : dict of str to float
        Mean over the folds of each metric, in its natural sign.
    intervals : dict of str to (float, float)
        95 % intervals: over the folds of a cross-validation the corrected resampled t, over the
        rows of one set the bootstrap, seeded. Computed when first asked for. A metric that asks
        the estimator itself (a user's scorer) has none on a single set.
    folds : list of dict
        For each fold its metrics, ``n_train``, ``n_test``, ``fit_seconds``, ``predict_seconds``.
    predictions : Predictions
        Out-of-fold predictions.
    estimators : list
        As fitted in each fold.
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
        kind: Kind,
        metrics: tuple[Metric, ...],
        outcomes: tuple[Outcome, ...],
        y: npt.NDArray[Any],
        weight: FloatArray | None,
        seed: int,
    ) -> None:
        self.title, self.kind, self.seed = title, kind, seed
        self._metrics, self._outcomes, self._y, self._weight = metrics, outcomes, y, weight

    # Numbers ------------------------------------------------------------------------------------

    @cached_property
    def scores(self) -> dict[str, float]:
        """Mean over the folds of each metric."""
        return {m.name: float(np.mean(self._values(m))) for m in self._metrics}

    @cached_property
    def intervals(self) -> dict[str, Interval]:
        """95 % interval of each metric."""
        found = self._by_folds() if len(self._outcomes) > 1 else self._by_rows()
        return {m.name: clipped(found[m.name], m.bounds) for m in self._metrics if m.name in found}

    @cached_property
    def folds(self) -> list[dict[str, Any]]:
        """One record per fold."""
        return [self._record(i, outcome) for i, outcome in enumerate(self._outcomes)]

    @cached_property
    def predictions(self) -> Predictions:
        """Out-of-fold predictions, fold after fold."""
        rows = [outcome.split.test for outcome in self._outcomes]
        outputs = [outcome.answers.outputs for outcome in self._outcomes]
        classes = [getattr(outcome.answers, "classes_", None) for outcome in self._outcomes]
        given = all("predict_proba" in o for o in outputs) and _equal(classes)
        return Predictions(
            np.concatenate(rows),
            np.repeat(np.arange(len(rows)), [len(r) for r in rows]),
            self._y[np.concatenate(rows)],
            np.concatenate([o["predict"] for o in outputs]),
            np.concatenate([o["predict_proba"] for o in outputs]) if given else None,
            classes[0],
        )

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
        return float(np.mean([o.predict_seconds for o in self._outcomes]))

    # Faces --------------------------------------------------------------------------------------

    def __str__(self) -> str:
        header, rows = self._table()
        return "\n".join([self.title, text_table(header, rows), *self._notes()])

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={number(value)}" for name, value in self.scores.items())
        return f"Evaluation({shown})"

    def _repr_html_(self) -> str:
        return html_table(self.title, *self._table(), self._notes())

    def to_frame(self) -> Any:
        """Return a pandas DataFrame: for each metric ``mean``, ``low``, ``high`` and ``sd``."""
        import pandas as pd

        lines = {m.name: self._line(m) for m in self._metrics}
        return pd.DataFrame.from_dict(lines, orient="index").rename_axis("metric")

    def to_json(self) -> str:
        """Return scores, intervals, folds and times as JSON."""
        return json.dumps(
            {
                "title": self.title,
                "task": self.kind,
                "scores": self.scores,
                "intervals": self.intervals,
                "folds": self.folds,
                "fit_seconds": self.fit_seconds,
                "predict_seconds": self.predict_seconds,
            }
        )

    def plot(self, metrics: Any = None) -> Any:
        """Draw each metric on a line of its own: folds, mean and interval.

        Parameters
        ----------
        metrics : list of str or None
            Those to draw; None draws all.

        Returns
        -------
        matplotlib Figure
        """
        from unifml.tasks.drawing import draw_scores

        names = list(self.scores) if metrics is None else list(metrics)
        values = {name: [fold[name] for fold in self.folds] for name in names}
        return draw_scores(self.title, values, self.scores, self.intervals)

    # Inner methods ------------------------------------------------------------------------------

    def _values(self, metric: Metric) -> list[float]:
        return [outcome.scores[metric.name] for outcome in self._outcomes]

    def _by_folds(self) -> dict[str, Interval]:
        splits = [outcome.split for outcome in self._outcomes]
        shares = [len(s.test) / len(s.train) for s in splits if s.train is not None]
        share = float(np.mean(shares))
        return {m.name: corrected_t(self._values(m), share) for m in self._metrics}

    def _by_rows(self) -> dict[str, Interval]:
        outcome = self._outcomes[0]
        rows = outcome.split.test
        weight = None if self._weight is None else self._weight[rows]
        return row_intervals(self._metrics, outcome.answers, self._y[rows], weight, self.seed)

    def _record(self, i: int, outcome: Outcome) -> dict[str, Any]:
        train = outcome.split.train
        return {
            "fold": i,
            **outcome.scores,
            "n_train": None if train is None else len(train),
            "n_test": len(outcome.split.test),
            "fit_seconds": outcome.fit_seconds,
            "predict_seconds": outcome.predict_seconds,
        }

    def _line(self, metric: Metric) -> dict[str, float]:
        low, high = self.intervals.get(metric.name, (np.nan, np.nan))
        values = self._values(metric)
        spread = float(np.std(values, ddof=1)) if len(values) > 1 else np.nan
        return {"mean": self.scores[metric.name], "low": low, "high": high, "sd": spread}

    def _table(self) -> tuple[list[str], list[list[str]]]:
        several = len(self._outcomes) > 1
        header = ["metric", "mean" if several else "score", f"{LEVEL:.0%} interval"]
        rows = []
        for metric in self._metrics:
            line = self._line(metric)
            interval = "-"
            if metric.name in self.intervals:
                interval = f"{number(line['low'])} to {number(line['high'])}"
            spread = [number(line["sd"])] if several else []
            rows.append([metric.name, number(line["mean"]), interval, *spread])
        return [*header, *(["sd of folds"] if several else [])], rows

    def _notes(self) -> list[str]:
        times = [f"predict {seconds(self.predict_seconds)}"]
        if self.fit_seconds is not None:
            times.insert(0, f"fit {seconds(self.fit_seconds)}")
        several = len(self._outcomes) > 1
        how = "corrected resampled t over the folds" if several else "bootstrap over the rows"
        return [f"{', '.join(times)}{' a fold' if several else ''}; intervals: {how}"]


def _equal(arrays: list[Any]) -> bool:
    return all(np.array_equal(array, arrays[0]) for array in arrays)


def _columns(name: str, values: npt.NDArray[Any]) -> dict[str, Any]:
    if values.ndim == 1:
        return {name: values}
    return {f"{name} {i}": values[:, i] for i in range(values.shape[1])}

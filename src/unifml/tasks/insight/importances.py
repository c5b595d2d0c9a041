"""What `unifml.permutation_importance` found out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.table import FloatArray
from unifml.errors import UnknownNameError
from unifml.tasks.report.html import html_face, picture, section, table
from unifml.tasks.report.page import page
from unifml.tasks.report.text import rich_face, text_face
from unifml.tasks.table import number

_SHOWN, _DRAWN = 20, 30


class Importances:
    """How much worse each metric becomes when a column is shuffled; the most important first.

    `unifml.permutation_importance` makes it.

    Attributes
    ----------
    title : str
        What was done.
    features : list of str
        Names of the columns, ordered by the first metric.
    metrics : list of str
        Those measured.
    means : dict of str to dict of str to float
        By metric and column, the mean over folds and repeats.
    deviations : dict of str to dict of str to float
        The standard deviation over folds and repeats.
    draws : dict of str to array of shape (features, folds, repeats)
        Each single one, by metric.
    scores : dict of str to float
        The metrics when nothing is shuffled: mean over the folds.

    Examples
    --------
    >>> import unifml
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> clf = unifml.Classifier("random_forest", random_state=0).fit(X, y)
    >>> found = unifml.permutation_importance(clf, X, y, random_state=0)
    >>> found.means["accuracy"]["sepal width (cm)"] < found.means["accuracy"]["petal width (cm)"]
    True
    """

    def __init__(
        self,
        title: str,
        features: Sequence[str],
        draws: Mapping[str, npt.NDArray[Any]],
        scores: Mapping[str, float],
    ) -> None:
        self.title, self.metrics, self.scores = title, list(draws), dict(scores)
        first = draws[self.metrics[0]].mean(axis=(1, 2))
        order = np.argsort(-first, kind="stable")
        self.features = [str(features[i]) for i in order]
        self.draws: dict[str, FloatArray] = {name: values[order] for name, values in draws.items()}

    @property
    def means(self) -> dict[str, dict[str, float]]:
        """Mean importance by metric and column."""
        return self._by_column(np.mean)

    @property
    def deviations(self) -> dict[str, dict[str, float]]:
        """Standard deviation over folds and repeats, by metric and column."""
        return self._by_column(np.std)

    # Faces --------------------------------------------------------------------------------------

    def __str__(self) -> str:
        return text_face(self.title, *self._table(), self._notes())

    def __repr__(self) -> str:
        shown = ", ".join(f"{n}={number(v)}" for n, v in self._first()[:3])
        return f"Importances({self.metrics[0]}: {shown}{', ...' if len(self.features) > 3 else ''})"

    def __rich__(self) -> Any:
        return rich_face(self.title, *self._table(), self._notes())

    def _repr_html_(self) -> str:
        return html_face(self.title, *self._table(), self._notes())

    def to_frame(self) -> Any:
        """Return a pandas DataFrame: a line a column, with ``mean`` and ``sd`` of each metric."""
        import pandas as pd

        return pd.DataFrame(self._records()).set_index("column")

    def to_json(self) -> str:
        """Return everything as JSON."""
        return json.dumps(
            {
                "title": self.title,
                "scores": self.scores,
                "means": self.means,
                "deviations": self.deviations,
                "draws": {name: values.tolist() for name, values in self.draws.items()},
            }
        )

    def to_html(self, path: Any = None) -> str:
        """Return one page that needs no network, with table and plots.

        Parameters
        ----------
        path : path-like or None
            Where to write it as well.
        """
        drawn = [picture(self.plot(name), f"importances by {name}") for name in self.metrics]
        plots = f"<div class='plots'>{''.join(drawn)}</div>"
        sections = [section("Plots", plots), section("Columns", table(self._records()))]
        return page("Permutation importance", self.title, sections, path)

    def plot(self, metric: str | None = None) -> Any:
        """Draw the columns, the most important on top, with every single draw.

        Parameters
        ----------
        metric : str or None
            None is the first one.

        Returns
        -------
        matplotlib Figure
        """
        from unifml.tasks.insight.drawing import draw_importances

        name = self.metrics[0] if metric is None else metric
        if name not in self.metrics:
            raise UnknownNameError.among("metric", name, self.metrics)
        return draw_importances(self.title, name, self.features[:_DRAWN], self.draws[name])

    # Inner methods ------------------------------------------------------------------------------

    def _by_column(self, statistic: Any) -> dict[str, dict[str, float]]:
        return {
            name: dict(zip(self.features, map(float, statistic(values, axis=(1, 2))), strict=True))
            for name, values in self.draws.items()
        }

    def _first(self) -> list[tuple[str, float]]:
        return list(self.means[self.metrics[0]].items())

    def _records(self) -> list[dict[str, Any]]:
        means, deviations = self.means, self.deviations
        return [
            {"column": column}
            | {f"{metric} mean": means[metric][column] for metric in self.metrics}
            | {f"{metric} sd": deviations[metric][column] for metric in self.metrics}
            for column in self.features
        ]

    def _table(self) -> tuple[list[str], list[list[str]]]:
        header = [word for metric in self.metrics for word in (f"{metric} worse by", "sd")]
        both = [(self.means[metric], self.deviations[metric]) for metric in self.metrics]
        rows = [
            [column, *(number(values[column]) for pair in both for values in pair)]
            for column in self.features[:_SHOWN]
        ]
        return ["column", *header], rows

    def _notes(self) -> list[str]:
        shape = self.draws[self.metrics[0]].shape
        said = ", ".join(f"{name} {number(value)}" for name, value in self.scores.items())
        left = len(self.features) - _SHOWN
        more = [f"and {left} columns that matter less"] if left > 0 else []
        folds = f"{shape[1]} folds, " if shape[1] > 1 else ""
        return [*more, f"{folds}{shape[2]} shuffles a column; unshuffled: {said}"]

"""What `unifml.partial_dependence` found out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.errors import UnknownNameError
from unifml.tasks.report.html import html_face, picture, section, table
from unifml.tasks.report.page import page
from unifml.tasks.report.text import rich_face, text_face
from unifml.tasks.table import number

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Effect:
    """What is answered as one column, or two together, change.

    Attributes
    ----------
    columns : tuple of str
        Names of the columns: one or two.
    found : Bunch
        As scikit-learn gives it: ``grid_values``, ``average``, and ``individual`` if kept.
    by_value : tuple of bool
        Whether a column is taken value by value, not on a grid.
    deciles : tuple of (array or None)
        Where the rows are, a column.
    """

    columns: tuple[str, ...]
    found: Any
    by_value: tuple[bool, ...]
    deciles: tuple[Array | None, ...]

    @property
    def values(self) -> tuple[Array, ...]:
        """The values that each column is set to."""
        return tuple(np.asarray(each) for each in self.found["grid_values"])

    @property
    def average(self) -> Array:
        """The mean answer, of shape (answers, values) or (answers, values, values)."""
        return np.asarray(self.found["average"])

    @property
    def individual(self) -> Array | None:
        """The answer for each row, of shape (answers, rows, values, ...), if it was kept."""
        kept = self.found.get("individual")
        return None if kept is None else np.asarray(kept)

    @property
    def spread(self) -> float:
        """How far the mean answer moves, of the answer that moves most."""
        flat = self.average.reshape(len(self.average), -1)
        return float(np.ptp(flat, axis=1).max())

    @property
    def name(self) -> str:
        """The columns in words."""
        return " and ".join(self.columns)


class Dependence:
    """What a model answers on average as columns change.

    `unifml.partial_dependence` makes it.

    Attributes
    ----------
    title : str
        What was done.
    effects : list of Effect
        One for each column, or pair, that was asked for: ``values``, ``average``, ``spread``.
    answers : list of str
        The classes that an answer is about: the second of two, each of several; empty for numbers.
    measure : str
        What the answers are: ``probability``, ``decision value`` or ``predicted``.

    Examples
    --------
    >>> import unifml
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> clf = unifml.Classifier("random_forest", random_state=0).fit(X, y)
    >>> found = unifml.partial_dependence(clf, X, "petal width (cm)", grid=10)
    >>> found.effects[0].average.shape
    (3, 10)
    """

    def __init__(
        self, title: str, effects: Sequence[Effect], answers: Sequence[str], measure: str
    ) -> None:
        self.title, self.effects = title, list(effects)
        self.answers, self.measure = list(answers), measure

    # Faces --------------------------------------------------------------------------------------

    def __str__(self) -> str:
        return text_face(self.title, *self._table(), self._notes())

    def __repr__(self) -> str:
        return f"Dependence({', '.join(effect.name for effect in self.effects)})"

    def __rich__(self) -> Any:
        return rich_face(self.title, *self._table(), self._notes())

    def _repr_html_(self) -> str:
        return html_face(self.title, *self._table(), self._notes())

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with a line for each value: columns, values, answer, mean."""
        import pandas as pd

        return pd.DataFrame([record for effect in self.effects for record in self._lines(effect)])

    def to_json(self) -> str:
        """Return values and means as JSON."""
        effects = [
            {
                "columns": effect.columns,
                "values": [each.tolist() for each in effect.values],
                "average": effect.average.tolist(),
                "spread": effect.spread,
            }
            for effect in self.effects
        ]
        head = {"title": self.title, "answers": self.answers, "measure": self.measure}
        return json.dumps({**head, "effects": effects}, default=str)

    def to_html(self, path: Any = None) -> str:
        """Return one page that needs no network, with the plot and how far answers move.

        Parameters
        ----------
        path : path-like or None
            Where to write it as well.
        """
        header, rows = self._table()
        moves = [dict(zip(header, row, strict=True)) for row in rows]
        drawn = picture(self.plot(), "partial dependence")
        return page(
            "Partial dependence",
            self.title,
            [section("Plots", drawn), section("Columns", table(moves))],
            path,
        )

    def plot(self, answer: Any = None) -> Any:
        """Draw each effect, through scikit-learn's ``PartialDependenceDisplay``.

        Parameters
        ----------
        answer : label or None
            The class whose answers are drawn; None draws all in one, and the first of them for
            pairs and for single rows.

        Returns
        -------
        matplotlib Figure
        """
        from unifml.tasks.insight.dependence_plot import draw_dependence

        if answer is not None and str(answer) not in self.answers:
            raise UnknownNameError.among("class", str(answer), self.answers)
        return draw_dependence(self, None if answer is None else self.answers.index(str(answer)))

    # Inner methods ------------------------------------------------------------------------------

    def _table(self) -> tuple[list[str], list[list[str]]]:
        rows = [
            [
                effect.name,
                number(effect.average.min()),
                number(effect.average.max()),
                number(effect.spread),
            ]
            for effect in self.effects
        ]
        return ["column", "lowest mean", "highest mean", "moves by"], rows

    def _notes(self) -> list[str]:
        of = f" of {', '.join(self.answers)}" if self.answers else ""
        return [f"answers: {self.measure}{of}"]

    def _lines(self, effect: Effect) -> list[dict[str, Any]]:
        lines = []
        for i, answer in enumerate(self.answers or [self.measure]):
            for place in product(*(range(len(each)) for each in effect.values)):
                set_to = [values[k] for values, k in zip(effect.values, place, strict=True)]
                named = {
                    "column": effect.name,
                    "value": set_to[0] if len(set_to) == 1 else tuple(set_to),
                }
                lines.append(
                    {**named, "answer": answer, "mean": float(effect.average[(i, *place)])}
                )
        return lines

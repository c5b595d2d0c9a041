"""What `unifml.compare` found out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from unifml.errors import UnknownNameError
from unifml.tasks.comparison_table import notes, standings
from unifml.tasks.costs import latency, n_bytes, n_weights, undominated
from unifml.tasks.evaluation import Evaluation
from unifml.tasks.pairs import Tests, all_pairs, direction, metric_of, turned
from unifml.tasks.significance import PairedTest
from unifml.tasks.table import html_table, text_table

_KINDS = ("scores", "differences", "pareto")


class Comparison(Mapping[str, Evaluation]):
    """Several models on the same folds: who is better, and is it more than chance.

    `unifml.compare` makes it. It is a mapping: ``comparison["mlp/torch"]`` is the `Evaluation` of
    that model, in the order given.

    Attributes
    ----------
    title : str
        What was done.
    metrics : tuple of str
        Those that every model has; the first one ranks.
    best : str
        Name of the model with the best mean of the first metric, its sign heeded.
    ranking : list of dict
        The best first: ``rank``, ``name``, ``score``, ``low`` and ``high`` (its 95 % interval),
        ``difference`` to the best (0 for itself), and ``p_value`` of that difference, corrected
        for all pairs (None for the best, and where nothing can be tested).
    tests : dict of (str, str) to PairedTest
        Every pair, first minus second: over folds the corrected resampled t-test, on one set of
        rows McNemar's for accuracy and a paired bootstrap for other metrics; ``adjusted`` holds
        Holm's p-values.
    costs : list of dict
        For each model ``fit_seconds``, ``predict_seconds`` (means over the folds), ``latency``
        (seconds for one row, measured when first asked for), ``bytes`` (of its pickle) and
        ``weights`` (numbers a network learned; None for others). Of the first fold's estimator.
    pareto : list of str
        Models that no other beats in the first metric and in latency, the fastest first.
    failed : dict of str to str
        Models that failed, and why, where ``error_score`` is a number.

    Examples
    --------
    >>> import unifml
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> found = unifml.compare(["random_forest", "linear/sklearn"], X, y, random_state=0)
    >>> [record["rank"] for record in found.ranking]
    [1, 2]
    >>> found["linear/sklearn"].scores["accuracy"] > 0.9
    True
    """

    def __init__(
        self,
        title: str,
        evaluations: Mapping[str, Evaluation],
        failed: Mapping[str, str] | None = None,
        row: Any = None,
    ) -> None:
        self.title, self.failed = title, dict(failed or {})
        self._evaluations, self._row = dict(evaluations), row

    # As a mapping -------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Evaluation:
        if name not in self._evaluations:
            raise KeyError(str(UnknownNameError.among("model", name, self._evaluations)))
        return self._evaluations[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._evaluations)

    def __len__(self) -> int:
        return len(self._evaluations)

    # Numbers ------------------------------------------------------------------------------------

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics that all models have."""
        scores = [evaluation.scores for evaluation in self.values()]
        return tuple(name for name in scores[0] if all(name in each for each in scores))

    @property
    def best(self) -> str:
        """Name of the best model by the first metric."""
        return self._order(self.metrics[0])[0]

    @cached_property
    def ranking(self) -> list[dict[str, Any]]:
        """The models by the first metric, the best first."""
        return self.ranked(self.metrics[0])

    @cached_property
    def tests(self) -> Tests:
        """Tests of all pairs by the first metric."""
        return self.tested(self.metrics[0])

    @cached_property
    def costs(self) -> list[dict[str, Any]]:
        """What each model costs."""
        return [self._cost(name, evaluation) for name, evaluation in self.items()]

    @cached_property
    def pareto(self) -> list[str]:
        """Models that no other beats in quality and latency, the fastest first."""
        return self.front(self.metrics[0])

    def ranked(self, metric: str) -> list[dict[str, Any]]:
        """Return the ranking by one of the metrics.

        Parameters
        ----------
        metric : str
            One of ``metrics``.

        Raises
        ------
        ParameterError
            For a user's function that does not say whether more is better.
        """
        order, tests = self._order(metric), self._tests(metric)
        return [self._standing(i, name, metric, tests, order[0]) for i, name in enumerate(order)]

    def tested(self, metric: str) -> Tests:
        """Return the tests of all pairs by one of the metrics; corrected for their number."""
        self._known(metric)
        return all_pairs(self, metric)

    def against(self, best: str, name: str, tests: Tests | None = None) -> PairedTest | None:
        """Return the test of `name` minus `best`, whichever of them was given first."""
        found = self.tests if tests is None else tests
        if (name, best) in found:
            return found[name, best]
        return turned(found[best, name]) if (best, name) in found else None

    def front(self, metric: str) -> list[str]:
        """Return the models that no other beats in one of the metrics and in latency."""
        sign = self._sign(metric)
        gains = {name: sign * each.scores[metric] for name, each in self.items()}
        return undominated(gains, {cost["name"]: cost["latency"] for cost in self.costs})

    # Faces --------------------------------------------------------------------------------------

    def __str__(self) -> str:
        return "\n".join([self.title, text_table(*standings(self)), *notes(self)])

    def __rich__(self) -> Any:
        from unifml.tasks.report.text import rich_face

        return rich_face(self.title, *standings(self), notes(self))

    def __repr__(self) -> str:
        return f"Comparison({', '.join(self)}; best {self.best})"

    def _repr_html_(self) -> str:
        return html_table(self.title, *standings(self), notes(self))

    def to_frame(self) -> Any:
        """Return a pandas DataFrame: a line a model, the best first, with all metrics and costs."""
        import pandas as pd

        costs = {cost["name"]: cost for cost in self.costs}
        lines = [
            {**record, **self[record["name"]].scores, **costs[record["name"]]}
            for record in self.ranking
        ]
        return pd.DataFrame(lines).set_index("name")

    def to_json(self) -> str:
        """Return ranking, tests, costs and the evaluations as JSON."""
        tests = [{"first": a, "second": b, **vars(t)} for (a, b), t in self.tests.items()]
        return json.dumps(
            {
                "title": self.title,
                "metric": self.metrics[0],
                "best": self.best,
                "ranking": self.ranking,
                "tests": tests,
                "costs": self.costs,
                "pareto": self.pareto,
                "failed": self.failed,
                "evaluations": {name: json.loads(each.to_json()) for name, each in self.items()},
            }
        )

    def to_html(self, path: Any = None) -> str:
        """Return one page that needs no network: the table, the tests and the plots.

        Parameters
        ----------
        path : path-like or None
            Where to write it as well.
        """
        from unifml.tasks.comparison_page import comparison_page

        return comparison_page(self, path)

    def plot(self, kind: str = "scores", metric: str | None = None) -> Any:
        """Draw the comparison.

        Parameters
        ----------
        kind : {"scores", "differences", "pareto"}
            Means with intervals and folds; differences to the best with their intervals; or
            quality against the time of one answer.
        metric : str or None
            None is the first one.

        Returns
        -------
        matplotlib Figure
        """
        from unifml.tasks import drawing_compare

        if kind not in _KINDS:
            raise UnknownNameError.among("plot", kind, _KINDS)
        name = self._known(metric or self.metrics[0])
        return getattr(drawing_compare, f"draw_{kind}")(self, name)

    # Inner methods ------------------------------------------------------------------------------

    def _known(self, metric: str) -> str:
        if metric not in self.metrics:
            raise UnknownNameError.among("metric", metric, self.metrics)
        return metric

    def _tests(self, metric: str) -> Tests:
        return self.tests if metric == self.metrics[0] else self.tested(metric)

    def _order(self, metric: str) -> list[str]:
        sign = self._sign(metric)
        return sorted(self, key=lambda name: -sign * self[name].scores[metric])

    def _sign(self, metric: str) -> int:
        return direction(metric_of(next(iter(self.values())), self._known(metric)))

    def _standing(
        self, place: int, name: str, metric: str, tests: Tests, best: str
    ) -> dict[str, Any]:
        score = self[name].scores[metric]
        low, high = self[name].intervals.get(metric, (None, None))
        test = self.against(best, name, tests)
        return {
            "rank": place + 1,
            "name": name,
            "score": score,
            "low": low,
            "high": high,
            "difference": score - self[best].scores[metric],
            "p_value": None if test is None else test.adjusted,
        }

    def _cost(self, name: str, evaluation: Evaluation) -> dict[str, Any]:
        fitted = next(each for each in evaluation.estimators if each is not None)
        return {
            "name": name,
            "fit_seconds": evaluation.fit_seconds,
            "predict_seconds": evaluation.predict_seconds,
            "latency": latency(fitted, self._row),
            "bytes": n_bytes(fitted),
            "weights": n_weights(fitted),
        }

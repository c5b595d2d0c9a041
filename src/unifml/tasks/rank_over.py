"""`rank_over`: models over several data sets."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from unifml.core.table import FloatArray
from unifml.errors import DataError, UnknownNameError
from unifml.tasks.comparison import Comparison
from unifml.tasks.pairs import direction, metric_of
from unifml.tasks.significance import Ranking, holm, nemenyi, ranked_alone, wilcoxon

_WAYS = ("nemenyi", "wilcoxon")


def rank_over(
    comparisons: Mapping[str, Comparison], metric: str | None = None, *, pairs: str = "nemenyi"
) -> Ranking:
    """Rank the same models over several data sets, and tell which differ.

    Friedman's test says whether any differ; of two models Wilcoxon's signed ranks does.

    Parameters
    ----------
    comparisons : dict of str to Comparison
        One a data set, of models with the same names.
    metric : str or None
        None is the first one of the first comparison.
    pairs : {"nemenyi", "wilcoxon"}
        How pairs are tested: Nemenyi's test of mean ranks, or Wilcoxon's signed ranks of the
        scores, corrected by Holm, whose answer about two models does not hang on the others.

    Returns
    -------
    Ranking
        Its ``pairs`` holds corrected p-values.

    Raises
    ------
    DataError
        For fewer than 2 data sets or models, and for comparisons of other models.

    References
    ----------
    Demsar, "Statistical comparisons of classifiers over multiple data sets", JMLR 7, 2006;
    Benavoli, Corani and Mangili, "Should we really use post-hoc tests based on mean-ranks?",
    JMLR 17, 2016.

    Examples
    --------
    >>> import unifml
    >>> from sklearn.datasets import load_iris, load_wine
    >>> from sklearn.dummy import DummyClassifier
    >>> models = ["linear/sklearn", "random_forest", DummyClassifier()]
    >>> found = {
    ...     "iris": unifml.compare(models, *load_iris(return_X_y=True), cv=3, random_state=0),
    ...     "wine": unifml.compare(models, *load_wine(return_X_y=True), cv=3, random_state=0),
    ... }
    >>> unifml.rank_over(found).ranks.tolist()[-1]
    3.0
    """
    if pairs not in _WAYS:
        raise UnknownNameError.among("pairs", pairs, _WAYS)
    names, scores = _scores(comparisons, metric)
    if len(names) == 2:
        p = wilcoxon(scores[:, 0] - scores[:, 1]).p_value
        return ranked_alone(scores, names, p, {(names[0], names[1]): p})
    ranking = nemenyi(scores, names)
    if pairs == "nemenyi":
        return ranking
    return ranked_alone(scores, names, ranking.p_value, _wilcoxons(scores, names))


def _scores(
    comparisons: Mapping[str, Comparison], metric: str | None
) -> tuple[list[str], FloatArray]:
    """Return the models, and their scores (data sets, models), more is better."""
    if len(comparisons) < 2:
        raise DataError("rank_over", found=f"{len(comparisons)} data set", rule=">= 2 data sets")
    first = next(iter(comparisons.values()))
    names = list(first)
    if len(names) < 2:
        raise DataError("rank_over", found=f"{len(names)} model", rule=">= 2 models")
    for title, each in comparisons.items():
        if set(each) != set(names):
            raise DataError(
                f"rank_over: {title!r}",
                found=f"its models are {', '.join(each)}",
                rule=f"every data set has the same models: {', '.join(names)}",
            )
    chosen = first.metrics[0] if metric is None else metric
    sign = direction(metric_of(first[names[0]], first._known(chosen)))
    rows = [
        [sign * each[name].scores[each._known(chosen)] for name in names]
        for each in comparisons.values()
    ]
    return names, np.array(rows)


def _wilcoxons(scores: FloatArray, names: list[str]) -> dict[tuple[str, str], float]:
    found = list(combinations(range(len(names)), 2))
    p = holm([wilcoxon(scores[:, i] - scores[:, j]).p_value for i, j in found])
    return {(names[i], names[j]): float(v) for (i, j), v in zip(found, p, strict=True)}

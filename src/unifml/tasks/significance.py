"""Paired tests of two models, each right for the way in which they were compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from unifml.core.table import FloatArray
from unifml.errors import DataError
from unifml.tasks.table import text_table

Numbers = Sequence[float] | FloatArray


@dataclass(frozen=True)
class PairedTest:
    """What a paired test says.

    Attributes
    ----------
    name : str
        Which test.
    difference : float
        Mean of the first minus the second.
    p_value : float
        Of no difference, two-sided.
    interval : (float, float) or None
        95 % interval of the difference, where the test has one.
    adjusted : float
        The p-value, corrected for the number of comparisons made; itself, if there was one.
    """

    name: str
    difference: float
    p_value: float
    interval: tuple[float, float] | None = None
    adjusted: float = float("nan")


def corrected_resampled_t(
    differences: Numbers, test_share: float, *, level: float = 0.95
) -> PairedTest:
    """Test the differences of two models over the folds of a cross-validation.

    Folds share training rows, so that differences are not independent: the variance of their mean
    is taken as ``s**2 * (1 / k + n_test / n_train)``.

    Parameters
    ----------
    differences : sequence of k >= 2 floats
        First minus second, in each fold.
    test_share : float
        ``n_test / n_train``; 0 is the naive paired t-test, which is wrong too often.
    level : float, default=0.95
        Coverage of the interval.

    References
    ----------
    Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52, 2003.

    Examples
    --------
    >>> from unifml.tasks.significance import corrected_resampled_t
    >>> naive = corrected_resampled_t([0.02, 0.01, 0.03, 0.01, 0.02], 0.0)
    >>> corrected = corrected_resampled_t([0.02, 0.01, 0.03, 0.01, 0.02], 0.25)
    >>> naive.p_value < corrected.p_value
    True
    """
    values = np.asarray(differences, dtype=np.float64)
    k = len(values)
    if k < 2:
        raise DataError("the corrected resampled t-test", found=f"{k} fold", rule="folds >= 2")
    mean = float(values.mean())
    error = float(np.sqrt((1 / k + test_share) * values.var(ddof=1)))
    half = float(stats.t.ppf((1 + level) / 2, k - 1)) * error
    name = "corrected resampled t"
    if error == 0:
        return PairedTest(name, mean, 1.0 if mean == 0 else 0.0, (mean, mean))
    p = float(2 * stats.t.sf(abs(mean) / error, k - 1))
    return PairedTest(name, mean, p, (mean - half, mean + half))


def mcnemar(right_a: npt.NDArray[np.bool_], right_b: npt.NDArray[np.bool_]) -> PairedTest:
    """Test whether two classifiers are right equally often, on the same rows of a hold-out.

    Only rows that one gets right and the other wrong tell; which of them it is, is tossed like a
    coin if they are equally good: the exact binomial test.

    Parameters
    ----------
    right_a, right_b : array of bool, shape (n,)
        Whether each row's label is right.

    References
    ----------
    McNemar, "Note on the sampling error of the difference between correlated proportions or
    percentages", Psychometrika 12, 1947; Dietterich, "Approximate statistical tests for comparing
    supervised classification learning algorithms", Neural Computation 10, 1998.
    """
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    apart = only_a + only_b
    p = float(stats.binomtest(only_a, apart, 0.5).pvalue) if apart else 1.0
    return PairedTest("McNemar", (only_a - only_b) / len(right_a), p)


def wilcoxon(differences: Numbers) -> PairedTest:
    """Test whether differences lie around 0: of scores over data sets, of errors over rows.

    Parameters
    ----------
    differences : sequence of floats
        First minus second.

    References
    ----------
    Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1, 1945; Demsar,
    "Statistical comparisons of classifiers over multiple data sets", JMLR 7, 2006.
    """
    values = np.asarray(differences, dtype=np.float64)
    if not values.any():
        return PairedTest("Wilcoxon", 0.0, 1.0)
    p = float(stats.wilcoxon(values, zero_method="wilcox").pvalue)
    return PairedTest("Wilcoxon", float(values.mean()), p)


@dataclass(frozen=True)
class Ranking:
    """Several models over several data sets.

    Attributes
    ----------
    names : tuple of str
        The models.
    ranks : array of shape (models,)
        Mean rank of each over the data sets; 1 is best.
    p_value : float
        Friedman's test that all are equally good.
    critical_difference : float or None
        Mean ranks farther apart than this differ, by Nemenyi's test at 5 %; None for other tests.
    pairs : dict of (str, str) to float
        P-value of each pair; corrected for all pairs already.
    """

    names: tuple[str, ...]
    ranks: FloatArray
    p_value: float
    critical_difference: float | None
    pairs: dict[tuple[str, str], float]

    def __str__(self) -> str:
        order = np.argsort(self.ranks, kind="stable")
        best = self.names[order[0]]
        rows = [[self.names[i], f"{self.ranks[i]:.2f}", self._against(best, i)] for i in order]
        lines = [text_table(["model", "mean rank", f"p against {best}"], rows)]
        lines.append(f"that all are equal: p = {self.p_value:.3g}")
        if self.critical_difference is not None:
            lines.append(f"ranks differ if farther apart than {self.critical_difference:.2f}")
        return "\n".join(lines)

    def _against(self, best: str, place: int) -> str:
        name = self.names[place]
        p = self.pairs.get((best, name), self.pairs.get((name, best)))
        return "-" if p is None else f"{p:.3g}"


def nemenyi(scores: FloatArray, names: Sequence[str]) -> Ranking:
    """Rank models over data sets, and tell which ranks differ.

    Parameters
    ----------
    scores : array of shape (data sets, models)
        Larger is better.
    names : sequence of str
        The models.

    Raises
    ------
    DataError
        For fewer than 2 data sets or 3 models.

    References
    ----------
    Demsar, "Statistical comparisons of classifiers over multiple data sets", JMLR 7, 2006.
    """
    sets, k = np.shape(scores)
    if sets < 2 or k < 3:
        raise DataError(
            "Nemenyi's test", found=f"{sets} data sets, {k} models", rule=">= 2 sets, >= 3 models"
        )
    ranks = _mean_ranks(scores)
    error = np.sqrt(k * (k + 1) / (6 * sets))
    pairs = {
        (names[i], names[j]): _range_p(abs(ranks[i] - ranks[j]) / error, k)
        for i in range(k)
        for j in range(i + 1, k)
    }
    critical = float(stats.studentized_range.ppf(0.95, k, np.inf) / np.sqrt(2) * error)
    friedman = float(stats.friedmanchisquare(*np.asarray(scores).T).pvalue)
    return Ranking(tuple(names), ranks, friedman, critical, pairs)


def ranked_alone(
    scores: FloatArray, names: Sequence[str], p_value: float, pairs: dict[tuple[str, str], float]
) -> Ranking:
    """Return a ranking whose p-values come from elsewhere."""
    return Ranking(tuple(names), _mean_ranks(scores), p_value, None, pairs)


def holm(p_values: Numbers) -> FloatArray:
    """Return p-values corrected for their number, by Holm's step-down.

    Parameters
    ----------
    p_values : sequence of floats
        One a comparison.

    References
    ----------
    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6, 1979.

    Examples
    --------
    >>> from unifml.tasks.significance import holm
    >>> holm([0.01, 0.04, 0.03]).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    steps = p[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps)) if len(p) else steps
    return adjusted


def _mean_ranks(scores: FloatArray) -> FloatArray:
    return stats.rankdata(-np.asarray(scores), axis=1).mean(axis=0)  # type: ignore[no-any-return]


def _range_p(distance: float, k: int) -> float:
    return float(stats.studentized_range.sf(distance * np.sqrt(2), k, np.inf))

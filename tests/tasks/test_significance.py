"""Paired tests against closed forms, other libraries and a simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.tree import DecisionTreeClassifier
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

import unifml
from unifml.errors import DataError
from unifml.metrics import Answers, make_metrics
from unifml.tasks.edges import around, as_many, wilson
from unifml.tasks.intervals import corrected_t, row_intervals
from unifml.tasks.significance import corrected_resampled_t, holm, mcnemar, nemenyi, wilcoxon

RNG = np.random.default_rng(0)


def test_without_a_correction_it_is_the_paired_t_test():
    a, b = RNG.normal(size=(2, 10))
    wanted = stats.ttest_rel(a, b)
    found = corrected_resampled_t(a - b, 0.0)
    assert found.p_value == pytest.approx(wanted.pvalue, rel=1e-12)
    low, high = wanted.confidence_interval()
    assert found.interval == pytest.approx((low, high), rel=1e-12)


def test_the_correction_widens_by_its_factor():
    d = RNG.normal(1, 1, size=10)
    naive, corrected = corrected_resampled_t(d, 0.0), corrected_resampled_t(d, 0.25)
    half = [test.interval[1] - test.difference for test in (naive, corrected)]
    assert half[1] / half[0] == pytest.approx(np.sqrt((1 / 10 + 0.25) / (1 / 10)))
    assert corrected.difference == naive.difference


def test_equal_folds_are_no_evidence():
    assert corrected_resampled_t([0.0, 0.0, 0.0], 0.25).p_value == 1
    assert corrected_resampled_t([0.5, 0.5, 0.5], 0.25).p_value == 0
    with pytest.raises(DataError):
        corrected_resampled_t([0.1], 0.25)


def test_mcnemar_against_statsmodels():
    a, b = RNG.random((2, 200)) < [[0.8], [0.7]]
    table = [[(a & b).sum(), (a & ~b).sum()], [(~a & b).sum(), (~a & ~b).sum()]]
    found = mcnemar(a, b)
    assert found.p_value == pytest.approx(reference_mcnemar(table, exact=True).pvalue)
    assert found.difference == pytest.approx(a.mean() - b.mean())
    assert mcnemar(a, a).p_value == 1


def test_wilcoxon_is_scipys():
    d = RNG.normal(0.3, 1, size=12)
    assert wilcoxon(d).p_value == stats.wilcoxon(d).pvalue
    assert wilcoxon(np.zeros(4)).p_value == 1


def test_holm_against_statsmodels():
    p = RNG.random(9) ** 3
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1], rtol=1e-12)
    assert holm([]).size == 0


def test_nemenyi_on_a_published_example():
    """Demsar 2006, table 5: 4 algorithms on 14 data sets, CD at 5 % 1.25; here by its formula."""
    scores = RNG.normal(size=(14, 4)) + np.array([0, 0, 1, 2.0])
    found = nemenyi(scores, ["a", "b", "c", "d"])
    assert found.critical_difference == pytest.approx(2.569 * np.sqrt(4 * 5 / (6 * 14)), rel=1e-3)
    assert found.ranks.sum() == pytest.approx(10)
    assert found.pairs["a", "d"] < 0.05 < found.pairs["a", "b"]
    far = [pair for pair, p in found.pairs.items() if p < 0.05]
    index = {name: i for i, name in enumerate(found.names)}
    for pair in found.pairs:
        apart = abs(found.ranks[index[pair[0]]] - found.ranks[index[pair[1]]])
        assert (pair in far) == (apart > found.critical_difference)
    with pytest.raises(DataError):
        nemenyi(scores[:, :2], ["a", "b"])


# Intervals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("hits", "trials"), [(0, 7), (7, 7), (13, 20), (390, 400)])
def test_wilson_against_statsmodels(hits, trials):
    wanted = proportion_confint(hits, trials, method="wilson")
    assert wilson(hits / trials, trials) == pytest.approx(wanted, abs=1e-12)


def test_intervals_are_made_where_bounds_are_infinitely_far():
    far = stats.t.ppf(0.975, 9) * 0.05
    low, high = around(0.9, 0.05, (0, 1), 9)
    logit = stats.logistic.ppf
    assert logit(0.9) - logit(low) == pytest.approx(far / (0.9 * 0.1))
    assert logit(high) - logit(0.9) == pytest.approx(far / (0.9 * 0.1))
    assert around(0.5, 0.05, (-1, 2), 9) == pytest.approx(
        tuple(3 * edge - 1 for edge in around(0.5, 0.05 / 3, (0, 1), 9))
    )
    low, high = around(0.4, 0.05, (0, np.inf), 9)
    assert np.log(high / 0.4) == pytest.approx(np.log(0.4 / low)) == pytest.approx(far / 0.4)
    low, high = around(0.6, 0.05, (-np.inf, 1), 9)
    assert np.log((1 - low) / 0.4) == pytest.approx(far / 0.4)
    assert around(0.6, 0.05, (-np.inf, np.inf), 9) == pytest.approx((0.6 - far, 0.6 + far))
    assert around(1.0, 0.0, (0, 1), 49) == wilson(1, 50)
    assert around(0.5, 1e6, (0, 1), 9) == pytest.approx((0, 1))


def test_folds_that_are_all_perfect_are_not_certain():
    assert corrected_t([1.0, 1.0, 1.0], 0.5, bounds=(0, 1), rows=30) == wilson(1, 30)
    assert corrected_t([1.0, 1.0, 1.0], 0.5) == (1, 1)


def test_weighted_rows_count_as_many_as_they_tell():
    assert as_many(np.full(7, 3.0)) == pytest.approx(7)
    assert as_many(np.array([1.0, 1.0, 0.0])) == pytest.approx(2)


def test_intervals_cover_what_they_should():
    """A short version of ``benchmarks/significance.py``, at the worst place: near 1, few rows."""
    rng, truth, hits = np.random.default_rng(0), 0.95, {"accuracy": [], "roc_auc": []}
    apart = stats.norm.ppf(truth) * np.sqrt(2)
    for seed in range(150):
        y = rng.integers(0, 2, 80)
        scores = rng.normal(size=80) + apart * y
        said = (scores > apart / 2).astype(int)
        answers = Answers(
            {"predict": said, "decision_function": scores}, "classification", np.array([0, 1])
        )
        metrics = make_metrics(list(hits), answers, y, "classification")
        found = row_intervals(metrics, answers, y, None, seed)
        truths = {"accuracy": stats.norm.cdf(apart / 2), "roc_auc": truth}
        for name, (low, high) in found.items():
            hits[name].append(low <= truths[name] <= high)
    for name, held in hits.items():  # percentiles of the bootstrap held 88 and 86 of 100
        assert 0.9 <= np.mean(held) <= 0.995, name


class Half(ClassifierMixin, BaseEstimator):
    """A discriminant that sees one half of the columns."""

    def __init__(self, half=0):
        self.half = half

    def fit(self, X, y):
        self.line_ = LinearDiscriminantAnalysis().fit(self._seen(X), y)
        self.classes_ = self.line_.classes_
        return self

    def predict(self, X):
        return self.line_.predict(self._seen(X))

    def _seen(self, X):
        return X[:, self.half :: 2]


def test_equal_models_rarely_look_different_and_naively_often():
    rng, corrected, naive = np.random.default_rng(0), [], []
    for _ in range(40):
        y = rng.integers(0, 2, 80)
        X = rng.normal(size=(80, 2)) + y[:, None]
        shuffles = [rng.permutation(80) for _ in range(10)]
        cv = [(rows[16:], rows[:16]) for rows in shuffles]
        found = unifml.compare({"a": Half(0), "b": Half(1)}, X, y, cv=cv, metrics="accuracy")
        apart = [
            a["accuracy"] - b["accuracy"]
            for a, b in zip(*(e.folds for e in found.values()), strict=True)
        ]
        corrected.append(found.tests["a", "b"].p_value < 0.05)
        naive.append(corrected_resampled_t(apart, 0.0).p_value < 0.05)
    assert np.mean(corrected) <= 0.15
    assert np.mean(naive) >= 0.2


def test_folds_that_are_all_perfect_count_the_trials_of_their_metric():
    X = np.r_[np.zeros(20), np.ones(10)][:, None]
    report = unifml.evaluate(
        DecisionTreeClassifier(),
        X,
        X[:, 0].astype(int),
        cv=5,
        metrics=["accuracy", "recall", "precision"],
        random_state=0,
    )
    assert report.intervals["accuracy"] == pytest.approx(wilson(1, 30))
    assert report.intervals["recall"] == pytest.approx(wilson(1, 10))
    assert report.intervals["precision"] == pytest.approx(wilson(1, 10))

"""Paired tests against closed forms, other libraries and a simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.multitest import multipletests

from unifml.errors import DataError
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

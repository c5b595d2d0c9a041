"""Formulas over many resamples against scikit-learn, and intervals against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student
from sklearn import metrics as sk

from unifml.metrics import Answers, make_metrics
from unifml.tasks.intervals import corrected_t, row_intervals
from unifml.tasks.resampling import FAST, Draws

N, RESAMPLES = 60, 25
RNG = np.random.default_rng(0)
COUNTS = np.array(
    [np.bincount(RNG.integers(0, N, N), minlength=N) for _ in range(RESAMPLES)], dtype=float
)
WEIGHT = RNG.uniform(0.5, 2, N)


def classes(k):
    true = RNG.integers(0, k, N)
    said = np.where(RNG.random(N) < 0.7, true, RNG.integers(0, k, N))
    return true, said


def by_sklearn(function, true, said, **given):
    return [function(true, said, sample_weight=row * WEIGHT, **given) for row in COUNTS]


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize(
    ("name", "function", "averaged"),
    [
        ("accuracy", sk.accuracy_score, False),
        ("balanced_accuracy", sk.balanced_accuracy_score, False),
        ("mcc", sk.matthews_corrcoef, False),
        ("precision", sk.precision_score, True),
        ("recall", sk.recall_score, True),
        ("f1", sk.f1_score, True),
    ],
)
def test_metrics_of_labels(k, name, function, averaged):
    true, said = classes(k)
    given = {"average": "binary" if k == 2 else "macro", "zero_division": 0} if averaged else {}
    ours = FAST[name](Draws(true, said, COUNTS * WEIGHT, k))
    np.testing.assert_allclose(ours, by_sklearn(function, true, said, **given), atol=1e-12)


@pytest.mark.parametrize(
    ("name", "function"), [("roc_auc", sk.roc_auc_score), ("pr_auc", sk.average_precision_score)]
)
def test_metrics_of_scores_with_ties(name, function):
    true, _ = classes(2)
    scores = np.round(true + RNG.normal(size=N), 1)
    assert len(np.unique(scores)) < N
    ours = FAST[name](Draws(true, true, COUNTS * WEIGHT, 2, scores))
    np.testing.assert_allclose(ours, by_sklearn(function, true, scores), atol=1e-12)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("mse", sk.mean_squared_error),
        ("rmse", sk.root_mean_squared_error),
        ("mae", sk.mean_absolute_error),
        ("r2", sk.r2_score),
    ],
)
def test_metrics_of_numbers_far_from_zero(name, function):
    true = 1e4 + RNG.normal(size=N)
    said = true + RNG.normal(size=N)
    ours = FAST[name](Draws(true, said, COUNTS * WEIGHT))
    np.testing.assert_allclose(ours, by_sklearn(function, true, said), rtol=1e-9)


def test_the_corrected_interval_is_the_closed_form():
    values, share = [0.8, 0.9, 0.85, 0.95, 0.75], 0.25
    half = student.ppf(0.975, 4) * np.sqrt((1 / 5 + share) * np.var(values, ddof=1))
    np.testing.assert_allclose(corrected_t(values, share), [0.85 - half, 0.85 + half])
    naive = student.ppf(0.975, 4) * np.std(values, ddof=1) / np.sqrt(5)
    assert half > naive


def interval_of(name, true, said, weight=None, seed=0):
    answers = Answers({"predict": said}, "classification", np.array([0, 1]))
    metrics = make_metrics(name, answers, true, "classification")
    return row_intervals(metrics, answers, true, weight, seed)[name]


def test_the_bootstrap_of_a_share_is_the_binomials():
    true = np.arange(400) % 2
    said = np.where(np.arange(400) < 80, 1 - true, true)  # 80 % right
    for name in ("accuracy", "balanced_accuracy"):  # Wilson's, and the bootstrap's
        low, high = interval_of(name, true, said)
        half = 1.96 * np.sqrt(0.8 * 0.2 / 400)
        assert abs(low - (0.8 - half)) < 0.01
        assert abs(high - (0.8 + half)) < 0.01
        assert (low, high) == interval_of(name, true, said)
    assert interval_of(name, true, said) != interval_of(name, true, said, seed=1)


@pytest.mark.parametrize("name", ["accuracy", "recall", "precision", "jaccard", "f1", "mcc"])
def test_rows_of_zero_weight_do_not_count_in_an_interval(name):
    true = np.arange(100) % 2
    said = np.where(np.arange(100) < 50, true, 1 - true)
    said[:4] = 1 - true[:4]
    weight = np.where(np.arange(100) < 50, 2.0, 0.0)
    whole = interval_of(name, true, said, weight)
    np.testing.assert_allclose(whole, interval_of(name, true[:50], said[:50]), atol=0.02)

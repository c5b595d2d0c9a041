"""scikit-learn's own checks: none fails, none is expected to, none is skipped by tags."""

from __future__ import annotations

import warnings

import pytest
from estimators.factories import FACTORIES
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.utils.estimator_checks import check_estimator

from unifml import Classifier, Regressor


def outcomes(estimator):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(estimator, on_skip=None, on_fail=None)
    return {
        status: {r["check_name"]: r["exception"] for r in results if r["status"] == status}
        for status in ("failed", "xfail", "skipped", "passed")
    }


@pytest.fixture(scope="module")
def skipped_for_its_own():
    return set(outcomes(MLPClassifier(max_iter=20))["skipped"])


def assert_clean(estimator, allowed):
    found = outcomes(estimator)
    assert found["failed"] == {}
    assert found["xfail"] == {}
    assert set(found["skipped"]) <= allowed
    assert len(found["passed"]) > 55


@pytest.mark.parametrize("model", ["mlp", "linear"])
@pytest.mark.parametrize("estimator", [Classifier, Regressor])
def test_models_pass(backend, estimator, model, skipped_for_its_own):
    assert_clean(estimator(model, backend=backend), skipped_for_its_own)


@pytest.mark.never(
    ["sklearn"], raises=AssertionError, reason="before a fit a factory has no tags to rule by"
)
@pytest.mark.parametrize("estimator", [Classifier, Regressor])
def test_native_factories_pass(backend, estimator, skipped_for_its_own):
    assert_clean(estimator(FACTORIES[backend], backend=backend), skipped_for_its_own)


@pytest.mark.sklearn
def test_a_wrapped_estimator_passes_what_it_passes_bare():
    bare, wrapped = outcomes(LogisticRegression()), outcomes(Classifier(LogisticRegression()))
    assert wrapped["failed"] == bare["failed"] == {}
    assert set(wrapped["skipped"]) <= set(bare["skipped"])

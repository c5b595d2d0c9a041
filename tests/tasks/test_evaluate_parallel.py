"""`evaluate`: folds in several processes give what one gives."""

from __future__ import annotations

import os

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_info, threadpool_limits

import unifml
from unifml import Classifier, Training
from unifml.models import MLP
from unifml.tasks.pinning import one_thread

X, Y = load_breast_cancer(return_X_y=True)
CV = StratifiedKFold(3, shuffle=True, random_state=0)


def threads():
    return sorted(library["num_threads"] for library in threadpool_info())


def scores(model, **given):
    """Of probabilities: they show the last digit."""
    report = unifml.evaluate(model, X, Y, cv=CV, metrics=["log_loss", "accuracy"], **given)
    return [fold["log_loss"] for fold in report.folds], report.predictions.probabilities


def same(model, *n_jobs):
    first, shares = scores(model, n_jobs=1)
    for number in n_jobs:
        found, said = scores(model, n_jobs=number)
        assert found == first
        np.testing.assert_array_equal(said, shares)


@pytest.mark.sklearn
def test_a_forest_is_the_same_in_any_number_of_processes():
    same(RandomForestClassifier(n_estimators=10, random_state=0), 2, 3)


@pytest.mark.torch
def test_networks_are_the_same_in_any_number_of_processes():
    training = Training(epochs=2, batch_size=256)
    model = Classifier(MLP(hidden=(64,)), backend="torch", training=training, random_state=0)
    same(make_pipeline(StandardScaler(), model), 2)


@pytest.mark.sklearn
@pytest.mark.parametrize("how", ["loky", "threading"])
def test_joblib_may_choose_how(how):
    model = make_pipeline(StandardScaler(), LogisticRegression())
    alone, _ = scores(model, n_jobs=1)
    before = threads()
    with joblib.parallel_config(backend=how, n_jobs=2):
        assert scores(model)[0] == alone
    assert threads() == before


class Counting(RegressorMixin, BaseEstimator):
    """Remembers in which process it was fitted, and how many threads there were."""

    def fit(self, X, y):
        self.threads_ = threads()
        self.process_ = os.getpid()
        return self

    def predict(self, X):
        return np.zeros(len(X))


@pytest.mark.sklearn
def test_a_number_of_processes_means_one_thread_in_each():
    with threadpool_limits(2):
        before = threads()
        asked = {None: before, 1: [1] * len(before), 2: None}
        for n_jobs, expected in asked.items():
            report = unifml.evaluate(
                Counting(), X, X[:, 0], cv=2, metrics="mae", n_jobs=n_jobs, random_state=0
            )
            found = [each.threads_ for each in report.estimators]
            assert all(each == expected or set(each) == {1} for each in found)
            assert (n_jobs == 2) == (os.getpid() not in {e.process_ for e in report.estimators})
            if n_jobs is None:
                assert found == [before, before]
            assert threads() == before


@pytest.mark.sklearn
def test_threads_that_pin_at_once_leave_things_as_they_were():
    with threadpool_limits(2):
        before = threads()
        first, second = (one_thread(LogisticRegression(), False) for _ in range(2))
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        blas = [i["num_threads"] for i in threadpool_info() if i["user_api"] == "blas"]
        assert set(blas) == {1}
        second.__exit__(None, None, None)
        assert threads() == before


@pytest.mark.torch
def test_torch_is_pinned_and_let_go():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with one_thread(Classifier("mlp", backend="torch"), False):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_every_backend_can_be_pinned_and_goes_on(backend):
    model = Classifier("mlp", backend=backend, training=Training(epochs=1), random_state=0)
    with one_thread(model, False):
        model.fit(X[:40], Y[:40])
    assert model.predict(X[:5]).shape == (5,)

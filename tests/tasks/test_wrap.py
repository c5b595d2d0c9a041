"""What y is, and what becomes an estimator."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import DBSCAN, KMeans
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from unifml import Classifier, Regressor
from unifml.errors import CapabilityError, DataError, DataTypeError, UnknownNameError
from unifml.models import MLP
from unifml.tasks.wrap import as_estimator, infer_task, kind_of


@pytest.mark.parametrize(
    "y",
    [
        ["a", "b"],
        np.array(["a", "b"], dtype=object),
        [True, False],
        [0, 1, 1],
        [0.0, 1.0],
        list(range(20)),
        np.array([[0, 1], [1, 0]]),
        np.array([1, 2], dtype=object),
        pd.Series([0.5, 1.5]).astype("category"),
        pd.Series(["x", "y"], dtype="string"),
    ],
)
def test_classes_are_recognised(y):
    assert infer_task(y) == "classification"


@pytest.mark.parametrize(
    "y", [[0.5, 1.0], np.array([[0.1, 1.0]]), np.array([0.5, 1], dtype=object), [0.5, np.nan]]
)
def test_numbers_are_recognised(y):
    assert infer_task(y) == "regression"


@pytest.mark.parametrize("y", [list(range(21)), np.arange(21.0)])
def test_many_whole_numbers_ask_for_the_task(y):
    with pytest.raises(DataError, match='task="regression"'):
        infer_task(y)


def test_estimators_are_used_as_they_are():
    for model in (Ridge(), Classifier("mlp"), make_pipeline(Ridge())):
        assert as_estimator(model) is model


def test_models_are_put_into_the_face_of_the_task():
    made = as_estimator(MLP(), task="regression", backend="sklearn", random_state=3)
    assert isinstance(made, Regressor)
    assert (made.backend, made.random_state) == ("sklearn", 3)
    assert isinstance(as_estimator("linear", task="classification"), Classifier)


def test_the_kind_is_asked_of_the_tags():
    assert kind_of(make_pipeline(LogisticRegression())) == "classification"
    assert kind_of(make_pipeline(KMeans())) == "clustering"
    with pytest.raises(CapabilityError, match="neither"):
        kind_of(StandardScaler())
    with pytest.raises(CapabilityError, match="without predict"):
        kind_of(DBSCAN())


def test_the_task_of_a_clusterer_can_be_said():
    model = KMeans()
    assert as_estimator(model, task="clustering") is model
    with pytest.raises(UnknownNameError, match="known: classification, regression"):
        as_estimator("mlp", task="clustering")


def test_what_cannot_be_a_model_is_refused():
    with pytest.raises(DataTypeError, match="3"):
        as_estimator(3, task="regression")

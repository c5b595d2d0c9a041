"""A row of zero weight equals an absent row; weights of classes act as weights of rows."""

from __future__ import annotations

import numpy as np
import pytest
from gate.subjects import LABELS, NUMBERS, N, X
from sklearn.utils.class_weight import compute_sample_weight

from unifml import Classifier, EarlyStopping, Regressor, Training

WEIGHT = np.where(np.arange(N) % 3 == 0, 0.0, 1.0 + np.arange(N) % 2)
HERE = WEIGHT > 0


def estimators(backend, **training):
    settings = Training(epochs=3, batch_size=5, precision="float64", **training)
    for kind, y in ((Classifier, LABELS), (Regressor, NUMBERS)):
        yield kind("mlp", backend=backend, training=settings, random_state=1), y


def outputs(estimator):
    return getattr(estimator, "predict_proba", estimator.predict)(X)


@pytest.mark.parametrize(
    "training",
    [{}, {"validation": 0.3}, {"early_stopping": EarlyStopping(patience=1), "refit": True}],
    ids=str,
)
def test_fit(backend, training):
    for estimator, y in estimators(backend, **training):
        expected = outputs(estimator.fit(X[HERE], y[HERE], WEIGHT[HERE]))
        np.testing.assert_array_equal(outputs(estimator.fit(X, y, WEIGHT)), expected)


def test_fit_is_not_the_same_with_the_rows(backend):
    for estimator, y in estimators(backend):
        expected = outputs(estimator.fit(X, y, WEIGHT))
        assert np.abs(outputs(estimator.fit(X, y, WEIGHT + 1)) - expected).max() > 1e-6


def test_partial_fit(backend):
    for estimator, y in estimators(backend):
        expected = outputs(estimator.partial_fit(X[HERE], y[HERE], sample_weight=WEIGHT[HERE]))
        del estimator._fitted
        np.testing.assert_array_equal(
            outputs(estimator.partial_fit(X, y, sample_weight=WEIGHT)), expected
        )


def test_a_class_of_zero_weight_is_still_a_class(backend):
    y = np.arange(N) % 3
    for estimator, _ in estimators(backend):
        if isinstance(estimator, Classifier):
            estimator.fit(X, y, np.where(y == 2, 0.0, 1.0))
            assert estimator.classes_.tolist() == [0, 1, 2]
            assert estimator.predict_proba(X).shape == (N, 3)


def test_validation(backend):
    for estimator, y in estimators(backend):
        estimator.fit(X, y, X_val=X[HERE], y_val=y[HERE], sample_weight_val=WEIGHT[HERE])
        expected = estimator.history_["val_loss"]
        estimator.fit(X, y, X_val=X, y_val=y, sample_weight_val=WEIGHT)
        np.testing.assert_allclose(estimator.history_["val_loss"], expected, rtol=1e-12)


def test_balanced_classes_are_weighted_rows(backend):
    y = (np.arange(N) % 4 == 0).astype(int)
    (estimator, _), _ = estimators(backend)
    expected = outputs(estimator.fit(X, y, compute_sample_weight("balanced", y)))
    estimator.set_params(class_weight="balanced")
    np.testing.assert_allclose(outputs(estimator.fit(X, y)), expected, rtol=1e-12)

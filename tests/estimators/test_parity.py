"""Same words, same seed, same model: Keras, torch and scikit-learn walk the same road."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from unifml import SGD, Classifier, Regressor, Training
from unifml.models import MLP

pytestmark = pytest.mark.cross

BACKENDS = ("torch", "keras", "sklearn")
OPTIMIZERS = ["adam", "adamw", "sgd", "rmsprop", SGD(momentum=0.9, nesterov=True)]
TOLERANCE = {"float32": 1e-5, "float64": 1e-9}
DATA = {
    "binary": (Classifier, load_breast_cancer),
    "classes": (Classifier, load_wine),
    "regression": (Regressor, load_diabetes),
}


def fitted(kind, backend, precision, weight=None, **training):
    estimator, load = DATA[kind]
    X, y = load(return_X_y=True)
    settings = Training(epochs=5, batch_size=64, precision=precision, **training)
    model = estimator(MLP((32, 16)), backend=backend, training=settings, random_state=3)
    return model.fit(X, y, sample_weight=weight), X


def outputs(estimator, X):
    proba = getattr(estimator, "predict_proba", None)
    if proba is not None:
        return proba(X)
    return (estimator.predict(X) - 150) / 77  # in standard deviations of the target


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("l2", [None, 1e-2])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@pytest.mark.parametrize("kind", DATA)
def test_the_same_model_comes_out(kind, optimizer, l2, precision):
    fits = [fitted(kind, b, precision, optimizer=optimizer, l2=l2) for b in BACKENDS]
    first, X = fits[0]
    for other, _ in fits[1:]:
        assert other.history_.initial_loss == pytest.approx(first.history_.initial_loss, abs=1e-6)
        difference = np.abs(outputs(other, X) - outputs(first, X)).max()
        assert difference < TOLERANCE[precision], (other.backend_, difference)


@pytest.mark.parametrize(
    "training",
    [
        {"optimizer": "adamw", "weight_decay": 0.1},
        {"schedule": "cosine", "optimizer": "sgd", "learning_rate": 0.1},
        {"l1": 1e-3},
    ],
    ids=str,
)
def test_penalties_and_schedules_mean_the_same(training):
    weight = np.random.default_rng(0).uniform(0.1, 3.0, 569)
    fits = [fitted("binary", b, "float64", weight, **training) for b in BACKENDS]
    plain, X = fitted("binary", "torch", "float64", weight)
    for other, _ in fits:
        assert np.abs(outputs(other, X) - outputs(fits[0][0], X)).max() < 1e-9
        assert np.abs(outputs(other, X) - outputs(plain, X)).max() > 1e-5


@pytest.mark.parametrize("loss", ["mae", "huber"])
def test_robust_losses_mean_the_same(loss):
    fits = [fitted("regression", b, "float64", loss=loss) for b in ("torch", "keras")]
    (first, X), (other, _) = fits
    assert np.abs(outputs(other, X) - outputs(first, X)).max() < 1e-9


def test_batch_norm_means_the_same():
    X, y = load_wine(return_X_y=True)
    settings = Training(epochs=5, batch_size=50, precision="float64")
    model = MLP((16,), norm="batch")
    one, other = (
        Classifier(model, backend=b, training=settings, random_state=0).fit(X, y)
        for b in ("torch", "keras")
    )
    assert np.abs(one.predict_proba(X) - other.predict_proba(X)).max() < 1e-9


def test_linear_models_are_one_model():
    X, y = load_wine(return_X_y=True)
    fits = [Classifier("linear", backend=b).fit(X, y).predict_proba(X) for b in BACKENDS]
    assert np.ptp(fits, axis=0).max() < 1e-6
    X, y = load_diabetes(return_X_y=True)
    fits = [Regressor("linear", backend=b).fit(X, y).predict(X) for b in BACKENDS]
    assert np.ptp(fits, axis=0).max() < 1e-6

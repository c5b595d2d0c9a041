"""Every technique of training means the same on every backend: NumPy's steps are the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris

from unifml import (
    Classifier,
    Cosine,
    EarlyStopping,
    Exponential,
    Noise,
    OneCycle,
    ReduceOnPlateau,
    Regressor,
    Step,
    Swap,
    Training,
    get_adapter,
)
from unifml.core import registry
from unifml.models import MLP
from unifml.testing import ToyAdapter

X, y = load_iris(return_X_y=True)
XD, YD = load_diabetes(return_X_y=True)
WEIGHT = np.random.default_rng(0).uniform(0.2, 2.0, len(X))
MODEL = MLP(hidden=(12,), activation="tanh")

TECHNIQUES = {
    "momentum": {"optimizer": "sgd", "learning_rate": 0.1},
    "adagrad": {"optimizer": "adagrad"},
    "lion": {"optimizer": "lion", "learning_rate": 1e-3, "weight_decay": 0.1},
    "rmsprop": {"optimizer": "rmsprop"},
    "decay": {"optimizer": "adamw", "weight_decay": 0.1, "l1": 1e-3, "l2": 1e-2},
    "step": {"schedule": Step()},
    "exponential": {"schedule": Exponential()},
    "cosine with restarts": {"schedule": Cosine(restarts=1)},
    "one cycle": {"schedule": OneCycle()},
    "warm-up": {"schedule": "cosine", "warmup": 0.2},
    "plateau": {"schedule": ReduceOnPlateau(patience=1, monitor="loss", min_delta=0.05)},
    "clipped by norm": {"clip_norm": 0.05},
    "clipped by value": {"clip_value": 0.01},
    "clipped by both": {"clip_value": 0.02, "clip_norm": 0.05},
    "accumulated": {"accumulate": 3},
    "averaged": {"ema": 0.9},
    "everything": {"accumulate": 2, "ema": 0.8, "clip_norm": 0.1, "l2": 1e-2, "warmup": 2},
    "augmented": {"augment": (Noise(0.2), Swap(0.1))},
    "mixed": {"mixup": 0.4},
    "mixed and smoothed": {"mixup": 0.4, "label_smoothing": 0.1, "accumulate": 2},
    "balanced": {"sampling": "balanced"},
    "smoothed": {"label_smoothing": 0.2},
    "stopped": {
        "metrics": ("accuracy",),
        "early_stopping": EarlyStopping("val_accuracy", patience=2),
    },
}
LOSSES = ("focal", "hinge", "squared_hinge", "mse", "mae", "huber", "log_cosh", "quantile")


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    monkeypatch.setitem(registry._registered, "toy", ToyAdapter())


@pytest.mark.parametrize("name", TECHNIQUES)
def test_a_technique_is_the_same_as_in_numpy(backend, name):
    assert get_adapter(backend)
    given = {"epochs": 6, "batch_size": 32, "learning_rate": 0.02, **TECHNIQUES[name]}
    fits = [
        Classifier(MODEL, backend=word, training=Training(**given), random_state=3).fit(
            X, y, sample_weight=WEIGHT
        )
        for word in (backend, "sklearn")
    ]
    compare(*fits, X, "predict_proba")


@pytest.mark.parametrize("width", [2, 3])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_is_the_same_as_in_numpy(backend, loss, width):
    given = {"epochs": 6, "batch_size": 32, "learning_rate": 0.02, "loss": loss}
    classes = loss in LOSSES[:3]
    rows, targets = (X[y < width], y[y < width]) if classes else (XD, YD)
    face = Classifier if classes else Regressor
    if backend == "sklearn" and loss != "mse":
        pytest.skip("its MLP has two losses")
    fits = [
        face(MODEL, backend=word, training=Training(**given), random_state=3).fit(rows, targets)
        for word in (backend, "toy")
    ]
    compare(*fits, rows, "decision_function" if "hinge" in loss else "predict")


def test_counts_are_learned_as_logarithms(backend):
    if backend == "sklearn":
        pytest.skip("its MLP has two losses")
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 3))
    counts = rng.poisson(np.exp(1.0 + rows[:, 0]))
    training = Training(loss="poisson", epochs=60, learning_rate=0.02)
    found = Regressor(MODEL, backend=backend, training=training, random_state=0).fit(rows, counts)
    predicted = found.predict(rows)
    assert (predicted > 0).all()
    assert np.corrcoef(np.log(predicted), 1.0 + rows[:, 0])[0, 1] > 0.97
    with pytest.raises(ValueError, match=r"poisson|Poisson"):
        Regressor(MODEL, backend=backend, training=training).fit(rows, -1.0 - counts)


def compare(here, there, rows, method):
    """Compare what two backends learned, and that they learned something."""
    found, wanted = (np.asarray(getattr(fit, method)(rows), float) for fit in (here, there))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())
    np.testing.assert_allclose(here.history_["loss"], there.history_["loss"], rtol=1e-5)
    np.testing.assert_allclose(here.history_["learning_rate"], there.history_["learning_rate"])
    assert here.history_["loss"][-1] != here.history_["loss"][0]

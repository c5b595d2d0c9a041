"""Fits on rows that are augmented, mixed and balanced."""

from __future__ import annotations

import numpy as np
import pytest

from unifml import Classifier, Flip, Jitter, Noise, Regressor, Swap, Training
from unifml.data.streams import memory
from unifml.errors import CapabilityError, ParameterError

RNG = np.random.default_rng(0)
N = 900
X = RNG.standard_normal((N, 6)).astype(np.float32)
CODES = (X @ RNG.standard_normal((6, 3))).argmax(1)
VALUES = X @ np.arange(6.0)
CHANGES = (Noise(0.05), Swap(0.05))


def fitted(backend: str, y=CODES, face=Classifier, seed: int = 0, **training):
    asked = Training(**{"epochs": 4, "batch_size": 64, "precision": "float32", **training})
    return face("mlp", backend=backend, training=asked, random_state=seed).fit(X, y)


def weights_of(*args, **kwargs) -> np.ndarray:
    return np.concatenate([w.ravel() for w in fitted(*args, **kwargs).get_weights().values()])


def test_augmented_fits_follow_the_seed_and_nothing_else(backend, monkeypatch):
    wanted = weights_of(backend, augment=CHANGES)
    assert not np.array_equal(wanted, weights_of(backend))
    assert not np.array_equal(wanted, weights_of(backend, augment=CHANGES, seed=1))
    monkeypatch.setattr(memory, "CHUNK", 5000)  # parts of 256 rows
    assert np.array_equal(wanted, weights_of(backend, augment=CHANGES))


def test_augmented_fits_learn_and_predict_what_is_not_changed(backend):
    clf = fitted(backend, augment=CHANGES, epochs=12)
    assert clf.score(X, CODES) > 0.8
    assert np.array_equal(clf.predict_proba(X), clf.predict_proba(X))


@pytest.mark.parametrize("y", [CODES, CODES > 0, VALUES], ids=["three", "two", "numbers"])
def test_mixed_fits_learn(backend, y):
    face = Regressor if y is VALUES else Classifier
    model = fitted(backend, y, face, mixup=0.2, epochs=30, learning_rate=3e-3)
    assert model.score(X, y) > 0.75


@pytest.mark.cross
def test_every_backend_learns_from_the_same_changed_rows():
    asked = {"augment": CHANGES, "mixup": 0.3, "epochs": 2}
    torch, keras, sklearn = (weights_of(name, **asked) for name in ("torch", "keras", "sklearn"))
    np.testing.assert_allclose(torch, keras, atol=1e-4)
    np.testing.assert_allclose(torch, sklearn, atol=1e-4)


def test_balanced_batches_help_the_rare_class(backend):
    rare = (X[:, 0] + 0.5 * RNG.standard_normal(N) > 1.6).astype(int)
    recall = [
        fitted(backend, rare, sampling=sampling, epochs=8).predict(X[rare == 1]).mean()
        for sampling in (None, "balanced")
    ]
    assert recall[1] > recall[0]


@pytest.mark.parametrize(
    ("asked", "error", "match"),
    [
        ({"augment": (Flip(),)}, CapabilityError, "image"),
        ({"augment": (Noise(), Jitter())}, CapabilityError, "series"),
        ({"augment": (Noise(-1),)}, ParameterError, "scale"),
        ({"cutmix": 1.0}, CapabilityError, "images"),
    ],
)
def test_what_does_not_suit_is_refused_before_work(backend, asked, error, match):
    with pytest.raises(error, match=match):
        fitted(backend, **asked)


def test_numbers_cannot_be_balanced(backend):
    with pytest.raises(CapabilityError, match="balanced"):
        fitted(backend, VALUES, Regressor, sampling="balanced")


def test_rows_held_out_are_never_changed(backend):
    clf = fitted(backend, augment=CHANGES, validation=0.3)
    again = fitted(backend, augment=CHANGES, validation=0.3)
    assert np.array_equal(clf.history_["val_loss"], again.history_["val_loss"])

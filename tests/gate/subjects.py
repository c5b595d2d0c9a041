"""Rows and fitted estimators that the tests of the gate share."""

from __future__ import annotations

import copy
from contextlib import contextmanager
from functools import cache

import numpy as np

from unifml import Callback, Classifier, Regressor, Training

_rng = np.random.default_rng(0)
X = _rng.normal(size=(24, 3))
LABELS = (X[:, 0] + X[:, 1] > 0).astype(int)
NUMBERS = X @ [1.0, 2.0, 3.0]
N = len(X)
TARGETS = {Classifier: LABELS, Regressor: NUMBERS}


class Tripwire(Callback):
    """Says that training began, where it must not."""

    def on_fit_begin(self, run):
        raise AssertionError("training began")


@cache
def _fitted(kind, backend):
    estimator = kind("mlp", backend=backend, training=Training(epochs=2), random_state=0)
    return estimator.fit(X, TARGETS[kind])


def fitted(kind, backend, **params):
    """Return a fitted estimator whose next fit must not come as far as training."""
    if "training" not in params:
        params.setdefault("training__callbacks", (Tripwire(),))
    return copy.copy(_fitted(kind, backend)).set_params(**params)


@contextmanager
def unchanged(estimator):
    """Expect an estimator to be as it was, in every attribute and in what it predicts."""
    attributes, predictions = dict(estimator.__dict__), estimator.predict(X)
    yield
    assert estimator.__dict__.keys() == attributes.keys()
    assert all(estimator.__dict__[name] is value for name, value in attributes.items())
    np.testing.assert_array_equal(estimator.predict(X), predictions)

"""Networks whose outputs are no probabilities, as ONNX files."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_iris

import unifml
from unifml import Classifier, Regressor, Training
from unifml.errors import CapabilityError
from unifml.models import MLP

X, y = load_iris(return_X_y=True)
SEVERAL = np.stack([y == 0, y > 0, y == 2], axis=1).astype(int)
pytestmark = [
    pytest.mark.never(["sklearn"], raises=CapabilityError, reason="its MLP has two losses")
]


@pytest.mark.parametrize("target", [y, y > 1, SEVERAL], ids=["three", "two", "several"])
def test_scores_of_a_hinge_decide_in_the_file_as_well(backend, target, tmp_path):
    training = Training(epochs=20, learning_rate=0.02, loss="hinge")
    clf = Classifier(MLP(hidden=(8,)), backend=backend, training=training, random_state=0)
    clf.fit(X, target)
    assert len(np.unique(clf.predict(X), axis=0)) > 1
    unifml.export_onnx(clf, tmp_path / "hinge.onnx", X)
    onnx = unifml.load_onnx(tmp_path / "hinge.onnx")
    np.testing.assert_array_equal(onnx.predict(X), clf.predict(X))
    assert not hasattr(onnx, "predict_proba")


def test_rates_of_a_poisson_loss_are_rates_in_the_file(backend, tmp_path):
    training = Training(epochs=20, learning_rate=0.02, loss="poisson")
    reg = Regressor(MLP(hidden=(8,)), backend=backend, training=training, random_state=0)
    reg.fit(X, y)
    unifml.export_onnx(reg, tmp_path / "poisson.onnx", X)
    found = unifml.load_onnx(tmp_path / "poisson.onnx").predict(X)
    np.testing.assert_allclose(found, reg.predict(X), rtol=1e-5)

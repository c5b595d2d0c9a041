"""Estimators of scikit-learn on torch tensors; the CPU stands in for a GPU."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from sklearn.datasets import load_iris
from sklearn.svm import SVC

import unifml
from unifml import Classifier
from unifml.adapters.sklearn.tensors import fit_on_device, supported
from unifml.errors import CapabilityError, DeviceError

X, y = load_iris(return_X_y=True)

pytestmark = pytest.mark.sklearn

SCRIPT = """
import numpy as np
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from unifml.adapters.sklearn.tensors import fit_on_device

X, y = load_iris(return_X_y=True)
for make in (Ridge, lambda: make_pipeline(StandardScaler(), LogisticRegression(tol=1e-8))):
    found = fit_on_device(make(), X, y, "cpu")
    wanted = make().fit(X, y)
    assert all(type(v) is not __import__("torch").Tensor for v in vars(found).values())
    np.testing.assert_allclose(found.predict(X), wanted.predict(X), atol=1e-5)
weight = np.linspace(0.1, 1.0, len(X))
found = fit_on_device(Ridge(), X, y, "cpu", sample_weight=weight)
np.testing.assert_allclose(found.coef_, Ridge().fit(X, y, weight).coef_, atol=1e-6)
assert fit_on_device(PCA(2), X, None, "cpu").transform(X).shape == (150, 2)
print("as in NumPy")
"""


def test_they_fit_on_tensors_and_predict_in_numpy():
    pytest.importorskip("torch")
    environment = os.environ | {"SCIPY_ARRAY_API": "1"}
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True
    )
    assert run.stdout == "as in NumPy\n", run.stderr


def test_what_cannot_is_refused_with_a_list_of_what_can():
    with pytest.raises(CapabilityError, match=r"LogisticRegression.*Ridge"):
        fit_on_device(SVC(), X, y, "cuda:0")
    assert "SVC" not in supported()


def test_a_device_that_is_not_there_is_refused_before_work():
    with pytest.raises(DeviceError, match="devices here: cpu"):
        Classifier("linear", backend="sklearn", device="cuda:7").fit(X, y)
    assert unifml.get_adapter("sklearn").devices()[0] == "cpu"

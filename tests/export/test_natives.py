"""Native models of the user, through their framework's own exporter."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import RUNNING
from sklearn.pipeline import make_pipeline

from export.data import SHORT, codes, mixed, numbers, preparation, prices
from unifml import Classifier, Regressor, export_onnx, load_onnx


def torch_factory(n_features, n_outputs):
    import torch

    return torch.nn.Sequential(
        torch.nn.Linear(n_features, 8),
        torch.nn.BatchNorm1d(8),
        torch.nn.GELU(),
        torch.nn.Dropout(0.2),
        torch.nn.Linear(8, n_outputs),
    )


def keras_factory(n_features, n_outputs, n_classes):
    import keras

    last = "softmax" if n_classes else None
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((n_features,)),
            layers.Dense(8, activation="gelu"),
            layers.BatchNormalization(),
            layers.Dropout(0.2),
            layers.Dense(n_outputs, activation=last),
        ]
    )


# Natives of scikit-learn are written like any of its estimators; see test_export.py.
FACTORIES = {"torch": torch_factory, "keras": keras_factory}
ELSEWHERE = "tf2onnx, loaded by Keras on TensorFlow"
ROADS = {
    "torch": "torch.onnx torchscript",
    "keras": "tf2onnx" if RUNNING == "keras-tensorflow" else ELSEWHERE,
}
each = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=getattr(pytest.mark, name)) for name in FACTORIES]
)
# Off TensorFlow each export starts a second Python: one has to do there.
at_home = pytest.mark.skipif(
    RUNNING != "keras-tensorflow", reason="the same graph: Keras on TensorFlow makes it"
)


def native(kind, backend):
    return kind(FACTORIES[backend], backend=backend, training=SHORT, random_state=0)


@at_home
@each
@pytest.mark.parametrize("classes", [2, 3])
def test_a_native_classifier(name, classes, tmp_path):
    X, y = numbers(), np.array(["a", "b", "c"])[codes(classes=classes)]
    model = native(Classifier, name).fit(X, y)
    export = export_onnx(model, tmp_path / "m.onnx", X)
    assert export.exporter == ROADS[name]
    share = load_onnx(export.path).predict_proba(X[:5])
    np.testing.assert_allclose(share, model.predict_proba(X[:5]), atol=1e-5)


@at_home
@each
@pytest.mark.parametrize("outputs", [1, 2])
def test_a_native_regressor(name, outputs, tmp_path):
    X = numbers()
    y = X[:, 0] if outputs == 1 else X[:, :2]
    model = native(Regressor, name).fit(X, y)
    export = export_onnx(model, tmp_path / "m.onnx", X)
    assert load_onnx(export.path).predict(X).shape == y.shape


@each
def test_a_native_model_ends_a_pipeline(name, tmp_path):
    X = mixed()
    y = np.where(prices(X) > 60, "dear", "cheap")
    model = make_pipeline(preparation(), native(Classifier, name)).fit(X, y)
    export = export_onnx(model, tmp_path / "m.onnx", X)
    assert export.exporter == f"unifml + {ROADS[name]}"


@pytest.mark.torch
def test_a_module_of_two_inputs_and_one_of_sequences(tmp_path):
    """Inputs by name, and lengths beside sequences, reach the file as they reach the module."""
    import torch
    from torch import nn

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.left, self.right = nn.Linear(3, 2), nn.Linear(4, 2)

        def forward(self, a, b):
            return self.left(a) * torch.tanh(self.right(b))

    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.out = nn.LSTM(2, 5, batch_first=True), nn.Linear(5, 2)

        def forward(self, X, X_lengths):
            steps, _ = self.lstm(X)
            last = (X_lengths - 1).long().view(-1, 1, 1).expand(-1, 1, steps.shape[2])
            return self.out(steps.gather(1, last)[:, 0])

    rng = np.random.default_rng(0)
    y = np.arange(30) % 2
    tables = {"a": rng.normal(size=(30, 3)), "b": rng.normal(size=(30, 4))}
    series = [rng.normal(size=(steps, 2)) for steps in rng.integers(1, 9, 30)]
    for module, X in ((Two, tables), (Last, series)):
        fitted = Classifier(module, training=SHORT, random_state=0).fit(X, y)
        export = export_onnx(fitted, tmp_path / "m.onnx", X)
        assert export.exporter.startswith("torch.onnx")
        found = load_onnx(export.path).predict_proba(X)
        np.testing.assert_allclose(found, fitted.predict_proba(X), atol=1e-5)

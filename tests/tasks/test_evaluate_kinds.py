"""`evaluate`: one call for estimators, native models, Pipelines and files."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import unifml
from unifml import Classifier, Regressor, Training

X, Y = (part[:120].astype(np.float32) for part in load_breast_cancer(return_X_y=True))
X, Y = StandardScaler().fit_transform(X).astype(np.float32), Y.astype(int)
CV = StratifiedKFold(3, shuffle=True, random_state=0)
NAMES = ["accuracy", "f1", "roc_auc"]
TRAINING = Training(epochs=2)


def equal(model, given=None, atol=1e-12):
    """Folds of `evaluate` are those of cross_validate with an estimator around the model."""
    report = unifml.evaluate(model if given is None else given, X, Y, cv=CV, metrics=NAMES)
    theirs = cross_validate(model, X, Y, cv=CV, scoring=NAMES)
    for name in NAMES:
        found = [fold[name] for fold in report.folds]
        np.testing.assert_allclose(found, theirs[f"test_{name}"], atol=atol)


@pytest.mark.sklearn
@pytest.mark.parametrize(
    "model",
    [
        HistGradientBoostingClassifier(max_iter=5, random_state=0),
        make_pipeline(StandardScaler(), LogisticRegression()),
        Classifier(LogisticRegression()),
    ],
    ids=lambda model: type(model).__name__,
)
def test_estimators_of_scikit_learn(model):
    equal(model)


@pytest.mark.sklearn
def test_a_native_of_scikit_learn_needs_no_wrapper():
    equal(Classifier(LogisticRegression()), LogisticRegression())


def test_estimators_and_pipelines_of_every_backend(backend):
    clf = Classifier("mlp", backend=backend, training=TRAINING, random_state=0)
    equal(make_pipeline(StandardScaler(), clf), atol=1e-6)


def test_regressors_of_every_backend(backend):
    data = load_diabetes(return_X_y=True)
    data = data[0][:90], data[1][:90]
    model = Regressor("mlp", backend=backend, training=TRAINING, random_state=0)
    cv = KFold(2, shuffle=True, random_state=0)
    report = unifml.evaluate(model, *data, cv=cv, metrics=["r2", "mae"])
    theirs = cross_validate(model, *data, cv=cv, scoring=["r2", "neg_mean_absolute_error"])
    np.testing.assert_allclose([f["r2"] for f in report.folds], theirs["test_r2"], atol=1e-5)
    expected = -theirs["test_neg_mean_absolute_error"]
    np.testing.assert_allclose([f["mae"] for f in report.folds], expected, rtol=1e-5)


@pytest.mark.torch
def test_a_module_of_torch():
    import torch

    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(30, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    wrapped = Classifier(module, training=Training(), random_state=0)
    report = unifml.evaluate(
        module, X, Y, cv=CV, metrics=NAMES, task="classification", random_state=0
    )
    theirs = cross_validate(wrapped, X, Y, cv=CV, scoring=NAMES)
    found = [fold["roc_auc"] for fold in report.folds]
    np.testing.assert_allclose(found, theirs["test_roc_auc"], atol=1e-6)
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())


@pytest.mark.keras
def test_a_model_of_keras():
    import keras

    model = keras.Sequential(
        [keras.Input((30,)), keras.layers.Dense(4), keras.layers.Dense(1, activation="sigmoid")]
    )
    wrapped = Classifier(model, training=TRAINING, random_state=0)
    equal(wrapped, atol=1e-6)


@pytest.mark.sklearn
@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_a_file_counts_as_fitted(kind, tmp_path):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("skl2onnx")
    native = LogisticRegression() if kind == "classification" else Ridge()
    y = Y if kind == "classification" else X[:, 0] + X[:, 1]
    model = make_pipeline(StandardScaler(), native).fit(X[:80], y[:80])
    file = unifml.load_onnx(unifml.export_onnx(model, tmp_path / "m.onnx", X).path)
    report = unifml.evaluate(file, X[80:], y[80:])
    expected = unifml.evaluate(model, X[80:], y[80:]).scores
    assert "nothing was fitted again" in report.title
    assert set(report.scores) == set(expected)
    for name, value in report.scores.items():
        np.testing.assert_allclose(value, expected[name], atol=1e-5)
    folds = unifml.evaluate(file, X, y, cv=2, random_state=0)  # nothing to fit, yet scored by fold
    assert len(folds.folds) == 2

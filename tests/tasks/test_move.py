"""A fitted estimator on another backend: the same weights, the same predictions."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import linear_model as lines
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.ensemble import RandomForestClassifier, StackingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import LinearSVC

import unifml
from unifml import Classifier, Regressor, Training, Transformer
from unifml.core import registry
from unifml.core.signature import Signature
from unifml.core.task import Task
from unifml.errors import (
    CapabilityError,
    DataTypeError,
    DeviceError,
    UnknownNameError,
)
from unifml.models import MLP

pytestmark = pytest.mark.cross

SHORT = Training(epochs=2, batch_size=32)
LABELS = np.array(["barbera", "grignolino", "nebbiolo"])
X, codes = load_wine(return_X_y=True)
y = LABELS[codes]
DATA = {
    "binary": load_breast_cancer(return_X_y=True),
    "classes": (X, y),
    "labels": (X, np.stack([codes == 0, codes > 1, codes < 2], axis=1).astype(int)),
    "number": load_diabetes(return_X_y=True),
    "numbers": (X[:, 2:], X[:, :2]),
}
FACES = {"classification": Classifier, "regression": Regressor, "transformation": Transformer}


def networks():
    """Every model of the registry that is a network, with each of its tasks."""
    for name in registry.models():
        model = registry.get_model(name)()
        shape = model.example().input_shape
        for kind in model.tasks:
            task = Task("classification", 1, 3) if kind == "classification" else Task("regression")
            if kind == "transformation" or model.network(task, Signature(shape, 3)):
                yield pytest.param(model, kind, id=f"{name}-{kind}")


def example(model, kind):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(40, *model.example().input_shape))
    targets = LABELS[np.arange(40) % 3] if kind == "classification" else rng.normal(size=40)
    return rows, targets


def fitted(model, data, backend="torch", **settings):
    rows, targets = DATA[data]
    face = Regressor if data.startswith("number") else Classifier
    if model != "linear":
        settings.setdefault("training", SHORT)
    return face(model, backend=backend, random_state=0, **settings).fit(rows, targets), rows


def outputs(estimator, rows):
    """Probabilities or values, in deviations of the values."""
    if hasattr(estimator, "transform"):
        return estimator.transform(rows)
    proba = getattr(estimator, "predict_proba", None)
    if proba is None:
        values = estimator.predict(rows)
        return values / max(1.0, float(np.std(values)))
    found = proba(rows)
    return np.stack([part[:, 1] for part in found], axis=1) if isinstance(found, list) else found


def same_predictions(one, other, rows):
    before, after = outputs(one, rows), outputs(other, rows)
    assert before.shape == after.shape
    assert np.abs(before - after).max() < 1e-6
    labels = before if hasattr(one, "transform") else one.predict(rows)
    if labels.dtype.kind != "f":
        assert np.array_equal(labels, other.predict(rows))


def same_weights(one, other):
    before, after = one.get_weights(), other.get_weights()
    assert list(before) == list(after)
    for name, value in before.items():
        assert value.dtype == after[name].dtype
        assert np.array_equal(value, after[name])


# Round trips -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "kind"), list(networks()))
def test_there_and_back_every_network_is_the_same(model, kind):
    rows, targets = example(model, kind)
    training = Training(epochs=1, batch_size=20) if "epochs" in model.uses else None
    face = FACES[kind]
    there = face(model, backend="torch", training=training, random_state=0).fit(rows, targets)
    keras = unifml.to_backend(there, "keras")
    back = unifml.to_backend(keras, "torch")
    assert (keras.backend_, back.backend_) == ("keras", "torch")
    same_weights(there, keras)
    same_weights(there, back)
    same_predictions(there, keras, rows)
    assert np.array_equal(outputs(there, rows), outputs(back, rows))


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("model", ["mlp", "linear"])
@pytest.mark.parametrize("way", [("sklearn", "torch"), ("torch", "sklearn"), ("keras", "sklearn")])
def test_there_and_back_with_scikit_learn(way, model, data):
    start, rows = fitted(model, data, way[0])
    there = unifml.to_backend(start, way[1])
    back = unifml.to_backend(there, way[0])
    same_predictions(start, there, rows)
    same_weights(start, there)
    same_weights(start, back)
    assert there.model_ is not start.model_


def test_everything_else_is_kept():
    start, rows = fitted(MLP((8,)), "classes", class_weight="balanced", verbose=0)
    before, state = start.get_params(deep=False), dict(vars(start))
    moved = unifml.to_backend(start, "sklearn")
    assert moved.get_params(deep=False) == before | {"backend": "sklearn"}
    assert np.array_equal(moved.classes_, start.classes_)
    assert moved.history_ is start.history_
    assert (moved.seed_, moved.n_features_in_) == (start.seed_, start.n_features_in_)
    assert vars(start) == state  # the original is as it was
    assert start.backend_ == "torch"
    moved.set_weights({name: value + 1 for name, value in moved.get_weights().items()})
    assert not np.array_equal(moved.predict_proba(rows), start.predict_proba(rows))
    moved.fit(rows, y)  # a parameter like any other: the next fit is there
    assert moved.backend_ == "sklearn"


def test_names_of_features_are_kept_and_checked():
    frame = load_diabetes(as_frame=True)
    start = Regressor("mlp", training=SHORT, random_state=0).fit(frame.data, frame.target)
    moved = unifml.to_backend(start, "sklearn")
    assert list(moved.feature_names_in_) == list(frame.data)
    with pytest.raises(ValueError, match="feature names"):
        moved.predict(frame.data[list(frame.data)[::-1]])


def test_the_same_backend_gives_a_copy():
    forest, _ = fitted("random_forest", "classes", "sklearn", training=None)
    for start in (fitted("mlp", "classes")[0], forest):
        copied = unifml.to_backend(start, start.backend_)
        assert copied is not start
        assert copied.model_ is not start.model_
        assert np.array_equal(copied.predict_proba(X), start.predict_proba(X))


def test_partial_fit_goes_on_from_the_weights():
    rows, targets = DATA["number"]
    start = Regressor(MLP((8,)), backend="torch", training=SHORT, random_state=0)
    start.partial_fit(rows[:200], targets[:200])
    moved = unifml.to_backend(start, "sklearn")
    same_predictions(start, moved, rows)
    moved.partial_fit(rows[200:], targets[200:])
    # Means and deviations are those of all rows so far.
    assert moved.target_scaling_.mean == pytest.approx(targets.mean())
    assert moved.get_weights()["standardize.scale"] == pytest.approx(rows.std(axis=0))
    assert start.target_scaling_.mean == pytest.approx(targets[:200].mean())


def test_a_backend_without_float64_gets_float32(monkeypatch):
    from dataclasses import replace

    from unifml.adapters.torch.adapter import TorchAdapter

    class Single(TorchAdapter):
        name = "single"
        capabilities = replace(TorchAdapter.capabilities, precisions=frozenset({"float32"}))

    monkeypatch.setitem(registry._registered, "single", Single())
    start, rows = fitted("mlp", "classes")
    moved = unifml.to_backend(start, "single")
    assert moved.get_weights()["output.kernel"].dtype == np.float32
    assert moved.get_weights()["standardize.mean"].dtype == np.float64
    same_predictions(start, moved, rows)
    strict, _ = fitted("mlp", "classes", training=Training(epochs=1, precision="float64"))
    with pytest.raises(CapabilityError, match="does not compute in float64"):
        unifml.to_backend(strict, "single")


# scikit-learn's own ------------------------------------------------------------------------------

OWN = [
    ("binary", lines.LogisticRegression(max_iter=50)),
    ("classes", lines.LogisticRegression(max_iter=50)),
    ("classes", lines.LogisticRegression(fit_intercept=False, max_iter=50)),
    ("binary", lines.LogisticRegression(solver="liblinear")),
    ("labels", MultiOutputClassifier(lines.LogisticRegression(max_iter=50))),
    ("number", lines.Ridge()),
    ("numbers", lines.LinearRegression()),
    ("numbers", lines.Ridge(fit_intercept=False)),
    ("number", lines.Lasso()),
    ("number", lines.SGDRegressor(random_state=0)),
    *((data, MLPClassifier((9,), max_iter=3, random_state=0)) for data in list(DATA)[:3]),
    ("classes", MLPClassifier((5, 4), activation="logistic", max_iter=3, random_state=0)),
    (
        "number",
        MLPRegressor(hidden_layer_sizes=(9,), activation="tanh", max_iter=3, random_state=0),
    ),
    (
        "numbers",
        MLPRegressor(hidden_layer_sizes=(9,), activation="identity", max_iter=3, random_state=0),
    ),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("target", ["torch", "keras", "sklearn"])
@pytest.mark.parametrize("scaled", [False, True], ids=["alone", "scaled"])
@pytest.mark.parametrize(("data", "own"), OWN, ids=lambda value: " ".join(str(value).split()))
def test_a_network_of_scikit_learn_moves(data, own, scaled, target):
    rows, targets = DATA[data]
    if not scaled:
        rows = StandardScaler().fit_transform(rows)
    start = make_pipeline(StandardScaler(), own) if scaled else own
    start.fit(rows, targets)
    moved = unifml.to_backend(start, target)
    assert isinstance(moved, Classifier | Regressor)
    assert moved.backend_ == target
    assert moved.n_features_in_ == start.n_features_in_
    same_predictions(start, moved, rows)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("parts", [{"with_mean": False}, {"with_std": False}])
def test_half_a_scaler_is_read(parts):
    for own in (lines.LogisticRegression(max_iter=50), MLPClassifier((4,), max_iter=50)):
        start = make_pipeline(StandardScaler(**parts), own)
        start.fit(X / X.max(axis=0), y)
        same_predictions(start, unifml.to_backend(start, "torch"), X / X.max(axis=0))


def test_float32_and_names_are_kept():
    frame = load_diabetes(as_frame=True)
    start = make_pipeline(StandardScaler(), lines.Ridge())
    start.fit(frame.data.astype(np.float32), frame.target.astype(np.float32))
    moved = unifml.to_backend(start, "torch")
    assert list(moved.feature_names_in_) == list(frame.data)
    assert moved.get_weights()["output.kernel"].dtype == np.float32
    assert np.abs(moved.predict(frame.data) / start.predict(frame.data) - 1).max() < 1e-5


def test_a_model_of_scikit_learn_in_a_classifier_moves():
    start = Classifier(lines.LogisticRegression(max_iter=5000)).fit(X, y)
    moved = unifml.to_backend(start, "torch")
    assert moved.get_params()["model"].kind == "linear"
    same_predictions(start, moved, X)


# Composites --------------------------------------------------------------------------------------


def test_a_pipeline_moves_its_steps():
    start = make_pipeline(MinMaxScaler(), Classifier("mlp", training=SHORT, random_state=0))
    start.fit(X, y)
    moved = unifml.to_backend(start, "sklearn")
    assert [name for name, _ in moved.steps] == [name for name, _ in start.steps]
    assert (moved[-1].backend_, start[-1].backend_) == ("sklearn", "torch")
    assert moved[0] is not start[0]
    same_predictions(start, moved, X)
    own = make_pipeline(MinMaxScaler(), StandardScaler(), lines.LogisticRegression()).fit(X, y)
    moved = unifml.to_backend(own, "torch")
    assert isinstance(moved[-1], Classifier)
    same_predictions(own, moved, X)


def test_composites_of_any_kind_move_what_they_hold():
    inner = Classifier(MLP((4,)), backend="torch", training=SHORT, random_state=0)
    start = CalibratedClassifierCV(inner, cv=2).fit(X, y)
    moved = unifml.to_backend(start, "sklearn")
    held = [each.estimator.backend_ for each in moved.calibrated_classifiers_]
    assert held == ["sklearn", "sklearn"]
    assert (moved.estimator.backend, start.estimator.backend) == ("sklearn", "torch")
    same_predictions(start, moved, X)
    rows, targets = DATA["number"]
    parts = [("net", Regressor("mlp", training=SHORT, random_state=0)), ("line", lines.Ridge())]
    stack = StackingRegressor(parts, final_estimator=Regressor("linear", backend="sklearn"), cv=2)
    stack.fit(rows, targets)
    moved = unifml.to_backend(stack, "keras")
    assert moved.final_estimator_.backend_ == moved.estimators_[0].backend_ == "keras"
    same_predictions(stack, moved, rows)


def test_searches_move_their_best():
    inner = Classifier("mlp", backend="torch", training=SHORT, random_state=0)
    grid = GridSearchCV(inner, {"model__hidden": [(4,), (8,)]}, cv=2).fit(X, y)
    moved = unifml.to_backend(grid, "sklearn")
    assert (moved.best_estimator_.backend_, grid.best_estimator_.backend_) == ("sklearn", "torch")
    assert moved.best_params_ == grid.best_params_
    assert moved.estimator.backend == "sklearn"
    same_predictions(grid, moved, X)
    plain = GridSearchCV(make_pipeline(StandardScaler(), lines.Ridge()), {"ridge__alpha": [1, 2]})
    plain.fit(*DATA["number"])
    moved = unifml.to_backend(plain, "torch")
    same_predictions(plain, moved, DATA["number"][0])


def test_a_result_of_tune_moves():
    pytest.importorskip("optuna")
    start = unifml.tune(
        Classifier("mlp", training=SHORT, random_state=0),
        *(X, y),
        space={"hidden": [(4,), (6,)]},
        n_trials=2,
        cv=2,
        random_state=0,
    )
    moved = unifml.to_backend(start, "sklearn")
    assert moved.best_estimator_.backend_ == "sklearn"
    assert "2 trials" in str(moved)
    same_predictions(start, moved, X)


# What cannot move --------------------------------------------------------------------------------


def test_a_backend_that_cannot_have_it_is_refused_with_those_that_can():
    start, _ = fitted(MLP((8,), dropout=0.3), "classes")
    with pytest.raises(CapabilityError, match=r"dropout=0\.3.*keras.*torch"):
        unifml.to_backend(start, "sklearn")
    forest, _ = fitted("random_forest", "classes", "sklearn", training=None)
    with pytest.raises(CapabilityError, match='use backend="sklearn"'):
        unifml.to_backend(forest, "torch")


def test_native_models_belong_to_their_framework():
    def network(n_features, n_outputs):
        import torch

        return torch.nn.Linear(n_features, n_outputs)

    start = Classifier(network, backend="torch", training=SHORT, random_state=0).fit(X, y)
    with pytest.raises(CapabilityError, match=r"native model of backend 'torch'.*export_onnx"):
        unifml.to_backend(start, "keras")
    with pytest.raises(CapabilityError, match="native model"):
        unifml.to_backend(make_pipeline(MinMaxScaler(), start).fit(X, y), "keras")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "own",
    [RandomForestClassifier(3), LinearSVC(), make_pipeline(MinMaxScaler(), LinearSVC())],
    ids=lambda own: type(own).__name__,
)
def test_what_is_no_network_is_refused(own):
    own.fit(X, y)
    with pytest.raises(CapabilityError, match="no network of unifml"):
        unifml.to_backend(own, "torch")


@pytest.mark.parametrize(
    "estimator", [Classifier("mlp"), lines.Ridge(), make_pipeline(lines.Ridge())]
)
def test_what_has_not_learned_is_refused(estimator):
    with pytest.raises(NotFittedError):
        unifml.to_backend(estimator, "torch")


def test_wrong_arguments_are_told():
    start, _ = fitted("linear", "classes", "sklearn")
    with pytest.raises(UnknownNameError, match="did you mean 'torch'"):
        unifml.to_backend(start, "pytorch")
    with pytest.raises(DataTypeError, match="Classifier"):
        unifml.to_backend("mlp", "torch")
    with pytest.raises(DeviceError, match="cpu"):
        unifml.to_backend(start, "torch", device="tpu")
    moved = unifml.to_backend(start, "torch", device="cpu")
    assert (moved.device, moved.device_, start.device) == ("cpu", "cpu", None)

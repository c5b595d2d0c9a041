"""The plain native model is taken away, trained elsewhere, and comes back."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from estimators.factories import FACTORIES
from sklearn.datasets import load_diabetes, load_wine
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import unifml
from unifml import Classifier, Regressor, Training
from unifml.errors import CapabilityError, DataError, DataTypeError
from unifml.models import MLP

SHORT = Training(epochs=3, batch_size=32)
X, codes = load_wine(return_X_y=True)
y = np.array(["barbera", "grignolino", "nebbiolo"])[codes]
ROWS, NUMBERS = load_diabetes(return_X_y=True)
TANH = MLP((8,), activation="tanh")


def classifier(backend, model=TANH):
    return Classifier(model, backend=backend, training=SHORT, random_state=0).fit(X, y)


def regressor(backend):
    return Regressor(TANH, backend=backend, training=SHORT, random_state=0).fit(ROWS, NUMBERS)


def raw(native, rows):
    """What a network of torch or Keras returns; an estimator of scikit-learn is none."""
    if hasattr(native, "state_dict"):
        import torch

        with torch.no_grad():
            return native(torch.as_tensor(rows, dtype=next(native.parameters()).dtype)).numpy()
    assert hasattr(native, "compile")
    return np.asarray(native.predict(rows, verbose=0))


def train_torch(native):
    import torch

    dtype = next(native.parameters()).dtype
    rows, targets = torch.as_tensor(X, dtype=dtype), torch.as_tensor(codes)
    optimizer = torch.optim.SGD(native.parameters(), lr=0.1)
    native.train()
    for batch in torch.randperm(len(rows)).split(32):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(native(rows[batch]), targets[batch]).backward()
        optimizer.step()
    native.eval()


def train_keras(native):
    import keras

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    native.compile(optimizer=keras.optimizers.SGD(0.1), loss=loss)
    native.fit(X, codes, epochs=1, batch_size=32, verbose=0)


def train_sklearn(native):
    scaler, perceptron = (step for _, step in native.steps)
    scaler.fit(X + 1.0)
    perceptron.partial_fit(scaler.transform(X), y)


ELSEWHERE = {"torch": train_torch, "keras": train_keras, "sklearn": train_sklearn}


# There -------------------------------------------------------------------------------------------


def test_the_native_model_is_fresh_and_plain(backend):
    start = classifier(backend)
    native = unifml.to_native(start)
    assert type(native).__module__.partition(".")[0] == backend
    assert native is not start.model_
    assert unifml.to_native(start) is not native
    before = start.predict_proba(X)
    ELSEWHERE[backend](native)
    assert np.array_equal(start.predict_proba(X), before)
    unbuilt = pickle.loads(pickle.dumps(start))
    assert np.array_equal(unbuilt.predict_proba(X), before)


@pytest.mark.never(["sklearn"], raises=AssertionError, reason="its estimators return predictions")
def test_networks_return_logits_and_scaled_targets(backend):
    start = classifier(backend)
    logits = raw(unifml.to_native(start), X)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.abs(shares - start.predict_proba(X)).max() < 1e-6
    assert start.target_scaling_ is None
    numbers = regressor(backend)
    scaling = numbers.target_scaling_
    decoded = raw(unifml.to_native(numbers), ROWS)[:, 0] * scaling.scale + scaling.mean
    assert np.abs(decoded - numbers.predict(ROWS)).max() < 1e-4
    assert scaling.mean == pytest.approx(NUMBERS.mean())


@pytest.mark.torch
def test_a_torch_module_comes_in_eval_mode():
    native = unifml.to_native(classifier("torch", MLP((8,), dropout=0.5)))
    assert not any(part.training for part in native.modules())


def test_of_a_search_the_best_is_taken(backend):
    inner = Classifier("mlp", backend=backend, training=SHORT, random_state=0)
    grid = GridSearchCV(inner, {"model__hidden": [(4,), (5,)]}, cv=2).fit(X, y)
    native = unifml.to_native(grid)
    assert unifml.get_adapter(backend).owns(native)
    back = unifml.from_native(grid, native)
    assert np.array_equal(back.predict_proba(X), grid.predict_proba(X))


# And back ----------------------------------------------------------------------------------------


def test_what_was_trained_elsewhere_comes_back(backend):
    start = classifier(backend)
    before = start.get_weights()
    native = unifml.to_native(start)
    ELSEWHERE[backend](native)
    back = unifml.from_native(start, native)
    if backend == "sklearn":
        assert np.abs(back.predict_proba(X) - native.predict_proba(X)).max() < 1e-9
    else:
        assert np.array_equal(back.predict(X), back.classes_[raw(native, X).argmax(axis=1)])
        assert np.abs(raw(back.model_, X) - raw(native, X)).max() < 1e-6
    assert not np.allclose(back.predict_proba(X), start.predict_proba(X), atol=1e-3)
    assert all(np.array_equal(before[name], value) for name, value in start.get_weights().items())
    assert back.history_ is start.history_
    assert back.partial_fit(X, y).history_.n_epochs == 1


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_what_nobody_changed_keeps_its_bits(backend, precision):
    rows = X + 1e4  # more digits than float32 has: the native model rounds them
    training = Training(epochs=2, precision=precision)
    start = Classifier("mlp", backend=backend, training=training, random_state=0).fit(rows, y)
    back = unifml.from_native(start, unifml.to_native(start))
    weights = back.get_weights()
    assert all(np.array_equal(v, weights[k]) for k, v in start.get_weights().items())
    assert np.array_equal(back.predict_proba(rows), start.predict_proba(rows))


def test_linear_models_come_back(backend):
    start = Regressor("linear", backend=backend).fit(ROWS, NUMBERS)
    twice = {name: 2 * value for name, value in start.get_weights().items()}
    native = unifml.to_native(Regressor("linear", backend=backend).fit(ROWS, 2 * NUMBERS))
    back = unifml.from_native(start, native)
    for name, value in back.get_weights().items():
        assert value == pytest.approx(twice[name], rel=1e-5)
    assert back.predict(ROWS) == pytest.approx(2 * start.predict(ROWS), rel=1e-5)


@pytest.mark.never(["sklearn"], raises=CapabilityError, reason="its natives are no networks")
def test_native_networks_of_the_user_come_back(backend):
    start = Classifier(FACTORIES[backend], random_state=0)
    if backend != "sklearn":
        start.set_params(training=SHORT)
    start.fit(X, y)
    native = unifml.to_native(start)
    same = unifml.from_native(start, native)
    assert np.array_equal(same.predict_proba(X), start.predict_proba(X))
    ELSEWHERE[backend](native)
    back = unifml.from_native(start, native)
    assert np.abs(raw(back.model_, X) - raw(native, X)).max() < 1e-6
    assert not np.allclose(back.predict_proba(X), start.predict_proba(X), atol=1e-3)


# What does not fit -------------------------------------------------------------------------------


def test_other_layers_or_shapes_are_refused(backend):
    start = classifier(backend)
    wider = unifml.to_native(classifier(backend, MLP((9,), activation="tanh")))
    with pytest.raises(DataError, match=r"hidden_0.kernel has shape \(13, 9\), not \(13, 8\)"):
        unifml.from_native(start, wider)
    deeper = classifier(backend, MLP((8, 8), activation="tanh"))
    with pytest.raises(DataError, match=r"hidden_1|layers are those"):
        unifml.from_native(deeper, unifml.to_native(start))


@pytest.mark.cross
def test_a_model_of_another_framework_is_refused():
    start = classifier("torch")
    with pytest.raises(DataTypeError, match=r'backend \'keras\'.*to_backend\(estimator, "keras"\)'):
        unifml.from_native(start, unifml.to_native(classifier("keras")))
    with pytest.raises(DataTypeError, match="no backend knows it"):
        unifml.from_native(start, "module")


@pytest.mark.sklearn
def test_what_is_no_estimator_of_ours_is_refused():
    pipeline = make_pipeline(StandardScaler(), Classifier("linear", backend="sklearn")).fit(X, y)
    with pytest.raises(CapabilityError, match="pass the step that is one"):
        unifml.to_native(pipeline)
    assert unifml.to_native(pipeline[-1]).coef_.shape == (3, 13)
    with pytest.raises(NotFittedError):
        unifml.to_native(Classifier("linear", backend="sklearn"))
    forest = Classifier("random_forest", backend="sklearn", random_state=0).fit(X, y)
    assert unifml.to_native(forest) is not forest.model_
    with pytest.raises(CapabilityError, match="no network of layers"):
        unifml.from_native(forest, forest.model_)

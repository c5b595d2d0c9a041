"""`save` and `load`: networks of unifml come back as they were, on any backend."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import (
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tasks.persisting import CODES, NUMBERS, SHORT, TEXT, X, again, net, same_predictions

import unifml
from unifml import Classifier, EarlyStopping, Regressor, Training
from unifml.core.spec import Spec
from unifml.errors import (
    CapabilityError,
    MissingDependencyError,
)
from unifml.layers import Network
from unifml.models import MLP, Linear, RandomForest
from unifml.tasks.persist import packages, vocabulary


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.unifml"


@pytest.mark.parametrize("model", ["mlp", "linear"])
def test_a_classifier_comes_back_to_the_last_bit(backend, model, path):
    training = SHORT if model == "mlp" else None
    clf = Classifier(model, backend=backend, random_state=0, training=training).fit(X, TEXT)
    loaded = again(clf, path, check=True)
    assert repr(loaded) == repr(clf)
    assert repr(clone(loaded)) == repr(clone(clf))
    assert loaded.get_params() == clf.get_params()
    assert loaded.history_ == clf.history_
    assert loaded.classes_.dtype == clf.classes_.dtype
    assert (loaded.seed_, loaded.backend_, loaded.device_) == (clf.seed_, clf.backend_, clf.device_)


@pytest.mark.parametrize("columns", [1, 2])
def test_a_regressor_comes_back(backend, columns, path):
    y = NUMBERS if columns == 1 else np.c_[NUMBERS, -NUMBERS]
    reg = Regressor("mlp", backend=backend, random_state=0, training=SHORT).fit(X, y)
    assert again(reg, path, check=True).predict(X).shape == y.shape


def test_several_labels_come_back(backend, path):
    y = np.c_[CODES == 0, CODES == 1].astype(int)
    again(net(backend).fit(X, y), path)


def test_learning_goes_on_where_it_stopped(backend, path):
    clf = net(backend).partial_fit(X, TEXT).partial_fit(X, TEXT)
    loaded = again(clf, path)
    same_predictions(clf.partial_fit(X, TEXT), loaded.partial_fit(X, TEXT))


def test_a_regressor_goes_on(backend, path):
    reg = Regressor("mlp", backend=backend, random_state=0).partial_fit(X, NUMBERS)
    loaded = again(reg, path)
    same_predictions(reg.partial_fit(X, NUMBERS), loaded.partial_fit(X, NUMBERS))


def test_a_second_fit_is_the_same(backend, path):
    clf = net(backend).fit(X, TEXT)
    loaded = again(clf, path)
    same_predictions(clf.fit(X[::2], TEXT[::2]), loaded.fit(X[::2], TEXT[::2]))


def test_one_that_has_not_learned_comes_back(backend, path):
    clf = net(backend, class_weight={"setosa": 2.0, "virginica": np.float32(1)})
    loaded = unifml.load(unifml.save(clf, path))
    assert repr(loaded) == repr(clf)
    assert not loaded.__sklearn_is_fitted__()


@pytest.mark.parametrize(
    "labels",
    [
        np.array([10, 20, 30]),
        np.array([10, 20, 30], dtype=">i2"),
        np.array([0.5, 1.5, 2.5]) * 2,
        np.array(["a", "b", "c"], dtype=object),
        np.array([False, True, True]),
    ],
    ids=lambda labels: labels.dtype.str,
)
def test_labels_of_any_type(labels, path):
    clf = net("sklearn").fit(X, labels[CODES])
    assert again(clf, path).classes_.dtype == clf.classes_.dtype


def test_names_of_columns_and_settings_of_scikit_learn(path):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd"))
    clf = net("sklearn").set_fit_request(sample_weight=True) if _routing() else net("sklearn")
    loaded = again(clf.fit(frame, TEXT), path, rows=frame)
    assert list(loaded.feature_names_in_) == list("abcd")
    with pytest.raises(ValueError, match="feature names"):
        loaded.predict(frame[list("abdc")])


def _routing():
    import sklearn

    return sklearn.get_config()["enable_metadata_routing"]


def test_all_that_training_can_hold(path):
    training = Training(
        epochs=4,
        optimizer=unifml.AdamW(beta_2=0.99),
        weight_decay=0.01,
        schedule=unifml.Cosine(final=0.1),
        early_stopping=EarlyStopping(patience=2),
        validation=StratifiedKFold(3),
    )
    model = MLP(hidden=(5, 4), activation="tanh")
    state = np.random.RandomState(3)
    clf = Classifier(model, backend="sklearn", training=training, random_state=state).fit(X, TEXT)
    loaded = again(clf, path)
    assert loaded.model == model
    assert loaded.training.with_params(validation=None) == training.with_params(validation=None)
    assert loaded.training.validation.n_splits == 3
    assert loaded.random_state.randint(2**31) == state.randint(2**31)


_PLAIN = ("data/", "callback/")  # what is no Spec


def test_every_layer_has_a_word_of_its_own():
    table = vocabulary.vocabulary()
    assert len({*table.values()}) == len(table)
    named = (getattr(unifml.layers, name) for name in unifml.layers.__all__)
    layers = {c for c in named if isinstance(c, type) and issubclass(c, unifml.layers.Layer)}
    assert layers - {unifml.layers.Layer} <= {*table.values()}
    assert {Network, MLP, Linear, RandomForest, Training} <= {*table.values()}
    assert all(issubclass(c, Spec) for k, c in table.items() if not k.startswith(_PLAIN))


@pytest.mark.torch
@pytest.mark.parametrize("model", ["cnn", "rnn", "transformer"])
def test_images_and_sequences(model, path):
    rows = np.random.default_rng(0).normal(size=(30, 8, 4, 2) if model == "cnn" else (30, 6, 3))
    clf = Classifier(model, backend="torch", training=SHORT, random_state=0)
    again(clf.fit(rows, TEXT[::5]), path, rows=rows, check=True)


@pytest.mark.torch
def test_sequences_of_unequal_length(path):
    rng = np.random.default_rng(0)
    rows = [rng.normal(size=(2 + i % 3, 3)) for i in range(30)]
    clf = Classifier("rnn", backend="torch", training=SHORT, random_state=0).fit(rows, TEXT[::5])
    again(clf, path, rows=rows, check=True)


# Backends ----------------------------------------------------------------------------------------


def test_a_file_moves_to_another_backend(backend, path):
    clf = net("sklearn").fit(X, TEXT)
    unifml.save(clf, path)
    loaded = unifml.load(path, backend=backend)
    assert (loaded.backend_, loaded.backend) == (backend, backend)
    np.testing.assert_allclose(loaded.predict_proba(X), clf.predict_proba(X), atol=1e-6)


def test_a_linear_model_of_scikit_learn_moves(backend, path):
    clf = Classifier("linear", backend="sklearn").fit(X, TEXT)
    unifml.save(clf, path)
    loaded = unifml.load(path, backend=backend, check=True)
    np.testing.assert_allclose(loaded.predict_proba(X), clf.predict_proba(X), atol=1e-6)


def test_libraries_stay_where_networks_move(backend, path):
    parts = [("a", Classifier(LogisticRegression(max_iter=500))), ("b", net("sklearn"))]
    voting = VotingClassifier(parts, voting="soft").fit(X, TEXT)
    unifml.save(voting, path)
    loaded = unifml.load(path, backend=backend)
    assert [e.backend_ for e in loaded.estimators_] == ["sklearn", backend]
    np.testing.assert_allclose(loaded.predict_proba(X), voting.predict_proba(X), atol=1e-6)


@pytest.mark.cross
def test_a_file_from_torch_on_a_machine_without_it(path, monkeypatch):
    pytest.importorskip("torch")
    pytest.importorskip("keras")
    pipe = make_pipeline(StandardScaler(), net("torch")).fit(X, TEXT)
    expected = pipe.predict_proba(X)
    unifml.save(pipe, path)
    _hide(monkeypatch, "torch")
    with pytest.raises(MissingDependencyError, match=r'load\(path, backend="keras"\)'):
        unifml.load(path)
    loaded = unifml.load(path, backend="keras", check=True)
    np.testing.assert_allclose(loaded.predict_proba(X), expected, atol=1e-6)


def _hide(monkeypatch, package):
    from unifml.core import registry

    def find(name):
        return None if name == package else object()

    monkeypatch.setattr(registry, "find_spec", find)


def test_a_native_does_not_move(path):
    unifml.save(Classifier(LogisticRegression()).fit(X, TEXT), path)
    with pytest.raises(CapabilityError, match="native model"):
        unifml.load(path, backend=next(n for n in unifml.list_backends() if n != "sklearn"))


def test_a_missing_extra_is_named(path, monkeypatch):
    monkeypatch.setattr(packages, "find_spec", lambda _: None)
    for call in (partial(unifml.save, net("sklearn")), unifml.load):
        with pytest.raises(MissingDependencyError, match=r"unifml\[save\]"):
            call(path)

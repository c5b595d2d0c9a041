"""`save` and `load`: networks and classes of the user's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import (
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from tasks.persisting import SHORT, TEXT, X, again, net, same_predictions

import unifml
from unifml import Callback, Classifier, Native
from unifml.errors import (
    DataError,
    ParameterError,
    UntrustedTypeError,
)
from unifml.layers import (
    LSTM,
    Activation,
    Dense,
    Embedding,
    Input,
    Network,
    Parallel,
    Sequential,
    Standardize,
)
from unifml.models import MLP, Model


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.unifml"


def torch_net(n_features, n_outputs, width=6):
    from torch import nn

    return nn.Sequential(
        *(nn.Linear(n_features, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(0.3)),
        nn.Linear(width, n_outputs),
    )


@pytest.mark.torch
def test_a_torch_network_is_given_back(path):
    clf = Classifier(Native(torch_net, width=5), training=SHORT, random_state=0).fit(X, TEXT)
    unifml.save(clf, path)
    with pytest.raises(ParameterError, match=r"load\(path, model=torch_net\)"):
        unifml.load(path)
    loaded = again(clf, path, model=torch_net, check=True)
    assert not loaded.model_.training
    assert loaded.model.params == {"width": 5}
    same_predictions(clf.fit(X, TEXT), loaded.fit(X, TEXT))


@pytest.mark.torch
def test_a_torch_network_goes_on_learning(path):
    clf = Classifier(torch_net, random_state=0).partial_fit(X, TEXT).partial_fit(X, TEXT)
    loaded = again(clf, path, model=torch_net)
    same_predictions(clf.partial_fit(X, TEXT), loaded.partial_fit(X, TEXT))


@pytest.mark.torch
def test_a_torch_network_as_instance(path):
    module = torch_net(4, 3)
    clf = Classifier(module, training=SHORT, random_state=0).fit(X, TEXT)
    assert again(clf, path, model=torch_net(4, 3)).model is not module
    with pytest.raises(DataError, match="not those of the file"):
        unifml.load(path, model=torch_net(4, 3, width=7))
    with pytest.raises(DataError, match="model of backend 'sklearn'"):
        unifml.load(path, model=LogisticRegression())


@pytest.mark.torch
def test_several_networks_are_given_by_name(path):
    one = Classifier(torch_net, training=SHORT, random_state=0)
    two = Classifier(partial(torch_net, width=3), training=SHORT, random_state=0)
    other = Classifier(Native(_other), training=SHORT, random_state=0)
    voting = VotingClassifier([("a", one), ("b", two), ("c", other)], voting="soft").fit(X, TEXT)
    unifml.save(voting, path)
    with pytest.raises(ParameterError) as caught:
        unifml.load(path, model=torch_net)
    assert 'model={"_other": _other, "torch_net": torch_net}' in caught.value.fix
    with pytest.raises(DataError, match="not those of the file"):  # two of one name
        unifml.load(path, model={"torch_net": torch_net, "_other": _other})


def _other(n_features, n_outputs):
    from torch import nn

    return nn.Linear(n_features, n_outputs)


def keras_net(n_features, n_outputs):
    import keras

    return keras.Sequential(
        [
            keras.Input((n_features,)),
            keras.layers.Dense(5, activation="relu"),
            keras.layers.Dense(n_outputs),
        ]
    )


@pytest.mark.keras
def test_a_keras_model_of_its_own_parts_needs_nothing(path):
    pytest.importorskip("keras")
    unifml.get_adapter("keras").devices()  # loads Keras as the adapter does
    clf = Classifier(keras_net(4, 3), training=SHORT, random_state=0).fit(X, TEXT)
    loaded = again(clf, path, check=True)
    assert type(loaded.model) is type(clf.model)
    same_predictions(clf.fit(X, TEXT), loaded.fit(X, TEXT))
    fresh = unifml.load(unifml.save(clone(clf), path))
    same_predictions(clf, fresh.fit(X, TEXT))


@pytest.mark.keras
def test_a_keras_factory_is_given_back(path):
    clf = Classifier(keras_net, backend="keras", training=SHORT, random_state=0).fit(X, TEXT)
    again(clf, path, model=keras_net)


@pytest.mark.keras
def test_a_keras_model_with_parts_of_the_users_is_given_back(path):
    def build(n_features, n_outputs):
        import keras

        class Mine(keras.layers.Dense):
            pass

        return keras.Sequential([keras.Input((n_features,)), Mine(n_outputs)])

    clf = Classifier(build, backend="keras", training=SHORT, random_state=0).fit(X, TEXT)
    again(clf, path, model=build)


def test_a_model_that_is_not_needed_is_refused(path):
    unifml.save(net("sklearn"), path)
    with pytest.raises(ParameterError, match="needs no model"):
        unifml.load(path, model=torch_net)


class Tell(Callback):
    def __init__(self):
        self.seen = []

    def on_epoch_end(self, run):
        self.seen.append(run.epoch)


def test_code_of_the_users_has_to_be_given(path):
    clf = net("sklearn").set_params(training__callbacks=(Tell(),)).fit(X, TEXT)
    unifml.save(clf, path)
    with pytest.raises(UntrustedTypeError, match=r"trusted=\[Tell\]"):
        unifml.load(path)
    loaded = again(clf, path, trusted=[Tell])
    assert loaded.training.callbacks[0].seen == [1, 2, 3]


class Small(MLP):
    kind = "small"


class Mine(Classifier):
    pass


def test_classes_of_the_users(path):
    clf = Mine(Small((3,)), backend="sklearn", training=SHORT, random_state=0).fit(X, TEXT)
    unifml.save(clf, path)
    with pytest.raises(UntrustedTypeError, match=r"trusted=\[Mine, Small\]"):
        unifml.load(path)
    loaded = again(clf, path, trusted=[Mine, Small])
    assert loaded.model == clf.model


@dataclass(frozen=True, repr=False)
class TwoBranches(Model):
    kind = "two_branches"
    axes = None
    uses = MLP.uses
    units: int = 3

    def network(self, task, signature):
        numbers = Sequential((Input("numbers"), Standardize(), Dense(self.units)), name="numbers")
        words = Sequential((Input("words"), Embedding(7, 4, mask_id=0), LSTM(3)), name="words")
        both = Parallel((numbers, words), name="both")
        return Network((both, Activation("relu"), Dense(task.width, name="output")))


@pytest.mark.torch
def test_a_model_of_the_users_with_several_inputs(path):
    rng = np.random.default_rng(0)
    words = [rng.integers(1, 7, size=2 + i % 3) for i in range(30)]
    rows = {"numbers": X[::5], "words": words}
    clf = Classifier(TwoBranches(4), backend="torch", training=SHORT, random_state=0)
    loaded = again(clf.fit(rows, TEXT[::5]), path, rows=rows, trusted=[TwoBranches], check=True)
    assert loaded._fitted.plan.signature == clf._fitted.plan.signature

"""Native networks of the user with several inputs: X is a dict of arrays."""

from __future__ import annotations

import numpy as np
import pytest

from unifml import Classifier, Training
from unifml.errors import CapabilityError, UnifmlError

RNG = np.random.default_rng(0)
X = {"left": RNG.normal(size=(80, 4)), "right": RNG.normal(size=(80, 3, 2))}
Y = (X["left"][:, 0] + X["right"][:, 0, 0] > 0).astype(int)
LONG = Training(epochs=40, learning_rate=1e-2, batch_size=32)


def torch_network():
    from torch import nn

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.left, self.right = nn.Linear(4, 8), nn.Linear(6, 8)
            self.output = nn.Linear(8, 2)

        def forward(self, left, right):
            return self.output((self.left(left) + self.right(right.flatten(1))).relu())

    return Two()


def keras_network(*, as_list=False):
    import keras

    left, right = keras.Input((4,), name="left"), keras.Input((3, 2), name="right")
    both = keras.layers.Concatenate()([left, keras.layers.Flatten()(right)])
    outputs = keras.layers.Dense(2)(keras.layers.Dense(8, activation="relu")(both))
    inputs = [left, right] if as_list else {"left": left, "right": right}
    return keras.Model(inputs, outputs)


FACTORIES = {"torch": torch_network, "keras": keras_network}


@pytest.fixture
def factory(backend):
    if backend not in FACTORIES:
        raise CapabilityError(f"a native network of backend {backend!r}")
    return FACTORIES[backend]


@pytest.mark.never(["sklearn"], raises=CapabilityError, reason="it has no native networks")
def test_arrays_go_in_by_name(backend, factory):
    clf = Classifier(factory, backend=backend, training=LONG, random_state=0).fit(X, Y)
    assert clf.score(X, Y) > 0.85
    turned = {"right": X["right"], "left": X["left"]}
    np.testing.assert_array_equal(clf.predict_proba(turned), clf.predict_proba(X))
    alone = {name: values[:1] for name, values in X.items()}
    np.testing.assert_allclose(clf.predict_proba(alone), clf.predict_proba(X)[:1], atol=1e-6)


@pytest.mark.keras
def test_a_keras_model_of_a_list_of_inputs_takes_names_too():
    def build():
        return keras_network(as_list=True)

    clf = Classifier(build, backend="keras", training=LONG, random_state=0).fit(X, Y)
    assert clf.score(X, Y) > 0.85


@pytest.mark.keras
def test_an_instance_is_copied_and_left_alone():
    from unifml.core.registry import get_adapter

    get_adapter("keras").devices()
    model = keras_network()
    before = [np.array(v) for v in model.get_weights()]
    clf = Classifier(model, training=LONG, random_state=0).fit(X, Y)
    assert clf.score(X, Y) > 0.85
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), before, strict=True))


@pytest.mark.keras
def test_one_array_for_two_inputs_is_refused():
    with pytest.raises(UnifmlError, match=r"2 inputs.*left, right.*pass X as a dict"):
        Classifier(keras_network, backend="keras").fit(X["left"], Y)

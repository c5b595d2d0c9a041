"""Optimizers, losses and settings of Keras and of the user, on natives and networks of ours."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris

from unifml import SGD, Classifier, Regressor, Training
from unifml.errors import CapabilityError, ParameterError
from unifml.models import MLP

X, y = load_iris(return_X_y=True)
XD, YD = load_diabetes(return_X_y=True)

pytestmark = pytest.mark.keras


def native(optimizer=None):
    import keras

    def build():
        keras.utils.set_random_seed(0)
        layers = [keras.Input((4,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(3)]
        model = keras.Sequential(layers)
        if optimizer is not None:
            model.compile(optimizer(), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model

    return build


def learned(model, **training):
    training = Training(epochs=4, batch_size=32, **training)
    fitted = Classifier(model, backend="keras", training=training, random_state=0).fit(X, y)
    return fitted.predict_proba(X)


def test_gradients_of_natives_are_clipped_as_by_keras():
    import keras

    plain = native(lambda: keras.optimizers.SGD(0.1))
    found = learned(plain, clip_norm=0.05)
    wanted = learned(native(lambda: keras.optimizers.SGD(0.1, global_clipnorm=0.05)))
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    found = learned(plain, clip_value=0.01)
    wanted = learned(native(lambda: keras.optimizers.SGD(0.1, clipvalue=0.01)))
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    assert np.abs(found - learned(plain)).max() > 1e-3


def test_an_optimizer_of_keras_trains_natives_and_networks_of_ours():
    import keras

    given = keras.optimizers.SGD(0.1, momentum=0.5)
    found = learned(native(), optimizer=given)
    wanted = learned(native(lambda: keras.optimizers.SGD(0.1, momentum=0.5)))
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    ours = MLP(hidden=(8,))
    found = learned(ours, optimizer=given)
    wanted = learned(ours, optimizer=SGD(momentum=0.5), learning_rate=0.1)
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    slower = learned(ours, optimizer=given, learning_rate=0.01)
    assert np.abs(found - slower).max() > 0.01


def test_the_optimizer_given_is_not_touched():
    import keras

    given = keras.optimizers.Adam(0.01)
    learned(MLP(hidden=(8,)), optimizer=given)
    assert not given.built


def test_two_optimizers_contradict():
    import keras

    compiled = native(lambda: keras.optimizers.Adam(0.1))
    with pytest.raises(ParameterError, match="compiled"):
        learned(compiled, optimizer=keras.optimizers.SGD(0.1))


@pytest.mark.parametrize("name", ["log_cosh", "mae"])
def test_losses_of_the_user(name):
    from keras import losses, ops

    def absolute(outputs, targets):
        return ops.mean(ops.abs(outputs - targets), axis=1)

    model, loss = MLP(hidden=(8,)), losses.LogCosh() if name == "log_cosh" else absolute
    fits = [
        Regressor(
            model, backend="keras", training=Training(epochs=4, loss=given), random_state=0
        ).fit(XD, YD, X_val=XD, y_val=YD)
        for given in (loss, name)
    ]
    found, wanted = (fit.predict(XD) for fit in fits)
    np.testing.assert_allclose(found, wanted, rtol=1e-4)
    found, wanted = (fit.history_["val_loss"] for fit in fits)
    np.testing.assert_allclose(found, wanted, rtol=1e-4)


def test_fewer_bits_are_a_matter_of_how_a_native_is_built():
    import keras

    with pytest.raises(CapabilityError, match="mixed_bfloat16"):
        learned(native(lambda: keras.optimizers.SGD(0.1)), precision="bf16")

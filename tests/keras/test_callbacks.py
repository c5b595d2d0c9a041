"""Keras's own callbacks, on networks of ours and on models of the user."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_iris

from unifml import Classifier, Training
from unifml.errors import UnknownNameError
from unifml.models import MLP

X, y = load_iris(return_X_y=True)

pytestmark = pytest.mark.keras


def native():
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(3)]
    )
    model.compile(
        keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    return model


def fit(model, *callbacks, epochs=8, **training):
    training = Training(epochs=epochs, batch_size=32, callbacks=callbacks, **training)
    clf = Classifier(model, backend="keras", training=training, random_state=0)
    return clf.fit(X, y, X_val=X, y_val=y)


@pytest.mark.parametrize("model", [MLP(hidden=(4,)), native], ids=["ours", "native"])
def test_it_sees_epochs_logs_and_the_present_weights(model):
    import keras

    class Seen(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.seen, self.kernels = [], []

        def on_epoch_end(self, epoch, logs=None):
            self.seen.append((epoch, logs["loss"], logs["val_loss"]))
            self.kernels.append(np.array(self.model.trainable_variables[0]))

        def on_train_end(self, logs=None):
            self.ended = True

    seen = Seen()
    clf = fit(model, seen)
    assert [epoch for epoch, *_ in seen.seen] == list(range(8))
    np.testing.assert_allclose([loss for _, loss, _ in seen.seen], clf.history_["loss"])
    np.testing.assert_allclose(seen.kernels[-1], np.array(clf.model_.trainable_variables[0]))
    assert not np.allclose(seen.kernels[0], seen.kernels[-1])
    assert seen.ended


def test_early_stopping_of_keras_stops():
    import keras

    stopping = keras.callbacks.EarlyStopping("val_loss", patience=1, min_delta=10.0)
    clf = fit(native, stopping)
    assert clf.history_.n_epochs == 2
    assert clf.history_.stopped_by == "callback"


def test_early_stopping_of_keras_restores_the_best_weights_of_a_model():
    import keras

    stopping = keras.callbacks.EarlyStopping(
        "val_loss", patience=2, min_delta=10.0, restore_best_weights=True
    )
    found, first = fit(native, stopping), fit(native, epochs=1)
    np.testing.assert_allclose(found.predict_proba(X), first.predict_proba(X), atol=1e-6)


def test_a_rate_that_it_sets_is_that_of_the_next_epoch():
    import keras

    slower = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.01 * 0.5**epoch)
    for model in (MLP(hidden=(4,)), native):
        clf = fit(model, slower, epochs=4, learning_rate=0.01)
        wanted = 0.01 * 0.5 ** np.arange(4)
        np.testing.assert_allclose(clf.history_["learning_rate"], wanted, rtol=1e-5)


def test_moments_of_a_batch_are_told():
    import keras

    class Count(keras.callbacks.Callback):
        batches = ()

        def on_train_batch_end(self, batch, logs=None):
            self.batches = (*self.batches, batch)

    count = Count()
    fit(MLP(hidden=(4,)), count, epochs=2)
    assert count.batches == tuple(range(5)) * 2


def test_a_file_of_the_best_model_is_written(tmp_path):
    import keras

    path = str(tmp_path / "best.keras")
    fit(native, keras.callbacks.ModelCheckpoint(path, "val_loss", save_best_only=True))
    assert keras.models.load_model(path).predict(X, verbose=0).shape == (150, 3)


def test_early_stopping_of_keras_restores_the_best_weights_of_a_network_of_ours():
    import keras

    stopping = keras.callbacks.EarlyStopping(
        "val_loss", patience=2, min_delta=10.0, restore_best_weights=True
    )
    model = MLP(hidden=(4,), norm="batch")
    found, first = fit(model, stopping), fit(model, epochs=1)
    np.testing.assert_allclose(found.predict_proba(X), first.predict_proba(X), atol=1e-6)


def plain():
    import keras

    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])


@pytest.mark.parametrize("model", [plain, native], ids=["not compiled", "compiled"])
def test_a_plateau_of_keras_slows_down_what_says_nothing_of_rates(model):
    import keras

    def slower():
        return keras.callbacks.ReduceLROnPlateau("val_loss", 0.5, patience=1, min_delta=10.0)

    found, wanted = fit(model, slower(), slower()), fit(model)
    ratio = np.array(found.history_["learning_rate"]) / wanted.history_["learning_rate"]
    moved = np.abs(found.predict_proba(X) - wanted.predict_proba(X)).max()
    assert moved > 1e-3
    if model is plain:
        np.testing.assert_allclose(ratio[:3], [1.0, 1.0, 0.25], rtol=1e-5)
        assert getattr(found.model_, "optimizer", None) is None


def test_a_callback_for_a_metric_that_is_not_recorded_is_an_error_at_the_start():
    import keras

    stopping = keras.callbacks.EarlyStopping("val_acuracy")
    with pytest.raises(UnknownNameError, match="val_acuracy"):
        fit(native, stopping)

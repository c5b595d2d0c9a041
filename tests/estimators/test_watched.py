"""What is recorded, refused and kept on the way of a fit."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

import unifml
from unifml import Callback, Classifier, EarlyStopping, Noise, Regressor, Training, Transformer
from unifml.errors import CapabilityError, DataTypeError
from unifml.models import MLP, Tabular

X, y = load_iris(return_X_y=True)
XD, YD = load_diabetes(return_X_y=True)
NAMES = np.array(["a", "b", "c"])[y]
MODEL = MLP(hidden=(6,))


def fit(backend, *callbacks, **training):
    training = Training(**{"epochs": 3} | training, callbacks=callbacks)
    return Classifier(MODEL, backend=backend, training=training, random_state=0).fit(X, NAMES)


class HalfAfterwards(Callback):
    def on_validation_end(self, run):
        run.learning_rate = run.learning_rate / 2


def test_the_rate_of_an_epoch_is_that_of_its_last_step(backend):
    rates = fit(backend, HalfAfterwards(), learning_rate=0.04).history_["learning_rate"]
    np.testing.assert_allclose(rates, [0.04, 0.02, 0.01])


def test_metrics_are_of_classes_where_targets_are_mixed(backend):
    clf = fit(backend, mixup=0.4, metrics=("balanced_accuracy", "roc_auc"))
    found = {name: clf.history_[name][-1] for name in ("balanced_accuracy", "roc_auc")}
    areas = roc_auc_score(NAMES, clf.predict_proba(X), multi_class="ovr")
    wanted = {"balanced_accuracy": balanced_accuracy_score(NAMES, clf.predict(X)), "roc_auc": areas}
    assert found == pytest.approx(wanted, abs=1e-6)


@pytest.mark.sklearn
def test_classes_are_not_dropped_for_a_native():
    with pytest.raises(CapabilityError, match="classes for LogisticRegression"):
        Classifier(LogisticRegression()).fit(X, y, classes=[0, 1, 2, 3])


@pytest.mark.parametrize(
    "training",
    [
        {"validation": 0.2},
        {"early_stopping": True},
        {"early_stopping": EarlyStopping()},
        {"sampling": "balanced"},
        {"batch_size": 8},
        {"early_stopping": EarlyStopping("loss"), "refit": True},
    ],
    ids=repr,
)
def test_what_a_stream_cannot_do_is_refused_before_it_is_walked(backend, training):
    walked = []
    with pytest.raises(CapabilityError, match="walked"):
        fit_on_stream(Classifier(MODEL, backend=backend, training=Training(**training)), walked)
    assert not walked


def test_a_transformer_refuses_a_stream_before_it_is_walked(backend):
    walked = []
    with pytest.raises(DataTypeError, match="X is a function"):
        fit_on_stream(Transformer(backend=backend), walked)
    assert not walked


def fit_on_stream(estimator, walked):
    def walked_batches():
        walked.append(True)
        yield X, y

    return estimator.fit(walked_batches)


@pytest.mark.never(["sklearn"], raises=CapabilityError, reason="its MLP has no dropout")
def test_targets_of_a_stream_bound_its_predictions(backend):
    training = Training(epochs=2, learning_rate=0.3)
    model = Tabular(hidden=(4,), numeric=None)
    reg = Regressor(model, backend=backend, training=training, random_state=0)
    reg.fit(lambda: ((XD[i::4], YD[i::4]) for i in range(4)))
    far = reg.predict(1e3 * np.vstack([XD, -XD]))
    assert far.min() >= YD.min()
    assert far.max() <= YD.max()
    assert np.isclose(far, YD.min()).any() or np.isclose(far, YD.max()).any()


def test_augmentations_are_saved(backend, tmp_path):
    clf = fit(backend, augment=(Noise(0.3),))
    unifml.save(clf, tmp_path / "noisy.unifml")
    assert unifml.load(tmp_path / "noisy.unifml").training.augment == (Noise(0.3),)


def test_an_error_of_any_kind_says_which_fold_it_was(backend):
    rows = X.copy()
    rows[y == 2] = np.nan
    clf = Classifier(MODEL, backend=backend, training=Training(epochs=1), random_state=0)
    with pytest.raises(ValueError, match="NaN") as caught:
        unifml.evaluate(clf, rows, y, cv=3)
    assert any("in fold 1 of 3" in note for note in caught.value.__notes__)

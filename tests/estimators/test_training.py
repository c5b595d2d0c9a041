"""The one loop: stopping, validation, refit, callbacks, steps, and what happens when it fails."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import ShuffleSplit

from unifml import Callback, Classifier, Cosine, EarlyStopping, Regressor, Training
from unifml.errors import CapabilityError, DivergedError, ParameterError
from unifml.models import MLP

X, Y = load_breast_cancer(return_X_y=True)


def classifier(backend, **training):
    settings = Training(**{"epochs": 10, "batch_size": 64, **training})
    return Classifier(MLP((16,)), backend=backend, training=settings, random_state=0)


def test_early_stopping_keeps_the_best_epoch(backend):
    clf = classifier(
        backend, epochs=200, learning_rate=0.05, early_stopping=EarlyStopping(patience=3)
    ).fit(X[:400], Y[:400], X_val=X[400:], y_val=Y[400:])
    losses = clf.history_["val_loss"]
    best = clf.history_.best_epoch
    assert clf.history_.n_epochs == best + 3 < 200
    assert losses.argmin() + 1 == best
    assert log_loss(Y[400:], clf.predict_proba(X[400:])) == pytest.approx(losses.min(), rel=1e-6)


def test_without_restore_the_last_epoch_is_kept(backend):
    stopping = EarlyStopping(patience=3, restore_best=False)
    clf = classifier(backend, epochs=200, learning_rate=0.05, early_stopping=stopping)
    clf.fit(X[:400], Y[:400], X_val=X[400:], y_val=Y[400:])
    last = clf.history_["val_loss"][-1]
    assert log_loss(Y[400:], clf.predict_proba(X[400:])) == pytest.approx(last, rel=1e-6)


def test_min_delta_is_what_counts_as_better(backend):
    patient = classifier(backend, early_stopping=EarlyStopping(patience=2, min_delta=10.0))
    assert patient.fit(X, Y).history_.n_epochs == 3


def test_nothing_is_held_out_unless_asked(backend):
    assert "val_loss" not in classifier(backend, epochs=2).fit(X, Y).history_
    held = classifier(backend, epochs=2, validation=0.25).fit(X, Y)
    assert "val_loss" in held.history_
    splitter = ShuffleSplit(1, test_size=0.25, random_state=0)
    assert "val_loss" in classifier(backend, epochs=2, validation=splitter).fit(X, Y).history_


@pytest.mark.parametrize("field", ["validation", "early_stopping"])
def test_a_step_holds_nothing_out_and_says_so(backend, field):
    value = {"validation": 0.2, "early_stopping": True}[field]
    with pytest.raises(CapabilityError, match=f"leave {field} out, or call fit"):
        classifier(backend, **{field: value}).partial_fit(X, Y)


@pytest.mark.sklearn
def test_an_estimator_that_cuts_its_own_batches_takes_no_batch_size():
    with pytest.raises(CapabilityError, match="batch_size"):
        Classifier(SGDClassifier(), training=Training(batch_size=16)).fit(X, Y)


def test_refit_without_early_stopping_is_refused(backend):
    with pytest.raises(ParameterError, match="early_stopping=True, refit=True"):
        classifier(backend, validation=0.2, refit=True).fit(X, Y)


@pytest.mark.parametrize("model", ["linear", LogisticRegression(max_iter=5000)])
def test_rows_to_validate_on_are_refused_where_there_are_no_epochs(backend, model):
    clf = Classifier(model, backend=backend if model == "linear" else "sklearn")
    with pytest.raises(CapabilityError, match="X_val"):
        clf.fit(X, Y, X_val=X, y_val=Y)


def test_refit_is_a_fit_on_all_rows_for_the_epochs_found(backend):
    stopping = EarlyStopping(patience=2, validation=0.2)
    options = {"epochs": 100, "learning_rate": 0.05}
    refitted = classifier(backend, early_stopping=stopping, refit=True, **options).fit(X, Y)
    plain = classifier(backend, **options | {"epochs": refitted.history_.best_epoch}).fit(X, Y)
    np.testing.assert_array_equal(refitted.predict_proba(X), plain.predict_proba(X))


def test_history_tells_each_epoch(backend):
    history = classifier(backend, schedule=Cosine(final=0.1)).fit(X, Y).history_
    frame = history.to_frame()
    assert list(frame.index) == list(range(1, 11))
    assert {"loss", "learning_rate", "seconds"} <= set(frame)
    rates = history["learning_rate"]
    assert np.all(np.diff(rates) < 0)
    steps = 10 * 9 - 1
    expected = 1e-3 * (0.1 + 0.9 * 0.5 * (1 + np.cos(np.pi * steps / 90)))
    assert rates[-1] == pytest.approx(expected)
    with pytest.raises(KeyError):
        history["val_loss"]


def test_initial_loss_of_two_classes_is_near_log_two(backend):
    clf = classifier(backend, epochs=1, batch_size=569).fit(X, Y)
    assert clf.history_.initial_loss == pytest.approx(np.log(2), abs=0.5)
    assert clf.history_.initial_loss == clf.history_["loss"][0]


class StopAfter(Callback):
    def __init__(self, epochs):
        self.epochs, self.seen = epochs, []

    def on_epoch_end(self, run):
        self.seen.append((run.epoch, run.logs["loss"]))
        return run.epoch >= self.epochs


def test_a_callback_sees_every_epoch_and_stops(backend):
    callback = StopAfter(3)
    clf = classifier(backend, callbacks=(callback,)).fit(X, Y)
    assert [epoch for epoch, _ in callback.seen] == [1, 2, 3]
    assert [loss for _, loss in callback.seen] == list(clf.history_["loss"])


class Interrupt(Callback):
    def on_epoch_end(self, run):
        raise KeyboardInterrupt


def test_an_interrupted_fit_leaves_the_estimator_as_it_was(backend):
    clf = classifier(backend, epochs=2).fit(X, Y)
    before = clf.predict_proba(X)
    state = dict(clf.__dict__)
    clf.set_params(training__callbacks=(Interrupt(),))
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X[:, :5], Y)
    assert {k: v for k, v in clf.__dict__.items() if k != "training"} == {
        k: v for k, v in state.items() if k != "training"
    }
    np.testing.assert_array_equal(clf.predict_proba(X), before)


def test_a_diverged_loss_names_the_epoch_and_the_way_out(backend):
    rows, targets = load_diabetes(return_X_y=True)
    settings = Training(epochs=50, learning_rate=1e30, optimizer="sgd")
    model = Regressor(MLP((16,)), backend=backend, training=settings, random_state=0)
    with pytest.raises(DivergedError, match=r"(epoch \d+|last step).*learning_rate=1e\+29"):
        model.fit(rows, targets)
    assert not hasattr(model, "history_")


def test_steps_of_one_batch_walk_as_a_fit_does(backend):
    """partial_fit on the same rows again and again is fit, epoch by epoch."""
    whole = classifier(backend, epochs=4).fit(X, Y)
    steps = classifier(backend, epochs=4)
    for _ in range(4):
        steps.partial_fit(X, Y)
    np.testing.assert_allclose(steps.predict_proba(X), whole.predict_proba(X), atol=1e-6)


def test_steps_go_on_after_a_pickle(backend):
    import pickle

    straight = classifier(backend)
    for _ in range(3):
        straight.partial_fit(X, Y)
    broken = classifier(backend).partial_fit(X, Y)
    for _ in range(2):
        broken = pickle.loads(pickle.dumps(broken)).partial_fit(X, Y)
    np.testing.assert_array_equal(straight.predict_proba(X), broken.predict_proba(X))


def test_steps_know_classes_that_come_later(backend):
    clf = classifier(backend).partial_fit(X[Y == 1], Y[Y == 1], classes=[0, 1])
    clf.partial_fit(X[Y == 0], Y[Y == 0])
    assert clf.predict_proba(X).shape == (len(X), 2)


def test_steps_of_a_regression_learn_the_scale(backend):
    rows, targets = load_diabetes(return_X_y=True)
    model = Regressor(MLP((16,)), backend=backend, training=Training(learning_rate=0.01))
    for _ in range(30):
        for part in (slice(0, 150), slice(150, 300), slice(300, None)):
            model.partial_fit(rows[part], targets[part])
    assert model.score(rows, targets) > 0.4


@pytest.mark.sklearn
def test_natives_that_learn_in_steps_use_the_loop():
    from sklearn.linear_model import SGDClassifier

    scaled = (X - X.mean(0)) / X.std(0)
    names = np.array(["malignant", "benign"])
    native = SGDClassifier(loss="log_loss", random_state=0)
    stopping = Training(epochs=100, early_stopping=EarlyStopping(patience=3, validation=0.2))
    clf = Classifier(native, training=stopping, random_state=0).fit(scaled, names[Y])
    assert clf.history_.n_epochs < 100
    assert clf.score(scaled, names[Y]) > 0.95
    assert native.__dict__.get("coef_") is None


@pytest.mark.never(["sklearn"], raises=Exception, reason="its MLP has no dropout")
def test_dropout_is_drawn_from_the_seed(backend):
    def fit(seed):
        model = MLP((16,), dropout=0.5)
        settings = Training(epochs=3)
        return Classifier(model, backend=backend, training=settings, random_state=seed).fit(X, Y)

    first = fit(0).predict_proba(X)
    np.testing.assert_array_equal(first, fit(0).predict_proba(X))
    assert np.abs(first - fit(1).predict_proba(X)).max() > 1e-4


def test_global_generators_are_as_they_were(backend):
    import random

    random.seed(1)
    np.random.seed(1)
    before = random.getstate(), np.random.get_state()[1].copy()
    Classifier(MLP((8,)), backend=backend, training=Training(epochs=2)).fit(X, Y)
    assert random.getstate() == before[0]
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])


def test_threads_with_one_seed_give_one_model(backend):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(3) as pool:
        fits = list(pool.map(lambda _: classifier(backend).fit(X, Y).predict_proba(X), range(3)))
    np.testing.assert_array_equal(fits[0], fits[1])
    np.testing.assert_array_equal(fits[0], fits[2])


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_an_exact_solution_has_the_precision_asked_for(backend, precision):
    asked = Training(precision=precision)
    clf = Classifier("linear", backend=backend, training=asked).fit(X, Y)
    exact = Classifier("linear", backend=backend).fit(X, Y).predict_proba(X)
    found = np.abs(clf.predict_proba(X) - exact).max()
    assert (found == 0) == (precision == "float64")

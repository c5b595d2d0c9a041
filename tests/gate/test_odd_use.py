"""What an impatient or hostile user does with an estimator, and what it does then."""

from __future__ import annotations

import copy
import pickle
import random
import threading

import numpy as np
import pytest
from gate.subjects import LABELS, NUMBERS, N, X, unchanged
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV

from unifml import Callback, Classifier, EarlyStopping, Native, Regressor, Training
from unifml.errors import CapabilityError, DataTypeError, ParameterError, UnknownNameError
from unifml.models import MLP, Linear


class Interrupt(Callback):
    def __init__(self, epoch, error=KeyboardInterrupt):
        self.epoch, self.error = epoch, error

    def on_epoch_end(self, run):
        if run.epoch >= self.epoch:
            raise self.error


def fresh(backend, kind=Classifier, **params):
    training = Training(epochs=3, batch_size=8)
    return kind(**{"backend": backend, "training": training, "random_state": 0} | params)


@pytest.fixture
def fitted(backend):
    return fresh(backend).fit(X, LABELS)


# A fit that does not end ------------------------------------------------------------------------


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_an_interrupted_fit_leaves_all_as_it_was(fitted, error):
    fitted.set_params(training__callbacks=(Interrupt(2, error),))
    with unchanged(fitted), pytest.raises(error):
        fitted.fit(X[:, :2], 1 - LABELS)


def test_an_interrupted_step_leaves_all_as_it_was(backend):
    stopped, whole = (fresh(backend).partial_fit(X, LABELS) for _ in range(2))
    stopped.set_params(training__callbacks=(Interrupt(1),))
    with unchanged(stopped), pytest.raises(KeyboardInterrupt):
        stopped.partial_fit(X, 1 - LABELS)
    stopped.set_params(training__callbacks=()).partial_fit(X, LABELS)
    whole.partial_fit(X, LABELS)
    np.testing.assert_array_equal(stopped.predict_proba(X), whole.predict_proba(X))


def test_an_interrupted_first_fit_leaves_an_unfitted_estimator(backend):
    estimator = fresh(backend, training=Training(callbacks=(Interrupt(1),)))
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X, LABELS)
    assert set(estimator.__dict__) == set(estimator.get_params(deep=False))


# Callbacks --------------------------------------------------------------------------------------


def test_a_callback_cannot_change_the_run(backend):
    class Vandal(Callback):
        def on_epoch_end(self, run):
            run.logs.clear()
            run.epoch = 99

    stopping = EarlyStopping(patience=2)
    estimator = fresh(backend, training=Training(epochs=3, early_stopping=stopping))
    expected = estimator.fit(X, LABELS).history_["val_loss"]
    estimator.set_params(training__callbacks=[Vandal()]).fit(X, LABELS)
    np.testing.assert_array_equal(estimator.history_["val_loss"], expected)


def test_a_callback_may_use_estimators_meanwhile(fitted, backend):
    expected, seen = fitted.predict_proba(X), []

    class Busy(Callback):
        def on_epoch_end(self, run):
            seen.append(fitted.predict_proba(X))
            fresh(backend, random_state=run.epoch).fit(X, 1 - LABELS)

    fitted.set_params(training__callbacks=[Busy()]).fit(X, LABELS)
    assert len(seen) == 3
    for predictions in (*seen, fitted.predict_proba(X)):
        np.testing.assert_array_equal(predictions, expected)


def test_an_object_with_half_of_the_methods_is_no_callback(backend):
    class Half:
        def on_epoch_end(self, run):
            return True

    with pytest.raises(DataTypeError, match=r"derive it from unifml\.Callback"):
        fresh(backend, training=Training(callbacks=(Half(),))).fit(X, LABELS)


# Parameters changed after a fit -----------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"backend": "nonsense"},
        {"model": "random_forest"},
        {"model": LogisticRegression()},
        {"model__hidden": (3,)},
        {"training": "nonsense"},
        {"random_state": 8},
        {"class_weight": {0: -1}},
    ],
    ids=str,
)
def test_predictions_do_not_depend_on_parameters_changed_later(fitted, backend, change):
    proba, labels = fitted.predict_proba(X), fitted.predict(X)
    fitted.set_params(**change)
    np.testing.assert_array_equal(fitted.predict_proba(X), proba)
    np.testing.assert_array_equal(fitted.predict(X), labels)
    assert fitted.backend_ == backend
    assert repr(fitted)


def test_predictions_do_not_depend_on_a_backend_changed_later(fitted, backend):
    proba = fitted.predict_proba(X)
    for other in ("sklearn", "keras", "torch", None):
        fitted.set_params(backend=other)
        np.testing.assert_array_equal(fitted.predict_proba(X), proba)
        assert fitted.backend_ == backend
        assert pickle.loads(pickle.dumps(fitted)).backend_ == backend


@pytest.mark.parametrize(
    ("kind", "native", "y"),
    [(Classifier, LogisticRegression(), LABELS), (Regressor, Ridge(), NUMBERS)],
    ids=["classes", "numbers"],
)
def test_a_fit_begins_anew_with_the_model_that_is_set(backend, kind, native, y):
    ours = fresh(backend, kind).fit(X, y).predict(X)
    estimator = kind(native).fit(X, y)
    theirs = estimator.predict(X)
    np.testing.assert_array_equal(theirs, clone(native).fit(X, y).predict(X))
    estimator.set_params(**fresh(backend, kind).get_params(deep=False)).fit(X, y)
    np.testing.assert_array_equal(estimator.predict(X), ours)
    assert estimator.backend_ == backend
    estimator.set_params(model=native, backend=None, training=None).fit(X, y)
    np.testing.assert_array_equal(estimator.predict(X), theirs)
    assert type(estimator.model_) is type(native)


@pytest.mark.parametrize(
    "change",
    [
        {"model__hidden": (3,)},
        {"model": LogisticRegression(), "backend": None},
        {"model": "linear"},
        {"training__optimizer": "sgd"},
    ],
    ids=str,
)
def test_steps_do_not_go_on_with_another_model(backend, change):
    estimator = fresh(backend).partial_fit(X, LABELS).set_params(**change)
    with unchanged(estimator), pytest.raises((ParameterError, CapabilityError, AttributeError)):
        estimator.partial_fit(X, LABELS)


@pytest.mark.cross
def test_steps_do_not_go_on_with_another_backend():
    estimator = fresh("torch").partial_fit(X, LABELS).set_params(backend="sklearn")
    phrase = "backend was changed after the first partial_fit"
    with unchanged(estimator), pytest.raises(ParameterError, match=phrase):
        estimator.partial_fit(X, LABELS)


def test_steps_follow_the_training_that_is_set(backend):
    slow, fast = (fresh(backend).partial_fit(X, LABELS) for _ in range(2))
    before = slow.predict_proba(X)
    slow.set_params(training__learning_rate=1e-12).partial_fit(X, LABELS)
    fast.set_params(training__learning_rate=1e-1).partial_fit(X, LABELS)
    assert np.abs(slow.predict_proba(X) - before).max() < 1e-6
    assert np.abs(fast.predict_proba(X) - before).max() > 1e-2


def test_steps_of_more_rows_than_the_first_take_larger_batches(backend):
    estimator = fresh(backend, training=Training(epochs=1))
    estimator.partial_fit(X[:2], [0, 1]).partial_fit(X, LABELS)
    other = fresh(backend, training=Training(epochs=1, batch_size=N))
    other.partial_fit(X[:2], [0, 1]).partial_fit(X, LABELS)
    np.testing.assert_array_equal(estimator.predict_proba(X), other.predict_proba(X))


def test_a_fit_of_another_width(fitted):
    fitted.fit(X[:, :2], np.array(["a", "b", "c"])[np.arange(N) % 3])
    assert fitted.n_features_in_ == 2
    assert fitted.predict_proba(X[:, :2]).shape == (N, 3)
    with pytest.raises(ValueError, match="X has 3 features, but Classifier is expecting 2"):
        fitted.predict(X)


# Names ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["mlp", MLP, MLP(), "nope", 3, None, Native(LogisticRegression)])
def test_parameters_can_be_read_of_anything(model):
    estimator = Classifier(model)
    assert estimator.get_params(deep=False)["model"] is model
    assert {"training__epochs", "training__learning_rate"} <= set(estimator.get_params())
    assert repr(estimator).startswith("Classifier(model=")


def test_a_model_and_its_parameters_can_be_set_at_once():
    estimator = Classifier("linear").set_params(model="mlp", model__hidden=[3])
    assert estimator.model == MLP((3,))
    estimator.set_params(model__hidden=(4,), model=MLP((9,), activation="tanh"))
    assert estimator.model == MLP((4,), activation="tanh")
    estimator.set_params(
        training__early_stopping=EarlyStopping(), training__early_stopping__patience=3
    )
    assert estimator.training == Training(early_stopping=EarlyStopping(patience=3))


def test_settings_that_fail_set_nothing():
    estimator = Classifier("mlp", random_state=3)
    with pytest.raises(UnknownNameError):
        estimator.set_params(random_state=4, model="linear", model__hidden=(3,))
    assert estimator.get_params(deep=False) == Classifier("mlp", random_state=3).get_params(False)


def test_a_repr_is_in_the_order_of_the_signature(backend):
    estimator = Classifier(MLP((4,)), random_state=0, backend=backend, training=Training(epochs=2))
    text = "Classifier(model=MLP(hidden=(4,)), training=Training(epochs=2), "
    assert repr(estimator) == f"{text}backend={backend!r}, random_state=0)"
    assert eval(repr(estimator), globals()).get_params() == estimator.get_params()


def test_the_html_form_shows_before_and_after_a_fit(fitted):
    for estimator in (clone(fitted), fitted):
        assert "Classifier" in estimator._repr_html_()


def test_a_subclass_with_an_init_of_its_own(backend):
    class Wide(Classifier):
        def __init__(self, width, backend=None):
            super().__init__(MLP((width,)), backend=backend, training=Training(epochs=1))
            self.width = width

    estimator = Wide(5, backend=backend)
    assert repr(estimator) == f"Wide(width=5, backend={backend!r})"
    assert clone(estimator).fit(X, LABELS).predict(X).shape == (N,)


@pytest.mark.parametrize("model", [MLP, MLP(hidden=[8]), MLP(hidden=(8,))], ids=str)
def test_models_as_class_and_with_lists(backend, model):
    estimator = fresh(backend, model=model).fit(X, LABELS)
    assert estimator.get_params()["model__hidden"] in {(100,), (8,)}
    np.testing.assert_array_equal(
        clone(estimator).fit(X, LABELS).predict_proba(X), estimator.predict_proba(X)
    )


def test_a_list_given_is_not_the_list_kept():
    hidden = [8]
    model = MLP(hidden=hidden)
    hidden.append(9)
    assert model.hidden == (8,)
    assert hash(model) == hash(MLP((8,)))


def test_estimators_share_nothing_that_changes():
    training = Training(epochs=2)
    one, other = Classifier(training=training), Classifier(training=training)
    one.set_params(training__epochs=5, model__hidden=(3,))
    assert (training.epochs, other.training.epochs, other.model) == (2, 2, "mlp")


def test_a_grid_over_everything(backend):
    grid = {
        "model__hidden": [[8], (4, 4)],
        "training__learning_rate": np.logspace(-3, -2, 2),
        "training__epochs": np.array([1, 2]),
    }
    search = GridSearchCV(fresh(backend), grid, cv=2, error_score="raise").fit(X, LABELS)
    assert len(search.cv_results_["params"]) == 8
    assert search.best_estimator_.history_.n_epochs == search.best_params_["training__epochs"]


# Copies -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "twin",
    [copy.copy, copy.deepcopy, lambda estimator: pickle.loads(pickle.dumps(estimator))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_copies_predict_the_same_and_live_alone(fitted, twin):
    expected = fitted.predict_proba(X)
    other = twin(fitted)
    np.testing.assert_array_equal(other.predict_proba(X), expected)
    other.partial_fit(X, LABELS)
    other.fit(X, 1 - LABELS)
    assert np.abs(other.predict_proba(X) - expected).max() > 1e-6
    np.testing.assert_array_equal(fitted.predict_proba(X), expected)


def test_a_clone_is_not_fitted(fitted):
    twin = clone(fitted)
    assert twin.__dict__ == fresh(fitted.backend).__dict__
    assert not hasattr(twin, "model_")
    np.testing.assert_array_equal(twin.fit(X, LABELS).predict_proba(X), fitted.predict_proba(X))


def test_an_unfitted_estimator_can_be_pickled(backend):
    twin = pickle.loads(pickle.dumps(fresh(backend)))
    assert twin.get_params() == fresh(backend).get_params()


def test_what_was_passed_and_what_was_returned_is_the_users(backend):
    rows, labels, weight = X.copy(), LABELS.copy(), np.ones(N)
    classes = np.array([0, 1])
    estimator = fresh(backend, class_weight="balanced").fit(rows, labels, weight)
    stepped = fresh(backend).partial_fit(rows, labels, classes=classes)
    expected = estimator.predict_proba(X)
    for array, original in ((rows, X), (labels, LABELS), (weight, np.ones(N)), (classes, [0, 1])):
        np.testing.assert_array_equal(array, original)
        array[...] = 7
    estimator.predict_proba(X)[...] = 7
    np.testing.assert_array_equal(estimator.predict_proba(X), expected)
    np.testing.assert_array_equal(stepped.classes_, [0, 1])


def zeroed(model):
    """Set every weight of a native model to zero, whatever its framework."""
    if hasattr(model, "state_dict"):
        for tensor in model.state_dict().values():
            tensor.zero_()
    elif hasattr(model, "set_weights"):
        model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    else:
        for weight in (*model[-1].coefs_, *model[-1].intercepts_):
            weight[...] = 0


def test_changing_the_native_model_changes_no_prediction(fitted):
    expected = fitted.predict_proba(X)
    zeroed(fitted.model_)
    for estimator in (fitted, copy.deepcopy(fitted), pickle.loads(pickle.dumps(fitted))):
        np.testing.assert_array_equal(estimator.predict_proba(X), expected)
    with pytest.raises(AttributeError):
        fitted.model_ = 3


# Chance and threads -----------------------------------------------------------------------------


def at_once(tasks):
    results = {}
    threads = [
        threading.Thread(target=lambda i=i, task=task: results.__setitem__(i, task()))
        for i, task in enumerate(tasks)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == len(tasks)
    return results.values()


def test_threads_with_one_seed_fit_one_model(backend):
    expected = fresh(backend).fit(X, LABELS).predict_proba(X)
    tasks = [lambda: fresh(backend).fit(X, LABELS).predict_proba(X)] * 4
    for predictions in at_once(tasks):
        np.testing.assert_array_equal(predictions, expected)


@pytest.mark.torch
def test_threads_with_one_seed_fit_one_model_with_dropout():
    def build(n_features, n_outputs):
        from torch import nn

        return nn.Sequential(nn.Linear(n_features, 16), nn.Dropout(0.5), nn.Linear(16, n_outputs))

    for model in (MLP((16,), dropout=0.5), build):
        expected = fresh("torch", model=model).fit(X, LABELS).predict_proba(X)
        tasks = [lambda m=model: fresh("torch", model=m).fit(X, LABELS).predict_proba(X)] * 4
        for predictions in at_once(tasks):
            np.testing.assert_array_equal(predictions, expected)


def test_threads_may_predict_with_one_estimator(fitted):
    expected = copy.deepcopy(fitted).predict_proba(X)
    for predictions in at_once([lambda: [fitted.predict_proba(X) for _ in range(10)]] * 4):
        for each in predictions:
            np.testing.assert_array_equal(each, expected)


def test_a_drawn_seed_is_kept(backend):
    estimator = fresh(backend, random_state=None).fit(X, LABELS)
    again = fresh(backend, random_state=estimator.seed_).fit(X, LABELS)
    np.testing.assert_array_equal(again.predict_proba(X), estimator.predict_proba(X))
    assert estimator.random_state is None
    assert fresh(backend, random_state=None).fit(X, LABELS).seed_ != estimator.seed_


def test_a_generator_goes_on_from_fit_to_fit(backend):
    for make in (np.random.RandomState, np.random.default_rng):
        estimator = fresh(backend, random_state=make(0))
        first = estimator.fit(X, LABELS).predict_proba(X)
        assert np.abs(estimator.fit(X, LABELS).predict_proba(X) - first).max() > 1e-9
        again = fresh(backend, random_state=make(0)).fit(X, LABELS).predict_proba(X)
        np.testing.assert_array_equal(again, first)


def test_global_generators_are_left_alone(backend):
    np.random.seed(1)
    random.seed(1)
    before = (np.random.get_state()[1].copy(), random.getstate())
    fresh(backend).fit(X, LABELS).predict(X)
    np.testing.assert_array_equal(np.random.get_state()[1], before[0])
    assert random.getstate() == before[1]


def test_a_linear_model_has_no_steps(backend):
    assert not hasattr(Classifier(Linear(), backend=backend), "partial_fit")

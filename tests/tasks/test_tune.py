"""`tune`: spaces, totals, failures, and the search as an estimator."""

from __future__ import annotations

import json
import pickle
import warnings

import numpy as np
import optuna
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone, is_classifier
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import unifml
from unifml import Categorical, Classifier, Float, Int, Training
from unifml.errors import (
    CapabilityError,
    DataError,
    DataTypeError,
    ParameterError,
    UnknownNameError,
)
from unifml.models import MLP
from unifml.tasks.space import as_dimension, bind, default_space

X, Y = (part[:150] for part in load_breast_cancer(return_X_y=True))
TREE = DecisionTreeClassifier(random_state=0)
DEPTHS = {"max_depth": range(1, 6)}


def quick(model, **given):
    options = {"n_trials": 4, "cv": 2, "random_state": 0, "verbose": 0}
    return unifml.tune(model, X, Y, **(options | given))


class Shaky(ClassifierMixin, BaseEstimator):
    """Fails, is interrupted or answers well, as told."""

    def __init__(self, mode="well"):
        self.mode = mode

    def fit(self, X, y):
        if self.mode == "interrupt":
            raise KeyboardInterrupt
        if self.mode == "fail":
            raise RuntimeError("no luck")
        self.classes_, self.n_features_in_ = np.unique(y), X.shape[1]
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[-1])


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ([1, 2], Categorical((1, 2))),
        ((1, 2), Categorical((1, 2))),
        (np.array([0.5, 1.0]), Categorical((0.5, 1.0))),
        ([[32], [64, 64]], Categorical(((32,), (64, 64)))),
        (range(2, 9, 3), Int(2, 8, step=3)),
        (Float(0.1, 1), Float(0.1, 1)),
        (optuna.distributions.FloatDistribution(0.1, 1, log=True), Float(0.1, 1, log=True)),
        (optuna.distributions.IntDistribution(1, 9, step=2), Int(1, 9, step=2)),
        (optuna.distributions.CategoricalDistribution(("a", None)), Categorical(("a", None))),
        ("relu", Categorical(("relu",))),
        (20, Categorical((20,))),
    ],
)
def test_what_a_user_writes_is_understood(written, meant):
    assert as_dimension("name", written) == meant


@pytest.mark.parametrize(
    ("space", "error"),
    [
        ({"max_dept": [1]}, UnknownNameError),
        ({}, ParameterError),
        ({"max_depth": range(0)}, ParameterError),
        ({"max_depth": Float(0.1, 1, log=True, step=0.1)}, ParameterError),
        ([1, 2], DataTypeError),
    ],
)
def test_a_space_that_cannot_be_is_refused_before_the_first_trial(space, error):
    with pytest.raises(error):
        quick(TREE, space=space)


def test_the_models_own_space_is_cut_by_what_the_backend_can():
    full = default_space(Classifier("mlp", backend="torch"))
    cut = default_space(Classifier("mlp", backend="sklearn"))
    assert "dropout" in full
    assert set(full) - set(cut) == {"dropout"}
    inside = default_space(make_pipeline(StandardScaler(), Classifier("mlp", backend="sklearn")))
    assert "classifier__model__hidden" in inside


def test_a_model_without_a_space_asks_for_one():
    with pytest.raises(CapabilityError, match="give one"):
        quick(TREE)
    with pytest.raises(CapabilityError, match="give one"):
        quick(Classifier(TREE))


def test_the_best_is_what_cross_validation_says():
    search = quick(TREE, space=DEPTHS, n_trials=8)
    folds = StratifiedKFold(2, shuffle=True, random_state=0)
    for trial in search.study.trials:
        if trial.state.name == "COMPLETE":
            tree = clone(TREE).set_params(**trial.params)
            assert trial.value == pytest.approx(cross_val_score(tree, X, Y, cv=folds).mean())
    assert search.best_score_ == max(t.value for t in search.study.trials if t.value is not None)
    alone = clone(TREE).set_params(**search.best_params_).fit(X, Y)
    np.testing.assert_array_equal(search.predict(X), alone.predict(X))


def test_a_metric_is_optimised_in_its_better_direction():
    space = {"C": Float(1e-6, 1, log=True)}
    model = make_pipeline(StandardScaler(), LogisticRegression())
    search = quick(model, space=space, metric="log_loss", n_trials=6)
    assert search.best_score_ == min(t.value for t in search.study.trials if t.value is not None)


def test_a_function_that_does_not_say_what_is_better_is_refused():
    with pytest.raises(ParameterError, match="greater_is_better"):
        quick(TREE, space=DEPTHS, metric=lambda y_true, y_pred: 0.0)


def test_short_names_become_the_parameters_of_the_best(backend):
    clf = Classifier("mlp", backend=backend, training=Training(epochs=2), random_state=0)
    space = {"hidden": [(4,), (4, 4)], "learning_rate": Float(1e-3, 1e-1, log=True)}
    search = quick(clf, space=space, n_trials=2)
    assert set(search.best_params_) == {"model__hidden", "training__learning_rate"}
    assert search.best_params_["model__hidden"] in [(4,), (4, 4)]
    assert search.best_estimator_.model.hidden == search.best_params_["model__hidden"]
    assert clf.model == "mlp"


def test_the_default_space_runs_on_every_backend(backend):
    clf = Classifier(MLP(), backend=backend, training=Training(epochs=1), random_state=0)
    search = quick(clf, n_trials=3, cv=0.5)
    assert [t.state.name for t in search.study.trials] == ["COMPLETE"] * 3


@pytest.mark.sklearn
def test_the_backend_may_be_searched_and_what_it_cannot_do_is_a_failed_trial():
    clf = Classifier("mlp", training=Training(epochs=1), random_state=0)
    space = {"backend": ["sklearn"], "dropout": [0.0, 0.5]}
    search = quick(clf, space=space, n_trials=8)
    assert search.best_params_ == {"backend": "sklearn", "model__dropout": 0.0}
    failed = [t for t in search.study.trials if t.state.name == "FAIL"]
    assert failed
    assert all("CapabilityError" in t.user_attrs["error"] for t in failed)


def test_choices_that_no_storage_holds_come_back_as_they_are(tmp_path):
    choices = [(1, 2), None, Training(epochs=3), 1, True, 1.0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        study = optuna.create_study(storage=f"sqlite:///{tmp_path}/s.db")
        for _ in range(6):
            trial = study.ask()
            found = bind({"max_depth": choices}, TREE).propose(trial)["max_depth"]
            assert any(type(found) is type(c) and found == c for c in choices)


def test_a_function_of_the_trial_is_a_space():
    search = quick(TREE, space=lambda trial: {"max_depth": 2 * trial.suggest_int("half", 1, 3)})
    assert search.best_params_["max_depth"] in {2, 4, 6}
    with pytest.raises(UnknownNameError, match="max_depth"):
        quick(TREE, space=lambda trial: {"max_dept": 2})


def test_a_failing_trial_is_recorded_and_the_search_goes_on():
    search = quick(Shaky(), space={"mode": ["fail", "well"]}, n_trials=8)
    frame = search.trials
    assert search.best_params_ == {"mode": "well"}
    assert len(frame) == 8
    assert set(frame.loc[frame["state"] == "fail", "error"]) == {"RuntimeError: no luck"}


def test_a_search_in_which_all_fails_says_why():
    with pytest.raises(DataError, match="no luck"):
        quick(Shaky("fail"), space={"mode": ["fail"]})


def test_ctrl_c_returns_the_best_so_far():
    modes = iter(["well", "well", "interrupt"])
    space = {"mode": ["well", "interrupt"]}

    class Planned(optuna.samplers.RandomSampler):
        def sample_independent(self, *args, **kwargs):
            return next(modes)

    search = quick(Shaky(), space=space, sampler=Planned(), n_trials=9)
    assert search.interrupted_
    assert search.best_params_ == {"mode": "well"}
    modes = iter(["interrupt"])
    with pytest.raises(KeyboardInterrupt):
        quick(Shaky(), space=space, sampler=Planned())


def test_n_trials_is_the_total_of_a_stored_study(tmp_path):
    stored = {"storage": f"sqlite:///{tmp_path}/study.db", "study_name": "trees"}
    first = quick(TREE, space=DEPTHS, n_trials=3, **stored)
    drawn = [trial.params for trial in first.study.trials]
    assert len(drawn) == 3
    again = quick(TREE, space=DEPTHS, n_trials=5, **stored)
    assert len(again.study.trials) == 5
    assert [t.params for t in again.study.trials[:3]] == drawn
    done = quick(TREE, space=DEPTHS, n_trials=5, **stored)
    assert len(done.study.trials) == 5
    assert done.best_params_ == again.best_params_
    with pytest.raises(ParameterError, match="the stored study does maximize"):
        quick(TREE, space=DEPTHS, metric="log_loss", **stored)


def test_a_resumed_study_does_not_repeat_its_draws(tmp_path):
    stored = {"storage": f"sqlite:///{tmp_path}/study.db", "study_name": "s"}
    space = {"min_impurity_decrease": Float(0.0, 0.1)}
    quick(TREE, space=space, n_trials=3, **stored)
    study = quick(TREE, space=space, n_trials=6, **stored).study
    assert len({t.params["min_impurity_decrease"] for t in study.trials}) == 6


def test_the_seed_decides_the_search_and_processes_do_not():
    def values(**given):
        return [t.value for t in quick(TREE, space=DEPTHS, n_trials=6, **given).study.trials]

    assert values() == values()
    assert values() == values(n_jobs=2)


def test_hopeless_trials_are_pruned():
    class Always(optuna.pruners.BasePruner):
        def prune(self, study, trial):
            return trial.number > 0

    search = quick(TREE, space=DEPTHS, n_trials=3, cv=3, pruner=Always())
    assert [t.state.name for t in search.study.trials] == ["COMPLETE", "PRUNED", "PRUNED"]
    assert [len(t.intermediate_values) for t in search.study.trials] == [3, 1, 1]


def test_the_default_pruner_fires():
    # One good depth first, then poor ones: their running mean stays below the median.
    depths = iter([4] * 6 + [1] * 3)

    class Planned(optuna.samplers.RandomSampler):
        def sample_independent(self, *args, **kwargs):
            return next(depths)

    model = DecisionTreeClassifier(random_state=0, max_leaf_nodes=30)
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (400, 4))
    search = unifml.tune(
        model, bits, bits.sum(axis=1) % 2, space=DEPTHS, sampler=Planned(), n_trials=9, cv=5,
        random_state=0, verbose=0,
    )  # fmt: skip
    assert [t.state.name for t in search.study.trials] == ["COMPLETE"] * 6 + ["PRUNED"] * 3


def test_optunas_log_is_quiet_and_left_as_it_was(capfd):
    before = optuna.logging.get_verbosity()
    quick(Shaky(), space={"mode": ["fail", "well"]}, n_trials=6)
    assert optuna.logging.get_verbosity() == before
    assert capfd.readouterr() == ("", "")


def test_the_search_is_an_estimator():
    search = quick(TREE, space=DEPTHS)
    assert is_classifier(search)
    assert isinstance(search, unifml.Estimator)
    assert search.predict_proba(X).shape == (150, 2)
    assert list(search.classes_) == [0, 1]
    assert search.score(X, Y) == search.best_estimator_.score(X, Y)
    assert not hasattr(quick(Shaky(), space={"mode": ["well"]}), "predict_proba")
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(search)).predict(X), search.predict(X))


def test_evaluating_a_search_searches_inside_every_fold():
    search = quick(TREE, space=DEPTHS, n_trials=2)
    report = unifml.evaluate(search, X, Y, cv=3, random_state=0, verbose=0)
    assert len({id(inner.study) for inner in report.estimators}) == 3
    assert all(len(inner.study.trials) == 2 for inner in report.estimators)


def test_the_result_shows_itself():
    search = quick(TREE, space=DEPTHS)
    assert "best accuracy" in str(search)
    assert "max_depth" in search._repr_html_()
    assert json.loads(search.to_json())["best_params"] == search.best_params_
    assert list(search.to_frame().columns[:3]) == ["trial", "accuracy", "state"]
    assert search.plot().axes
    assert "max_depth" in str(clone(search)) or clone(search)._repr_html_()


def test_failed_trials_are_told_of():
    X, y = load_breast_cancer(return_X_y=True)
    model = unifml.Classifier("mlp", backend="sklearn", training=unifml.Training(epochs=2))
    with pytest.warns(RuntimeWarning, match=r"trials failed, the first with .*dropout"):
        search = unifml.tune(
            model, X, y, space={"dropout": [0.0, 0.5]}, n_trials=6, cv=2, random_state=0
        )
    assert search.best_params_ == {"model__dropout": 0.0}

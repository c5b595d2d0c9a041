"""Estimators of the user on scikit-learn: built, seeded, weighted, and led through epochs."""

from __future__ import annotations

import random

import numpy as np
import pytest
import sklearn
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Perceptron,
    Ridge,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from unifml import Classifier
from unifml.adapters.sklearn import adapter
from unifml.core.plan import Plan, Translation
from unifml.core.seeds import Seeds
from unifml.core.signature import Signature
from unifml.core.table import BatchOrder, Table
from unifml.core.task import Task
from unifml.errors import CapabilityError, ParameterError
from unifml.models import Native, RandomForest
from unifml.training import Training

pytestmark = pytest.mark.sklearn

N = 90
CLASSES, NUMBER = Task("classification", 1, 3), Task("regression", 1)
LABELS = np.array(["a", "b", "c"])
rng = np.random.default_rng(0)
X = rng.normal(size=(N, 4)) + np.eye(4)[np.arange(N) % 3]
Y = LABELS[np.arange(N) % 3]
WEIGHT = rng.uniform(0.1, 3, N)
ORDER = BatchOrder(rng.permutation(N).astype(np.int64), np.array([0, 40, 80, N]))


def make_plan(model, task=CLASSES, **changes):
    signature = Signature((4,), max(task.n_classes, 1), task.n_classes, "float64")
    settings = Training().resolve({}, task, N)
    output = "probabilities" if task.kind == "classification" else "values"
    plan = {"procedure": "native", "output": output, "classes": LABELS if task == CLASSES else None}
    return Plan(model, task, signature, settings, Seeds(3), **(plan | changes))


def fit(model, task=CLASSES, weight=None, y=Y):
    plan = make_plan(model, task)
    program = adapter.program(adapter.build(plan), plan, Table(X, y, weight))
    program.fit()
    return program.result()


def stepper(model, task=CLASSES, weight=None, rows=X, y=Y):
    plan = make_plan(model, task, procedure="epochs")
    return adapter.program(adapter.build(plan), plan, Table(rows, y, weight))


class Tosser(ClassifierMixin, BaseEstimator):
    """Draws from the global generators, and has no random state to set."""

    def fit(self, X, y):
        self.drawn_ = (float(np.random.random()), random.random())
        self.classes_ = np.unique(y)
        return self


# Building ----------------------------------------------------------------------------------------


def test_an_instance_is_cloned():
    forest = RandomForestClassifier(n_estimators=3)
    built = adapter.build(make_plan(forest))
    assert built is not forest
    assert forest.random_state is None
    assert built.n_estimators == 3


def test_random_states_are_set_only_where_there_is_none():
    model = make_pipeline(
        CalibratedClassifierCV(RandomForestClassifier(random_state=5)), memory=None
    )
    voting = VotingClassifier([("forest", RandomForestClassifier()), ("line", SGDClassifier())])
    assert (
        adapter.build(make_plan(model)).get_params()[
            "calibratedclassifiercv__estimator__random_state"
        ]
        == 5
    )
    params = adapter.build(make_plan(voting)).get_params()
    drawn = {params["forest__random_state"], params["line__random_state"]}
    assert None not in drawn
    assert len(drawn) == 2
    assert params == params | {
        k: v
        for k, v in adapter.build(make_plan(voting)).get_params().items()
        if k.endswith("random_state")
    }


def test_classes_and_functions_are_called():
    def build(n_features, n_classes, depth=2):
        return RandomForestClassifier(max_features=n_features, max_depth=n_classes + depth)

    built = adapter.build(make_plan(build))
    assert (built.max_features, built.max_depth) == (4, 5)
    assert built.random_state is not None
    assert adapter.build(make_plan(Native(build, depth=9))).max_depth == 12
    assert isinstance(adapter.build(make_plan(GaussianNB)), GaussianNB)
    with pytest.raises(ParameterError, match="estimators"):
        adapter.build(make_plan(VotingClassifier))


def test_parameters_of_a_wrapped_instance_are_set_on_the_clone():
    tree = DecisionTreeClassifier()
    assert adapter.build(make_plan(Native(tree, max_depth=2))).max_depth == 2
    assert tree.max_depth is None


def test_a_translation_is_constructed_by_its_words():
    task = Task("classification", 1, 3)
    translation = RandomForest(n_estimators=7).translation("sklearn", task, {"seed": 11})
    plan = make_plan(RandomForest(), translation=translation)
    program = adapter.program(adapter.build(plan), plan, Table(X, Y))
    program.fit()
    bare = RandomForestClassifier(n_estimators=7, random_state=11).fit(X, Y)
    np.testing.assert_array_equal(program.result().predict_proba(X), bare.predict_proba(X))
    names: dict[str, object] = {"X": X, "y": Y}
    exec(adapter.translate(plan), names)
    np.testing.assert_array_equal(names["model"].predict_proba(X), bare.predict_proba(X))


def test_a_translation_to_a_class_that_is_missing_says_so():
    plan = make_plan(None, translation=Translation("sklearn.no_such_module.Thing"))
    with pytest.raises(ImportError, match="no_such_module"):
        adapter.build(plan)


# Fitting -----------------------------------------------------------------------------------------


def test_rows_go_in_untouched():
    table = Table(X, Y)
    seen = {}

    class Spy(Tosser):
        def fit(self, X, y):
            seen.update(X=X, y=y)
            return self

    plan = make_plan(Spy())
    adapter.program(adapter.build(plan), plan, table).fit()
    assert seen["X"] is table.X
    assert seen["y"] is table.y


@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeClassifier(),
        make_pipeline(StandardScaler(), DecisionTreeClassifier()),
        make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), DecisionTreeClassifier())),
        GridSearchCV(DecisionTreeClassifier(), {"max_depth": [2]}, cv=2),
    ],
    ids=["estimator", "pipeline", "pipeline in a pipeline", "search"],
)
def test_weights_of_rows_reach_the_estimator(model):
    weight = np.where(Y == "b", 0.0, 1.0)
    assert "b" not in set(fit(model, weight=weight).predict(X))
    assert "b" in set(fit(model).predict(X))


@pytest.mark.parametrize(
    "model", [KNeighborsClassifier(), make_pipeline(StandardScaler(), KNeighborsClassifier())]
)
def test_weights_that_nobody_takes_are_refused_by_name(model):
    with pytest.raises(CapabilityError, match=r"KNeighborsClassifier.*takes no sample_weight"):
        fit(model, weight=WEIGHT)
    fit(model)


def test_metadata_routing_rules_where_it_is_on():
    with sklearn.config_context(enable_metadata_routing=True):
        tree = DecisionTreeClassifier().set_fit_request(sample_weight=True)
        weight = np.where(Y == "b", 0.0, 1.0)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        assert "b" not in set(fit(make_pipeline(scaler, tree), weight=weight).predict(X))


def test_an_estimator_that_draws_from_the_globals_repeats_and_leaves_no_trace():
    before = np.random.get_state()[1].tobytes(), random.getstate()
    first, second = fit(Tosser()), fit(Tosser())
    assert first.drawn_ == second.drawn_
    assert (np.random.get_state()[1].tobytes(), random.getstate()) == before


# Learning in steps -------------------------------------------------------------------------------


def test_an_epoch_is_a_partial_fit_on_the_rows_in_order():
    program = stepper(SGDClassifier(loss="log_loss", random_state=0), weight=WEIGHT)
    losses = program.run_epoch(ORDER, np.zeros(3), 0)
    bare = SGDClassifier(loss="log_loss", random_state=0, shuffle=False)
    bare.partial_fit(X[ORDER.rows], Y[ORDER.rows], LABELS, WEIGHT[ORDER.rows])
    np.testing.assert_array_equal(program.result().coef_, bare.coef_)
    wanted = log_loss(Y, bare.predict_proba(X), sample_weight=WEIGHT)
    np.testing.assert_allclose(losses, np.full(3, wanted))
    np.testing.assert_array_equal(program.forward(X), bare.predict_proba(X))
    assert program.result().shuffle is True


@pytest.mark.parametrize("kind", ["sparse", "frame"])
def test_frames_and_sparse_rows_are_taken_as_they_are(kind):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    rows, picked = {
        "sparse": (csr_matrix(X), csr_matrix(X)[ORDER.rows]),
        "frame": (frame, frame.iloc[ORDER.rows]),
    }[kind]
    program = stepper(SGDClassifier(random_state=0), rows=rows)
    program.run_epoch(ORDER, np.zeros(3), 0)
    bare = SGDClassifier(random_state=0, shuffle=False).partial_fit(picked, Y[ORDER.rows], LABELS)
    np.testing.assert_array_equal(program.result().coef_, bare.coef_)
    names = getattr(program.result(), "feature_names_in_", None)
    assert names is None if kind == "sparse" else list(names) == list("abcd")


def test_a_batch_without_a_class_is_no_obstacle():
    program = stepper(SGDClassifier(loss="log_loss"), rows=X[Y != "c"], y=Y[Y != "c"])
    rows = np.arange(len(X[Y != "c"]))
    program.run_epoch(BatchOrder(rows, np.array([0, len(rows)])), np.zeros(1), 0)
    assert list(program.result().classes_) == list(LABELS)


@pytest.mark.parametrize(
    ("model", "task", "y", "loss"),
    [
        (MLPClassifier(random_state=0), CLASSES, Y, lambda m: m.loss_),
        (Perceptron(), CLASSES, Y, lambda m: np.mean(m.predict(X) != Y)),
        (SGDRegressor(), NUMBER, X[:, 0], lambda m: np.mean((m.predict(X) - X[:, 0]) ** 2) / 2),
    ],
    ids=["its own", "share of wrong labels", "half the squared error"],
)
def test_the_loss_of_an_epoch_is_the_best_there_is(model, task, y, loss):
    program = stepper(model, task, y=y)
    losses = program.run_epoch(ORDER, np.zeros(3), 0)
    np.testing.assert_allclose(losses, np.full(3, loss(program.result())))


def test_a_state_is_the_whole_estimator():
    program = stepper(MLPClassifier(random_state=0))
    program.run_epoch(ORDER, np.zeros(3), 0)
    kept = program.state()
    assert kept["pickle"].dtype == np.uint8
    program.run_epoch(ORDER, np.zeros(3), 1)
    later = program.forward(X)
    program.restore(kept)
    assert not np.array_equal(program.forward(X), later)
    program.run_epoch(ORDER, np.zeros(3), 1)
    np.testing.assert_array_equal(program.forward(X), later)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_several_labels_are_columns_of_probabilities():
    y = np.stack([Y == "a", Y == "b"], axis=1).astype(int)
    labels = Task("classification", 2, 2)
    for model in (RandomForestClassifier(n_estimators=5), MLPClassifier(max_iter=5)):
        plan = make_plan(model, labels)
        program = adapter.program(adapter.build(plan), plan, Table(X, y))
        program.fit()
        shares = program.forward(X)
        assert shares.shape == (N, 2)
        np.testing.assert_array_equal(shares > 0.5, program.result().predict(X) == 1)


def test_what_an_estimator_cannot_do_is_said():
    with pytest.raises(CapabilityError, match="partial_fit"):
        stepper(LogisticRegression()).run_epoch(ORDER, np.zeros(3), 0)
    with pytest.raises(CapabilityError, match="predict_proba"):
        stepper(Perceptron()).forward(X)
    with pytest.raises(CapabilityError, match="without rows"):
        adapter.program(GaussianNB(), make_plan(GaussianNB())).fit()


# What is known before a fit ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("native", "steps"),
    [
        (SGDClassifier(), True),
        (MLPClassifier(), True),
        (MLPClassifier(solver="lbfgs"), False),
        (GaussianNB, True),
        (RandomForestClassifier(), False),
        (make_pipeline(StandardScaler(), SGDClassifier()), False),
    ],
)
def test_what_learns_in_steps_is_known(native, steps):
    traits = adapter.traits(native)
    assert traits.steps is steps
    assert traits.label_codes is False
    assert traits.output is None


def test_xgboost_classifiers_need_codes():
    xgboost = pytest.importorskip("xgboost")
    for native in (xgboost.XGBClassifier(), xgboost.XGBClassifier, xgboost.XGBRFClassifier()):
        assert adapter.owns(native)
        assert adapter.traits(native).label_codes
    assert adapter.traits(Pipeline([("last", xgboost.XGBClassifier())])).label_codes
    assert not adapter.traits(xgboost.XGBRegressor()).label_codes


def foreign(name, module, *bases):
    return type(name, bases or (object,), {"__module__": module})


@pytest.mark.parametrize(
    ("thing", "owned"),
    [
        (Ridge(), True),
        (Ridge, True),
        (make_pipeline(StandardScaler(), Ridge()), True),
        (GridSearchCV(Ridge(), {}), True),
        (StandardScaler(), True),
        (Classifier("mlp"), False),
        (Classifier, False),
        (Native(Ridge), False),
        (lambda: Ridge(), False),
        ("mlp", False),
        (None, False),
        (foreign("Own", "__main__", foreign("Module", "torch.nn.modules.module"), Ridge), False),
        (foreign("Own", "__main__", foreign("Layer", "keras.src.layers.layer"), Ridge), False),
        (foreign("SKLearnClassifier", "keras.src.wrappers", Ridge), True),
    ],
)
def test_what_it_owns(thing, owned):
    assert adapter.owns(thing) is owned


def test_dumping_keeps_the_estimator_as_it_is():
    model, plan = LinearRegression().fit(X, X[:, 0]), make_plan(LinearRegression(), NUMBER)
    assert adapter.load(adapter.dump(model, plan), plan) is model


def test_natives_convert_to_onnx():
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("skl2onnx")
    plan = make_plan(LogisticRegression())
    model = fit(LogisticRegression())
    file = adapter.to_onnx(model, plan, 18).SerializeToString()
    session = runtime.InferenceSession(file, providers=["CPUExecutionProvider"])
    labels, shares = session.run(None, {"X": X})
    np.testing.assert_array_equal(labels, model.predict(X))
    np.testing.assert_allclose(shares, model.predict_proba(X), atol=1e-6)


def test_the_translation_of_a_native_is_the_native():
    text = adapter.translate(make_plan(SGDClassifier(alpha=0.5)))
    assert text.splitlines()[1:] == ["model = SGDClassifier(alpha=0.5)", "model.fit(X, y)"]

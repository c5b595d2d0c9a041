"""Networks on scikit-learn: against its own training, and as plain estimators to take away."""

from __future__ import annotations

import pickle
import subprocess
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline

from unifml.adapters.sklearn import adapter
from unifml.core.plan import Plan
from unifml.core.seeds import Seeds
from unifml.core.signature import Signature
from unifml.core.table import BatchOrder, Table
from unifml.core.task import Task
from unifml.errors import CapabilityError
from unifml.layers import Activation, Dense, Dropout, Network, Standardize, initial_weights
from unifml.training import SGD, Adam, Training, loss_values

pytestmark = pytest.mark.sklearn

N, BATCH, RATE = 60, 20, 1e-2
TASKS = {
    "binary": Task("classification", 1, 2),
    "classes": Task("classification", 1, 4),
    "labels": Task("classification", 3, 2),
    "number": Task("regression", 1),
    "numbers": Task("regression", 2),
}
HIDDEN = (Dense(7, name="one"), Activation("tanh"), Dense(6, name="two"), Activation("tanh"))


def make_plan(task, layers=HIDDEN, dtype="float64", **training):
    network = Network((*layers, Dense(task.width, name="output")))
    settings = Training(**{"batch_size": BATCH, "learning_rate": RATE, **training})
    signature = Signature((5,), task.width, task.n_classes, dtype)
    output = "logits" if task.kind == "classification" else "values"
    return Plan(
        "model",
        task,
        signature,
        settings.resolve({}, task, N),
        Seeds(0),
        output=output,
        network=network,
    )


def make_rows(task, dtype="float64", weighted=False):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(N, 5)).astype(dtype)
    weight = rng.uniform(0.5, 2, N).astype(dtype) if weighted else None
    if task.kind == "regression":
        return Table(X, rng.normal(size=(N, task.n_targets)).astype(dtype), weight)
    if task.multilabel:
        return Table(X, rng.integers(0, 2, (N, task.n_targets)), weight)
    return Table(X, np.arange(N) % task.n_classes, weight)


def start(plan):
    drawn = initial_weights(plan.network, (5,), np.random.default_rng(2), plan.signature.dtype)
    scale = f"{plan.graph.standardized.get('X')}.scale"
    return drawn | ({scale: np.full(5, 2.0)} if scale in drawn else {})


def order(epoch):
    rows = np.random.default_rng(epoch).permutation(N).astype(np.int64)
    return BatchOrder(rows, np.arange(0, N + 1, BATCH))


def run(program, epochs=3, rate=RATE):
    return np.concatenate([program.run_epoch(order(e), np.full(3, rate), 0) for e in range(epochs)])


def plain(task, rows, weights, **params):
    """scikit-learn's own perceptron, at these weights, ready for its next partial_fit."""
    kind = MLPClassifier if task.kind == "classification" else MLPRegressor
    mlp = kind(
        hidden_layer_sizes=(7, 6), activation="tanh", shuffle=False, batch_size=BATCH, **params
    )
    y = rows.y.ravel() if rows.y.ndim == 2 and rows.y.shape[1] == 1 else rows.y
    classes = np.arange(task.n_targets if task.multilabel else task.n_classes)
    mlp.partial_fit(rows.X, y, **({"classes": classes} if task.n_classes else {}))
    names = ("one", "two", "output")
    mlp.coefs_ = [weights[f"{name}.kernel"].copy() for name in names]
    mlp.intercepts_ = [weights[f"{name}.bias"].copy() for name in names]
    del mlp._optimizer
    return mlp, y


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("optimizer", [Adam(epsilon=1e-30), SGD(), SGD(0.9), SGD(0.9, True)])
@pytest.mark.parametrize("name", TASKS)
def test_training_is_scikit_learns_own(name, optimizer, weighted):
    # scikit-learn sums its gradient over outputs, and puts Adam's epsilon elsewhere: 1e-30 is
    # nothing in both places, and the rate of plain descent takes the factor up.
    task = TASKS[name]
    outputs = task.width if task.multilabel or task.kind == "regression" else 1
    l2 = 0 if weighted else 0.02
    plan, rows = make_plan(task, optimizer=optimizer, l2=l2), make_rows(task, weighted=weighted)
    program = adapter.program(start(plan), plan, rows)
    adam = isinstance(optimizer, Adam)
    params = (
        {"solver": "adam", "epsilon": 1e-30}
        if adam
        else {
            "solver": "sgd",
            "momentum": optimizer.momentum,
            "nesterovs_momentum": optimizer.nesterov,
        }
    )
    mlp, y = plain(
        task,
        rows,
        start(plan),
        alpha=l2 * BATCH * outputs,
        learning_rate_init=RATE if adam else RATE / outputs,
        **params,
    )
    run(program)
    for epoch in range(3):
        at = order(epoch).rows
        weight = None if rows.weight is None else rows.weight[at]
        mlp.partial_fit(rows.X[at], y[at], sample_weight=weight)
    found = program.result()
    for i, layer in enumerate(("one", "two", "output")):
        np.testing.assert_allclose(found[f"{layer}.kernel"], mlp.coefs_[i], rtol=0, atol=1e-12)
        np.testing.assert_allclose(found[f"{layer}.bias"], mlp.intercepts_[i], rtol=0, atol=1e-12)


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", TASKS)
def test_losses_are_those_of_each_batch_before_its_step(name, weighted):
    task = TASKS[name]
    plan, rows = make_plan(task), make_rows(task, weighted=weighted)
    program = adapter.program(start(plan), plan, rows)
    values = loss_values(plan.settings.loss, program.forward(rows.X), rows.y, task, plan.output)
    losses = program.run_epoch(order(0), np.zeros(3), 0)
    weight = np.ones(N) if rows.weight is None else rows.weight
    batches = order(0).rows.reshape(3, BATCH)
    wanted = [np.average(values[batch], weights=weight[batch]) for batch in batches]
    np.testing.assert_allclose(losses, wanted, rtol=1e-12)


def test_losses_of_hopeless_rows_are_not_clipped():
    # scikit-learn clips probabilities, and with them the loss, at about 16 (float32).
    plan, rows = make_plan(TASKS["binary"], dtype="float32"), make_rows(TASKS["binary"], "float32")
    weights = start(plan)
    weights["output.bias"] += np.float32(100)
    losses = adapter.program(weights, plan, rows).run_epoch(order(0), np.zeros(3), 0)
    assert losses.min() > 16


def test_batches_of_any_size_are_taken():
    plan, rows = make_plan(TASKS["binary"]), make_rows(TASKS["binary"])
    program = adapter.program(start(plan), plan, rows)
    losses = program.run_epoch(
        BatchOrder(np.arange(N), np.array([0, 1, 40, N])), np.full(3, 1e-3), 0
    )
    assert losses.shape == (3,)
    assert np.isfinite(losses).all()


def test_single_precision_stays_single():
    plan, rows = (
        make_plan(TASKS["classes"], dtype="float32"),
        make_rows(TASKS["classes"], "float32"),
    )
    program = adapter.program(start(plan), plan, rows)
    run(program)
    state = program.state()
    assert {value.dtype.name for value in program.result().values()} == {"float32"}
    assert {v.dtype.name for k, v in state.items() if k != "step"} == {"float32"}
    assert program.forward(rows.X).dtype == np.float32


def test_a_diverged_fit_is_told_by_its_losses_alone():
    plan, rows = make_plan(TASKS["number"], optimizer="sgd"), make_rows(TASKS["number"])
    program = adapter.program(start(plan), plan, rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        losses = run(program, epochs=12, rate=1e80)
    assert not np.isfinite(losses).all()


def test_a_layer_without_a_bias_never_gets_one():
    layers = (Dense(4, bias=False, name="one"), Activation("relu"))
    plan, rows = make_plan(TASKS["classes"], layers), make_rows(TASKS["classes"])
    program = adapter.program(start(plan), plan, rows)
    run(program)
    assert set(program.result()) == {"one.kernel", "output.kernel", "output.bias"}
    model = adapter.build(plan, program.result())
    assert not model.intercepts_[0].any()
    assert set(adapter.get_weights(model, plan)) == set(program.result())


@pytest.mark.parametrize("hidden", [(), HIDDEN], ids=["none", "two"])
@pytest.mark.parametrize("name", TASKS)
def test_built_estimators_predict_what_the_program_does(name, hidden):
    task = TASKS[name]
    classes = np.array(list("abcd"))[: task.n_classes] if task.n_classes else None
    layers = (Standardize(name="scale"), *hidden)
    plan = replace(make_plan(task, layers), classes=classes)
    weights, rows = start(plan), make_rows(task)
    body = {key: value for key, value in weights.items() if not key.startswith("scale.")}
    scaled = (rows.X - weights["scale.mean"]) / weights["scale.scale"]
    outputs = adapter.program(body, plan).forward(scaled)
    model = adapter.build(plan, weights)
    assert isinstance(model, Pipeline)
    if task.kind == "regression":
        np.testing.assert_allclose(model.predict(rows.X), np.squeeze(outputs), rtol=1e-10)
        return
    shares = 1 / (1 + np.exp(-outputs))
    if task.multilabel:
        np.testing.assert_allclose(model.predict_proba(rows.X), shares, rtol=1e-10)
        np.testing.assert_array_equal(model.predict(rows.X), outputs > 0)
        return
    if not task.binary:
        shares = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(model.predict_proba(rows.X), shares, rtol=1e-10)
    else:
        np.testing.assert_allclose(model.predict_proba(rows.X)[:, 1:], shares, rtol=1e-10)
        shares = np.hstack([1 - shares, shares])
    np.testing.assert_array_equal(model.predict(rows.X), classes[shares.argmax(axis=1)])


def test_a_network_that_takes_rows_as_they_are_is_a_bare_perceptron():
    plan = make_plan(TASKS["binary"])
    model = adapter.build(plan, start(plan))
    assert type(model) is MLPClassifier
    assert model.n_features_in_ == 5


def test_a_built_estimator_has_all_that_a_fitted_one_has():
    plan, rows = make_plan(TASKS["classes"], l2=1e-4), make_rows(TASKS["classes"])
    built = adapter.build(plan, start(plan))
    fitted = MLPClassifier((7, 6), max_iter=2, batch_size=BATCH)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted.fit(rows.X, rows.y)
    made_by_a_fit = {"_optimizer", "_random_state", "_best_coefs", "_best_intercepts"}
    assert set(vars(fitted)) - set(vars(built)) <= made_by_a_fit
    assert built.get_params()["alpha"] == 1e-4 * BATCH
    built.partial_fit(rows.X, rows.y)  # the user goes on by hand
    assert built.n_iter_ == 1


def test_a_built_estimator_knows_the_names_of_columns():
    pandas = pytest.importorskip("pandas")
    plan = make_plan(TASKS["binary"], (Standardize(), *HIDDEN))
    names = tuple("vwxyz")
    plan = replace(plan, signature=replace(plan.signature, feature_names=names))
    model = adapter.build(plan, start(plan))
    assert list(model.feature_names_in_) == list(names)
    frame = pandas.DataFrame(make_rows(TASKS["binary"]).X, columns=names)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.predict(frame).shape == (N,)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[list("zyxwv")])


def test_a_built_estimator_unpickles_where_unifml_is_absent():
    plan = replace(
        make_plan(TASKS["binary"], (Standardize(), *HIDDEN)), classes=np.array(["no", "yes"])
    )
    model, rows = adapter.build(plan, start(plan)), make_rows(TASKS["binary"])
    code = (
        "import sys, pickle\n"
        "sys.modules['unifml'] = None\n"
        "model, X = pickle.load(sys.stdin.buffer)\n"
        "print(*model.predict(X))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps((model, rows.X)), capture_output=True
    )
    assert done.stdout.decode().split() == list(model.predict(rows.X)), done.stderr.decode()


@pytest.mark.parametrize("name", TASKS)
def test_a_built_estimator_converts_to_onnx(name):
    runtime = pytest.importorskip("onnxruntime")
    task = TASKS[name]
    plan, rows = make_plan(task, (Standardize(), *HIDDEN), "float32"), make_rows(task, "float32")
    model = adapter.build(plan, start(plan))
    session = runtime.InferenceSession(
        adapter.to_onnx(model, plan, 18).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found = session.run(None, {"X": rows.X})
    if task.kind == "regression":
        # skl2onnx lays several outputs of a perceptron out in one column.
        values = found[0].reshape(N, -1)
        np.testing.assert_allclose(values, model.predict(rows.X).reshape(N, -1), atol=1e-5)
    else:
        np.testing.assert_array_equal(found[0], model.predict(rows.X))
        np.testing.assert_allclose(found[1], model.predict_proba(rows.X), atol=1e-5)


@pytest.mark.parametrize(
    "layers",
    [
        (Activation("relu"),),
        (Dense(3), Activation("relu"), Activation("relu")),
        (Dense(3), Activation("relu"), Dense(3), Activation("tanh")),
        (Dense(3), Activation("relu"), Dense(3)),
        (Dense(3), Activation("gelu")),
        (Dense(3), Activation("relu"), Dropout(0.5)),
    ],
)
def test_a_network_that_is_no_perceptron_is_refused(layers):
    plan = make_plan(TASKS["binary"], layers)
    with pytest.raises(CapabilityError, match="one activation between them"):
        adapter.program(start(plan), plan, make_rows(TASKS["binary"]))


def test_what_it_cannot_compute_is_refused():
    plan = make_plan(TASKS["number"], loss="huber")
    with pytest.raises(CapabilityError, match="Huber"):
        adapter.program(start(plan), plan, make_rows(TASKS["number"]))
    program = adapter.program(start(plan), plan)
    for call in (program.fit, lambda: program.loss_and_gradient({})):
        with pytest.raises(CapabilityError):
            call()


def test_the_translation_constructs_the_estimator_that_is_built():
    plan = make_plan(TASKS["classes"], (Standardize(), *HIDDEN), optimizer=SGD(0.9), l2=1e-3)
    source = adapter.translate(plan)
    names: dict[str, object] = {}
    exec(source.split("for rows in batches")[0], names)
    assert repr(names["model"]) == repr(adapter.build(plan))
    assert names["model"][-1].momentum == 0.9

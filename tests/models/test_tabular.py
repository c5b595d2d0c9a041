"""The network for tables: its layers, its statistics, its members, and what it learns."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_wine, make_friedman1
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split

import unifml
from unifml import Classifier, Regressor, Training
from unifml.core.signature import Signature
from unifml.core.task import Task
from unifml.data.statistics import quartile_scaling
from unifml.errors import CapabilityError, ParameterError, UnknownNameError
from unifml.layers import (
    Activation,
    Dense,
    Dropout,
    FeatureDense,
    Flatten,
    LearnedActivation,
    Network,
    Parallel,
    PeriodicFeatures,
    Sequential,
    Standardize,
    initial_weights,
)
from unifml.models import Tabular
from unifml.testing.reference import run

THREE = Task("classification", 1, 3)
neural = pytest.mark.never(
    ["sklearn"], raises=CapabilityError, reason="its perceptron has no dropout"
)
SHORT = Training(epochs=3)
VARIANTS = [
    Tabular((6, 5), members=3, numeric_dim=2),
    Tabular((6,), members=2, learned=False, dropout=0.0, activation="relu", numeric=None),
    Tabular((6,), members=2, numeric="periodic", numeric_dim=2),
    Tabular((6,), members=2, numeric="piecewise", categorical=(1,), categorical_dim=2),
]


def network(model, columns=4):
    return model.network(THREE, Signature((columns,), 3, 3))


def made(face, model, backend, **training):
    return face(model, backend=backend, training=Training(**training), random_state=0)


def test_its_layers():
    waves = (
        PeriodicFeatures(8, name="periodic"),
        FeatureDense(16, name="dense"),
        Activation("relu", name="relu"),
        Flatten(name="flat"),
    )
    by_hand = (
        Standardize(statistic="quantiles", name="standardize"),
        Activation("smooth_clip", name="clip"),
        Parallel((Sequential(waves, name="waves"), Sequential(())), name="numbers"),
        Dense(8, name="hidden_0"),
        LearnedActivation("selu", name="activation_0"),
        Dropout(0.1, name="dropout_0"),
        Dense(4, name="hidden_1"),
        LearnedActivation("selu", name="activation_1"),
        Dropout(0.1, name="dropout_1"),
        Dense(3, name="output"),
    )
    assert network(Tabular((8, 4))) == Network(by_hand)
    assert Tabular() == Tabular((128, 128), "selu", True, 0.1)


@pytest.mark.parametrize("model", VARIANTS, ids=repr)
def test_members_are_the_network_of_one_again_and_again(model):
    whole = network(model).weight_specs((4,))
    single = network(model.member()).weight_specs((4,))
    own = {name: spec for name, spec in single.items() if not name.startswith("standardize")}
    wanted = {name: spec for name, spec in single.items() if name not in own}
    for i in range(model.members):
        wanted |= {f"{model.member_prefix(i)}{name}": spec for name, spec in own.items()}
    assert whole == wanted


@pytest.mark.parametrize("model", VARIANTS, ids=repr)
def test_the_whole_is_the_mean_of_its_members(model):
    graph, rng = network(model).graph((4,)), np.random.default_rng(0)
    weights = initial_weights(network(model), (4,), rng, "float64")
    X, parts = np.abs(rng.normal(size=(9, 4))).round(1), []
    X[:, 1] = 0.0  # codes, where it has some
    for i in range(model.members):
        prefix = model.member_prefix(i)
        own = {name.removeprefix(prefix): value for name, value in weights.items()}
        parts.append(run(network(model.member()).graph((4,)), own, X)["outputs"])
    np.testing.assert_allclose(run(graph, weights, X)["outputs"], np.mean(parts, 0), atol=1e-12)
    assert not np.allclose(parts[0], parts[1])


@pytest.mark.parametrize(
    ("model", "error", "words"),
    [
        (Tabular(members=0), ParameterError, "members is a whole number >= 1"),
        (Tabular(learned="yes"), ParameterError, "learned is True or False"),
        (Tabular(hidden=64), ParameterError, r"hidden=\(64,\)"),
        (Tabular(activation="sel"), UnknownNameError, "did you mean 'selu'"),
        (Tabular(dropout=1.0), ParameterError, "0 <= dropout < 1"),
        (Tabular(numeric="bins"), UnknownNameError, "known: periodic, piecewise"),
        (Tabular(categorical=("town",)), ParameterError, "have no names"),
    ],
)
def test_what_is_refused(model, error, words):
    with pytest.raises(error, match=words):
        network(model)


def test_scikit_learn_lacks_its_layers():
    with pytest.raises(CapabilityError, match='backend="torch"'):
        Classifier(Tabular(), backend="sklearn").fit(*load_wine(return_X_y=True))


@neural
def test_what_would_be_called_says_where_the_scales_come_from(backend):
    X, y = load_wine(return_X_y=True)
    text = unifml.translate(Classifier(Tabular(), backend=backend), X, y)
    assert "standardize: median and quartile distance of the training rows" in text


# What training it takes --------------------------------------------------------------------------


def settings(task=THREE, **training):
    return Training(**training).resolve(Tabular().training_defaults(task, 500), task, 500)


def test_training_that_is_its_own():
    found = settings()
    assert (found.epochs, found.batch_size, found.learning_rate) == (100, 128, 2e-3)
    assert (found.optimizer.kind, found.schedule.kind, found.warmup) == ("adamw", "cosine", 0.05)
    assert (found.weight_decay, found.loss.label_smoothing) == (1e-2, 0.1)
    assert settings(Task("regression", 1)).loss.kind == "mse"


def test_defaults_give_way_to_what_replaces_them():
    slow = settings(optimizer="sgd")
    assert (slow.learning_rate, slow.weight_decay) == (1e-2, 0.0)
    assert settings(optimizer="adamw").weight_decay == 1e-2
    assert settings(optimizer="lion", weight_decay=0.5).weight_decay == 0.5
    assert settings(loss="hinge").loss.kind == "hinge"
    assert settings(loss="cross_entropy").loss.label_smoothing == 0.1
    assert settings(loss="focal").loss.label_smoothing == 0.0
    assert settings(label_smoothing=0.0).loss.label_smoothing == 0.0


# Its statistics ----------------------------------------------------------------------------------


def test_quartiles():
    rng = np.random.default_rng(1)
    X = np.c_[rng.standard_cauchy(401), np.full(401, 3.0), rng.random(401) < 0.1, np.arange(401)]
    found = quartile_scaling(X, None)
    low, middle, high = np.quantile(X, [0.25, 0.5, 0.75], axis=0, method="inverted_cdf")
    np.testing.assert_array_equal(found.mean, middle)
    wanted = [high[0] - low[0], 1.0, X[:, 2].std(), high[3] - low[3]]
    np.testing.assert_allclose(found.scale, wanted, rtol=1e-12)


@pytest.mark.parametrize("unit", [1.0, 0.1, 1e-6])
def test_weighted_quartiles_are_those_of_repeated_rows(unit):
    rng = np.random.default_rng(2)
    for n in range(1, 40):
        X, times = rng.normal(size=(n, 3)).round(1), rng.integers(1, 4, n)
        weighed, repeated = (
            quartile_scaling(X, times * unit),
            quartile_scaling(X.repeat(times, 0), None),
        )
        np.testing.assert_array_equal(weighed.mean, repeated.mean)
        np.testing.assert_allclose(weighed.scale, repeated.scale, rtol=1e-12)


def test_quartiles_of_steps_and_of_all_features():
    rng = np.random.default_rng(3)
    X, valid = rng.normal(size=(5, 4, 2)), np.arange(4) < np.array([[4], [1], [2], [3], [4]])
    found = quartile_scaling(X, None, valid)
    wanted = quartile_scaling(X[valid], None)
    np.testing.assert_array_equal(found.mean, wanted.mean)
    np.testing.assert_allclose(found.scale, wanted.scale)
    together = quartile_scaling(X, None, shared=True)
    alone = quartile_scaling(X.reshape(-1, 1), None)
    np.testing.assert_array_equal(together.mean, alone.mean.repeat(2))
    np.testing.assert_allclose(together.scale, alone.scale.repeat(2))


@neural
def test_what_is_predicted_is_the_formula(backend):
    X, y = load_wine(return_X_y=True)
    X = np.c_[X, X[:, 0] > 14.2]  # rarely on: its quartiles are the same
    model = Tabular((7, 5), dropout=0.0, numeric_dim=3)
    clf = made(Classifier, model, backend, epochs=3, precision="float64").fit(X, y)
    w = clf.get_weights()
    low, middle, high = np.quantile(X, [0.25, 0.5, 0.75], axis=0, method="inverted_cdf")
    scale = np.where(high > low, high - low, X.std(0))
    z = (X - middle) / scale
    x = z / np.sqrt(1 + (z / 3) ** 2)
    angles = 2 * np.pi * x[..., None] * w["numbers.waves.periodic.frequency"]
    h = np.concatenate([np.sin(angles), np.cos(angles)], -1)
    h = np.einsum("nfi,fio->nfo", h, w["numbers.waves.dense.kernel"])
    h = np.maximum(h + w["numbers.waves.dense.bias"], 0)
    h = np.hstack([h.reshape(len(h), -1), x])
    for i in range(2):
        h = h @ w[f"hidden_{i}.kernel"] + w[f"hidden_{i}.bias"]
        bent = 1.0507009873554805 * np.where(h > 0, h, 1.6732632423543772 * np.expm1(h))
        h = h + w[f"activation_{i}.strength"] * (bent - h)
        assert not np.allclose(w[f"activation_{i}.strength"], 1.0, atol=1e-4)  # it is learned
    logits = h @ w["output.kernel"] + w["output.bias"]
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(clf.predict_proba(X), shares, atol=1e-9)


# Members, bounds, and the ways out ---------------------------------------------------------------


@neural
def test_members_learn_apart(backend):
    X, y = load_wine(return_X_y=True)
    clf = made(Classifier, Tabular((6,), members=3), backend, epochs=4).fit(X, y)
    kernels = [clf.get_weights()[f"members.member{i}.hidden_0.kernel"] for i in range(3)]
    assert not np.allclose(kernels[0], kernels[1])
    again = made(Classifier, Tabular((6,), members=3), backend, epochs=4).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), again.predict_proba(X))


@neural
def test_predictions_stay_within_the_targets_everywhere(backend, tmp_path):
    X, y = load_diabetes(return_X_y=True)
    targets, far = np.c_[y, -y][:150], X[150:] * 8
    reg = made(Regressor, Tabular((24,), members=2), backend, epochs=30).fit(X[:150], targets)
    found = reg.predict(far)
    np.testing.assert_array_equal(found.min(0), targets.min(0))
    np.testing.assert_array_equal(found.max(0), targets.max(0))
    unifml.save(reg, tmp_path / "reg.unifml")
    np.testing.assert_array_equal(unifml.load(tmp_path / "reg.unifml").predict(far), found)
    same = unifml.to_backend(reg, backend, device="cpu")
    np.testing.assert_array_equal(same.predict(far), found)
    reg.set_weights(reg.get_weights())
    np.testing.assert_array_equal(reg.predict(far), found)
    unifml.export_onnx(reg, tmp_path / "reg.onnx", far)
    file = unifml.load_onnx(tmp_path / "reg.onnx")
    np.testing.assert_allclose(file.predict(far), found, rtol=1e-4)
    inside = (found > targets.min(0)) & (found < targets.max(0))
    assert 0 < inside.mean() < 1


@neural
def test_steps_know_the_targets_of_all_rows_so_far(backend):
    X, y = load_diabetes(return_X_y=True)
    reg = made(Regressor, Tabular((8,)), backend)
    reg.partial_fit(X[:50], y[:50])
    quartiles = reg.get_weights()["standardize.scale"]
    assert reg.predict(X * 9).max() <= y[:50].max()
    reg.partial_fit(X[50:], y[50:])
    assert y[:50].max() < y.max()
    assert reg._fitted.bounds == (y.min(), y.max())
    np.testing.assert_array_equal(reg.get_weights()["standardize.scale"], quartiles)


@pytest.mark.cross
def test_it_moves_between_backends():
    X, y = load_diabetes(return_X_y=True)
    model = Tabular((16,), members=2, numeric="periodic", numeric_dim=2)
    reg = made(Regressor, model, "torch", epochs=5).fit(X, y)
    moved = unifml.to_backend(reg, "keras")
    np.testing.assert_allclose(moved.predict(X * 9), reg.predict(X * 9), rtol=1e-4)
    assert moved.predict(X * 9).max() <= y.max()


# What it learns ----------------------------------------------------------------------------------


@neural
def test_heavy_tails_do_not_matter(backend):
    rng = np.random.default_rng(4)
    X = rng.standard_t(1.5, size=(700, 6))
    y = np.sign(X[:, 0] * X[:, 1])
    X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    clf = Classifier("tabular", backend=backend, random_state=0).fit(X, y)
    assert clf.score(X_test, y_test) > 0.85  # chance: 0.5


@neural
def test_curves_are_learned(backend):
    X, y = make_friedman1(600, noise=1.0, random_state=5)
    X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    reg = Regressor(Tabular(members=2), backend=backend, random_state=0).fit(X, y)
    line = Ridge().fit(X, y).score(X_test, y_test)
    assert reg.score(X_test, y_test) > line + 0.05

"""Several outputs, chains, ensembles of regressors and transformed targets."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    AdaBoostRegressor,
    BaggingRegressor,
    RandomForestRegressor,
    StackingRegressor,
    VotingRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, RANSACRegressor, Ridge
from sklearn.multioutput import (
    ClassifierChain,
    MultiOutputClassifier,
    MultiOutputRegressor,
    RegressorChain,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeRegressor

from export.data import numbers
from unifml import export_onnx, load_onnx
from unifml.errors import ExportError

X, UNSEEN = numbers(120), numbers(80, seed=5)
NOISE = np.random.default_rng(3).normal(size=(120, 2))
Z = (X - X.mean(0)) / X.std(0)
Y = Z[:, :2] @ np.array([[2.0, 0.3], [0.4, -1.0]]) + 0.2 * NOISE
FLAGS = np.c_[Y[:, 0] > 0, Y[:, 1] > 0.5, Z[:, 2] > 0].astype(int)


def same(model, path, rows=UNSEEN):
    onnx = load_onnx(export_onnx(model, path, X).path)
    native = model.predict(rows)
    assert onnx.predict(rows).shape == native.shape
    np.testing.assert_allclose(onnx.predict(rows), native, rtol=2e-5, atol=1e-5 * np.std(native))
    return onnx


def forest():
    return RandomForestRegressor(4, max_depth=4, random_state=0)


def scaled(model):
    return make_pipeline(StandardScaler(), model)


PAIR = [("line", scaled(Ridge())), ("trees", forest())]
ONE = {
    "voting": VotingRegressor(PAIR),
    "weighted": VotingRegressor([*PAIR, ("out", "drop")], weights=[1, 3, 5]),
    "stack": StackingRegressor(PAIR, cv=2),
    "stack with rows": StackingRegressor(PAIR, forest(), cv=2, passthrough=True),
    "boosting": AdaBoostRegressor(n_estimators=6, random_state=0),
    "boosting of lines": AdaBoostRegressor(scaled(Ridge()), n_estimators=4, random_state=0),
    "consensus": RANSACRegressor(random_state=0),
    "bagging": BaggingRegressor(Ridge(), 4, max_features=0.5, random_state=0),
}
TWO = {
    "side by side": MultiOutputRegressor(forest()),
    "chain": RegressorChain(Ridge(), order=[1, 0]),
    "bagging": BaggingRegressor(LinearRegression(), 3, random_state=0),
    "consensus": RANSACRegressor(random_state=0),
}


@pytest.mark.parametrize("name", ONE)
def test_one_number(name, tmp_path):
    same(ONE[name].fit(X, Y[:, 0] * 30 + 100), tmp_path / "m.onnx")


@pytest.mark.parametrize("name", TWO)
def test_several_numbers(name, tmp_path):
    same(TWO[name].fit(X, Y), tmp_path / "m.onnx")


def test_the_median_is_weighted(tmp_path):
    model = AdaBoostRegressor(DecisionTreeRegressor(max_depth=1), n_estimators=9, random_state=1)
    model.fit(X, Y[:, 0])
    same(model, tmp_path / "m.onnx")
    each = np.median([part.predict(UNSEEN) for part in model.estimators_], axis=0)
    assert not np.allclose(each, model.predict(UNSEEN))


FUNCTIONS = [
    (np.log, np.exp),
    (np.log1p, np.expm1),
    (np.sqrt, np.square),
    (np.arcsinh, np.sinh),
    (None, None),
]
TRANSFORMERS = {
    "standard": StandardScaler(),
    "robust": RobustScaler(),
    "minmax": MinMaxScaler((-1, 3)),
    "maxabs": MaxAbsScaler(),
    "box-cox": PowerTransformer("box-cox"),
    "yeo-johnson": PowerTransformer(),
    "uniform quantiles": QuantileTransformer(n_quantiles=50),
    "normal quantiles": QuantileTransformer(n_quantiles=50, output_distribution="normal"),
    "steps": make_pipeline(FunctionTransformer(np.log, np.exp), StandardScaler()),
}


@pytest.mark.parametrize(("func", "inverse"), FUNCTIONS)
def test_functions_of_the_target(func, inverse, tmp_path):
    model = TransformedTargetRegressor(scaled(Ridge()), func=func, inverse_func=inverse)
    same(model.fit(X, np.exp(Y[:, 0] / 2) * 10), tmp_path / "m.onnx")


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("name", TRANSFORMERS)
def test_transformers_of_the_target(name, outputs, tmp_path):
    y = np.exp(Y / 2) * [3.0, 10.0]
    model = TransformedTargetRegressor(LinearRegression(), transformer=TRANSFORMERS[name])
    far = UNSEEN + (3 if "quantiles" in name else 0) * (UNSEEN - UNSEEN.mean(0))
    same(model.fit(X, y if outputs == 2 else y[:, 0]), tmp_path / "m.onnx", rows=far)


def test_a_function_that_is_not_known_is_named(tmp_path):
    model = TransformedTargetRegressor(
        Ridge(), func=lambda y: y + 1, inverse_func=lambda y: y - 1
    ).fit(X, Y[:, 0])
    with pytest.raises(ExportError, match="lambda"):
        export_onnx(model, tmp_path / "m.onnx", X)


@pytest.mark.parametrize("text", [False, True])
def test_several_classifiers(text, tmp_path):
    y = np.where(FLAGS == 1, "on", "off") if text else FLAGS * 3
    model = MultiOutputClassifier(scaled(LogisticRegression())).fit(X, y)
    onnx = load_onnx(export_onnx(model, tmp_path / "m.onnx", X).path)
    np.testing.assert_array_equal(onnx.predict(UNSEEN), model.predict(UNSEEN))
    for ours, theirs in zip(onnx.predict_proba(UNSEEN), model.predict_proba(UNSEEN), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_a_chain_of_classifiers(method, tmp_path):
    model = ClassifierChain(LogisticRegression(), order=[2, 0, 1], chain_method=method)
    onnx = load_onnx(export_onnx(model.fit(X, FLAGS), tmp_path / "m.onnx", X).path)
    np.testing.assert_array_equal(onnx.predict(UNSEEN), model.predict(UNSEEN))
    np.testing.assert_allclose(onnx.predict_proba(UNSEEN), model.predict_proba(UNSEEN), atol=1e-5)


def test_a_chain_without_probabilities(tmp_path):
    model = ClassifierChain(LinearSVC(random_state=0), chain_method="decision_function")
    onnx = load_onnx(export_onnx(model.fit(Z, FLAGS), tmp_path / "m.onnx", Z).path)
    np.testing.assert_array_equal(onnx.predict(Z), model.predict(Z))

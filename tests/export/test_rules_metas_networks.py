"""Networks of every backend inside meta-estimators, alone and all at once."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, RegressorChain
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from export.data import codes, mixed, numbers, preparation, prices
from unifml import Classifier, Regressor, Training, export_onnx, load_onnx
from unifml.errors import CapabilityError

X, UNSEEN = numbers(), numbers(60, seed=5)
NAMES = np.array(["no", "perhaps", "yes"])
SHORT = Training(epochs=2, batch_size=32)


def mlp(backend, **params):
    return Classifier("mlp", backend=backend, random_state=0, **{"training": SHORT} | params)


def scaled(backend, **params):
    return make_pipeline(StandardScaler(), mlp(backend, **params))


def same(model, path, rows=UNSEEN, X=X):
    """Compare on unseen rows: labels wherever the model is sure."""
    onnx = load_onnx(export_onnx(model, path, X).path)
    share, native = model.predict_proba(rows), model.predict(rows)
    np.testing.assert_allclose(onnx.predict_proba(rows), share, atol=1e-5)
    top = np.sort(share, axis=1)
    sure = top[:, -1] - top[:, -2] > 2e-5
    np.testing.assert_array_equal(onnx.predict(rows)[sure], native[sure])
    return onnx


def metas(backend):
    inner, pair = scaled(backend), [("net", scaled(backend)), ("line", LogisticRegression())]
    return {
        "soft": VotingClassifier(pair, voting="soft", weights=[1, 2]),
        "stack": StackingClassifier(pair, mlp(backend), cv=2, passthrough=True),
        "sigmoid": CalibratedClassifierCV(inner, cv=2),
        "temperature": CalibratedClassifierCV(inner, cv=2, method="temperature"),
        "bagging": BaggingClassifier(inner, 2, max_features=0.5, random_state=0),
        "boosting": AdaBoostClassifier(mlp(backend), n_estimators=2, random_state=0),
        "one vs rest": OneVsRestClassifier(inner),
    }


@pytest.mark.parametrize("name", metas("sklearn"))
def test_around_a_network(backend, name, tmp_path):
    same(metas(backend)[name].fit(X, NAMES[codes()]), tmp_path / "m.onnx")


def test_a_threshold_for_a_network(backend, tmp_path):
    y = np.array(["no", "yes"])[codes(classes=2)]
    inner = scaled(backend)
    middle = float(np.median(inner.fit(X, y).predict_proba(X)[:, 0])) + 1e-4
    model = FixedThresholdClassifier(inner, threshold=middle, pos_label="no").fit(X, y)
    onnx = load_onnx(export_onnx(model, tmp_path / "m.onnx", X).path)
    found, native = onnx.predict(UNSEEN), model.predict(UNSEEN)
    sure = np.abs(model.predict_proba(UNSEEN)[:, 0] - middle) > 1e-5
    np.testing.assert_array_equal(found[sure], native[sure])
    assert set(found) == {"no", "yes"}


@pytest.mark.never(
    ["sklearn"], raises=CapabilityError, reason="scikit-learn's MLPClassifier has one loss"
)
@pytest.mark.parametrize("classes", [2, 3])
def test_scores_of_a_network(backend, classes, tmp_path):
    """A network that learns by a hinge loss has no probabilities: calibration takes its scores."""
    inner = scaled(backend, training=Training(epochs=2, loss="hinge"))
    same(CalibratedClassifierCV(inner, cv=2).fit(X, codes(classes=classes)), tmp_path / "m.onnx")


def test_several_outputs_by_networks(backend, tmp_path):
    y = np.c_[codes(classes=2), codes(classes=2, seed=1)]
    several = MultiOutputClassifier(scaled(backend)).fit(X, y)
    onnx = load_onnx(export_onnx(several, tmp_path / "m.onnx", X).path)
    for ours, theirs in zip(onnx.predict_proba(X), several.predict_proba(X), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    chain = ClassifierChain(scaled(backend), chain_method="predict_proba").fit(X, y)
    onnx = load_onnx(export_onnx(chain, tmp_path / "c.onnx", X).path)
    np.testing.assert_allclose(onnx.predict_proba(X), chain.predict_proba(X), atol=1e-5)


def test_regressors_by_networks(backend, tmp_path):
    inner = make_pipeline(
        StandardScaler(), Regressor("mlp", backend=backend, training=SHORT, random_state=0)
    )
    y = np.exp((X - X.mean(0)) @ np.array([0.2, 0.1, -0.1, 0.1]))
    stack = StackingRegressor([("net", inner), ("line", Ridge())], cv=2)
    target = TransformedTargetRegressor(inner, func=np.log, inverse_func=np.exp)
    for model, truth in ((stack, y), (target, y), (RegressorChain(inner), np.c_[y, -y])):
        onnx = load_onnx(export_onnx(model.fit(X, truth), tmp_path / "m.onnx", X).path)
        np.testing.assert_allclose(onnx.predict(UNSEEN), model.predict(UNSEEN), rtol=1e-4)


@pytest.mark.cross
def test_all_backends_in_one_file_of_votes(tmp_path):
    rows = mixed()
    y = np.where(prices(rows) > 60, "dear", "cheap")
    members = [(name, mlp(name)) for name in ("torch", "keras", "sklearn")]
    for voting in ("soft", "hard"):
        model = make_pipeline(preparation(), VotingClassifier(members, voting=voting))
        onnx = load_onnx(export_onnx(model.fit(rows, y), tmp_path / "m.onnx", rows).path)
        unseen = mixed(40, seed=4)
        np.testing.assert_array_equal(onnx.predict(unseen), model.predict(unseen))


@pytest.mark.cross
@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_all_backends_in_one_calibrated_file(method, tmp_path):
    rows = mixed()
    y = np.where(prices(rows) > 60, "dear", "cheap")
    members = [(name, mlp(name)) for name in ("torch", "keras", "sklearn")]
    voting = make_pipeline(preparation(), VotingClassifier(members, voting="soft"))
    model = CalibratedClassifierCV(voting, method=method, cv=2)
    same(model.fit(rows, y), tmp_path / "m.onnx", mixed(40, seed=4), rows)

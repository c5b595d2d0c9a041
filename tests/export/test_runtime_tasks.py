"""What a file answers decides what its estimator can: files made by hand, of every task."""

from __future__ import annotations

import pickle
import threading

import numpy as np
import pytest
from sklearn.base import is_classifier, is_clusterer, is_outlier_detector, is_regressor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from export.handmade import constant, linear, model, node, softmax
from unifml.errors import DataError, ParameterError
from unifml.runtime import OnnxEstimator
from unifml.runtime.asking import asker
from unifml.runtime.feeding import Feeder
from unifml.runtime.schema import Input, Schema

pytestmark = pytest.mark.sklearn

X = np.random.default_rng(1).normal(size=(40, 4))
TABLE = (Input("X", "float", (4,)),)


def opened(proto):
    return OnnxEstimator.from_bytes(proto.SerializeToString())


@pytest.fixture(scope="module")
def twice():
    nodes = [node("Mul", ["X", "two"], ["transformed"])]
    schema = Schema("transformation", TABLE, ("transformed",))
    return opened(model(nodes, schema, {"transformed": (1, [4])}, [constant("two", np.float32(2))]))


@pytest.fixture(scope="module")
def sums():
    nodes = [node("ReduceSum", ["X", "axis"], ["prediction"], keepdims=0)]
    schema = Schema("regression", TABLE, ("prediction",))
    return opened(model(nodes, schema, {"prediction": (1, [])}, [constant("axis", [1])]))


@pytest.fixture(scope="module")
def outliers():
    nodes = [
        node("ReduceSum", ["X", "axis"], ["scores"], keepdims=0),
        node("Less", ["scores", "zero"], ["out"]),
        node("Where", ["out", "minus", "plus"], ["label"]),
    ]
    held = [constant("axis", [1]), constant("zero", np.float32(0))]
    held += [constant("minus", np.int64(-1)), constant("plus", np.int64(1))]
    schema = Schema("outliers", TABLE, ("label", "scores"))
    return opened(model(nodes, schema, {"label": (7, []), "scores": (1, [])}, held))


@pytest.fixture(scope="module")
def clusters():
    nodes = [
        node("Identity", ["X"], ["transformed"]),
        node("ArgMin", ["X"], ["label"], axis=1, keepdims=0),
    ]
    schema = Schema("clustering", TABLE, ("label", "transformed"))
    return opened(model(nodes, schema, {"label": (7, []), "transformed": (1, [4])}))


@pytest.fixture(scope="module")
def several():
    nodes = [
        node("Softmax", ["X"], ["probabilities_0"], axis=1),
        node("Neg", ["X"], ["minus"]),
        node("Softmax", ["minus"], ["probabilities_1"], axis=1),
        node("ArgMax", ["X"], ["a"], axis=1),
        node("ArgMin", ["X"], ["b"], axis=1),
        node("Concat", ["a", "b"], ["label"], axis=1),
    ]
    schema = Schema(
        "classification",
        TABLE,
        ("label", "probabilities_0", "probabilities_1"),
        classes=[[0, 1, 2, 3], [0, 1, 2, 3]],
        classes_dtype=("int32", "int32"),
    )
    ends = {"label": (7, [2]), "probabilities_0": (1, [4]), "probabilities_1": (1, [4])}
    return opened(model(nodes, schema, ends))


def test_a_transformer(twice):
    np.testing.assert_allclose(twice.transform(X), 2 * X, rtol=1e-6)
    assert twice.get_feature_names_out().tolist() == [f"transformed{i}" for i in range(4)]
    for name in ("predict", "predict_proba", "score", "decision_function", "classes_"):
        assert not hasattr(twice, name)
    assert not is_classifier(twice)
    assert not is_regressor(twice)


def test_a_transformer_as_a_step(twice):
    y = (X[:, 0] > 0).astype(int)
    chain = make_pipeline(twice, StandardScaler(), LogisticRegression()).fit(X, y)
    plain = make_pipeline(StandardScaler(), LogisticRegression()).fit(2 * X, y)
    np.testing.assert_allclose(chain.predict_proba(X), plain.predict_proba(2 * X), atol=1e-6)
    assert list(chain[:1].get_feature_names_out()) == [f"transformed{i}" for i in range(4)]


def test_a_regressor(sums):
    y = X.sum(axis=1)
    np.testing.assert_allclose(sums.predict(X), y, atol=1e-5)
    assert is_regressor(sums)
    noisy = y + np.linspace(-1, 1, len(y))
    assert sums.score(X, noisy) == pytest.approx(r2_score(noisy, sums.predict(X)))
    assert not hasattr(sums, "transform")
    np.testing.assert_array_equal(cross_val_predict(sums, X, y, cv=3), sums.predict(X))


def test_an_outlier_detector(outliers):
    total = X.sum(axis=1)
    np.testing.assert_allclose(outliers.decision_function(X), total, atol=1e-5)
    assert outliers.predict(X).tolist() == np.where(total < 0, -1, 1).tolist()
    assert is_outlier_detector(outliers)
    assert not hasattr(outliers, "score")


def test_a_clusterer(clusters):
    assert clusters.predict(X).tolist() == X.argmin(axis=1).tolist()
    np.testing.assert_allclose(clusters.transform(X), X, atol=1e-6)
    assert is_clusterer(clusters)
    assert not hasattr(clusters, "score")


def test_a_classifier_of_several_outputs(several):
    both = several.predict_proba(X)
    assert isinstance(both, list)
    np.testing.assert_allclose(both[0], softmax(X), atol=1e-6)
    np.testing.assert_allclose(both[1], softmax(-X), atol=1e-6)
    y = np.stack([X.argmax(axis=1), X.argmin(axis=1)], axis=1)
    assert several.predict(X).dtype == np.int32
    np.testing.assert_array_equal(several.predict(X), y)
    assert [list(each) for each in several.classes_] == [[0, 1, 2, 3]] * 2
    assert several.score(X, y) == 1.0
    y[0, 0] += 1
    assert several.score(X, y) == pytest.approx(1 - 1 / len(y))


@pytest.mark.parametrize(
    ("classes", "dtype"),
    [
        (["no", "yes", "perhaps"], "<U7"),
        ([3, 5, 9], "int16"),
        ([False, True], "bool"),
        ([0, 1], "float64"),
        (["a", "b"], "object"),
        (["a", "b"], "StringDType()"),
    ],
)
def test_labels_in_the_users_own_type(classes, dtype):
    proto, weights = linear(classes, dtype)
    onnx = opened(proto)
    z = X.astype(np.float32) @ weights
    np.testing.assert_allclose(onnx.predict_proba(X), softmax(z), atol=1e-6)
    predicted, known = onnx.predict(X), onnx.classes_
    assert predicted.dtype == known.dtype
    assert predicted.tolist() == [classes[i] for i in z.argmax(axis=1)]
    y = np.array(classes)[np.arange(len(X)) % len(classes)]
    assert onnx.score(X, y) == accuracy_score(y, np.array(predicted.tolist()))


def test_cross_validation_and_the_end_of_a_pipeline():
    proto, _ = linear(["a", "b", "c"], "<U1")
    onnx = opened(proto)
    y = np.array(["a", "b", "c"])[np.arange(len(X)) % 3]
    shares = cross_val_predict(onnx, X, y, cv=3, method="predict_proba")
    np.testing.assert_allclose(shares, onnx.predict_proba(X), atol=1e-6)
    chain = make_pipeline(StandardScaler(), onnx).fit(X, y)
    scaled = StandardScaler().fit_transform(X)
    np.testing.assert_array_equal(chain.predict(X), onnx.predict(scaled))
    assert chain.score(X, y) == onnx.score(scaled, y)


def test_evaluate_takes_a_loaded_file():
    from unifml import evaluate

    proto, weights = linear([0, 1], "int64")
    y = (X.astype(np.float32) @ weights).argmax(axis=1)
    assert evaluate(opened(proto), X, y, cv=None, verbose=0).scores["accuracy"] == 1.0


def test_a_table_of_documents():
    nodes = [node("Equal", ["code", "zero"], ["b"]), node("Cast", ["b"], ["transformed"], to=7)]
    coded = node(
        "LabelEncoder",
        ["X"],
        ["code"],
        "ai.onnx.ml",
        keys_strings=["good"],
        values_int64s=[0],
        default_int64=-1,
    )
    schema = Schema("transformation", (Input("X", "string", ()),), ("transformed",))
    onnx = opened(model([coded, *nodes], schema, {"transformed": (7, [])}, [constant("zero", 0)]))
    import pandas as pd

    for texts in (["good", "bad"], np.array(["good", "bad"]), pd.Series(["good", "bad"])):
        assert onnx.transform(texts).tolist() == [1, 0]
    with pytest.raises(TypeError, match="raw text documents expected"):
        onnx.transform("good")
    with pytest.raises(DataError, match="list of texts"):
        onnx.transform(["good", 3])
    with pytest.raises(DataError, match="a missing text"):
        onnx.transform(["good", None])
    with pytest.raises(DataError, match="list of texts"):
        onnx.transform([["good"]])


def test_threads_share_one_session_and_one_answer():
    proto, _ = linear(["a", "b"], "<U1")
    closed = pickle.loads(pickle.dumps(opened(proto)))
    seen, found = [], []

    def ask():
        seen.append(closed.session)
        found.append([closed.predict_proba(X[:n]) for n in (1, 7, 40)])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(session) for session in seen}) == 1
    for each in found:
        for ours, theirs in zip(each, found[0], strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_threads_are_a_parameter():
    proto, _ = linear([0, 1], "int64")
    onnx = OnnxEstimator.from_bytes(proto.SerializeToString(), threads=1)
    assert onnx.session.get_session_options().intra_op_num_threads == 1
    assert onnx.set_params(threads=2).session.get_session_options().intra_op_num_threads == 2
    assert onnx.predict(X).shape == (40,)
    for threads in (0, -1, "2", True):
        with pytest.raises(ParameterError, match="threads="):
            onnx.set_params(threads=threads).predict(X)


def test_predictions_that_overflow_are_refused(sums):
    with pytest.raises(DataError, match="predictions are NaN or infinite"):
        sums.predict(np.full((1, 4), 3e38))


@pytest.mark.parametrize("form", [np.asarray, np.ndarray.tolist])
def test_a_model_that_overflows_is_refused(form):
    """Whether the rows are ready for the graph or are made so."""
    nodes = [node("Mul", ["X", "large"], ["prediction"])]
    schema = Schema("regression", TABLE, ("prediction",))
    held = [constant("large", np.float32(3e38))]
    onnx = opened(model(nodes, schema, {"prediction": (1, [4])}, held))
    rows = np.full((1, 4), 0.5, np.float32)
    assert onnx.predict(form(rows)).tolist() == [[np.float32(1.5e38)] * 4]
    with pytest.raises(DataError, match="predictions are NaN or infinite"):
        onnx.predict(form(20 * rows))


class Sizes:
    """Stands for a session, and notes how many rows it is asked at once."""

    def __init__(self):
        self.asked = []

    def run(self, outputs, feed):
        self.asked.append(len(feed["X"]))
        return [feed["X"].sum(axis=1)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "width", "most"), [(200_000, 2, 1 << 14), (9, 1 << 22, 4)])
def test_memory_is_bounded(dtype, n, width, most):
    schema = Schema("regression", (Input("X", "float", (width,)),), ("prediction",))
    session, rows = Sizes(), np.ones((n, width), dtype)
    found = asker(session, Feeder(schema), ["prediction"])(rows)
    assert max(session.asked) == most
    np.testing.assert_array_equal(found[0], np.full(n, width))

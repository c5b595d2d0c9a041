"""Smaller networks: as good as the original, and smaller; what cannot be is refused."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from sklearn.metrics import accuracy_score, log_loss
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from export.data import codes, numbers
from export.nets import weights_of, written
from unifml import Classifier, Regressor, Training
from unifml.core.signature import ANY, Feed
from unifml.errors import ExportError, ExportMismatchError, ParameterError, UnknownNameError
from unifml.export.describe import entrance, predictor
from unifml.export.ends import write_model
from unifml.export.made import Question
from unifml.export.proof import native_answers
from unifml.export.shrink import (
    Shrinker,
    fp16,
    int8,
    int8_static,
    judged,
    rows_reaching,
    write_smaller,
)
from unifml.export.shrink.order import put_nodes
from unifml.export.shrink.simplify import by_upstream, opened, simplified
from unifml.export.tidy import tidy
from unifml.layers import (
    GRU,
    LSTM,
    Activation,
    BatchNorm,
    Conv2D,
    Dense,
    Embedding,
    FeatureDense,
    Flatten,
    GlobalAvgPool,
    MaxPool,
    Network,
    PeriodicFeatures,
    SimpleRNN,
    Standardize,
    TransformerBlock,
)
from unifml.models import MLP

RNG = np.random.default_rng(0)
SEQUENCES = [Feed("X", (ANY, 6))]
# name: layers, inputs of the network, rows, share of the bytes with fp16 and with int8
NETWORKS = {
    "mlp": (
        (Standardize(), Dense(96), Activation("relu"), Dense(64), Activation("tanh"), Dense(3)),
        (8,),
        {"X": RNG.normal(size=(200, 8))},
        (0.6, 0.5),
    ),
    "cnn": (
        (Conv2D(24, 3), BatchNorm(), Activation("relu"), MaxPool(2), Flatten(), Dense(4)),
        (10, 10, 3),
        {"X": RNG.normal(size=(60, 10, 10, 3))},
        (0.65, 0.6),
    ),
    "lstm": (
        (Standardize(), LSTM(48, bidirectional=True), Dense(3)),
        SEQUENCES,
        {"X": RNG.normal(size=(40, 9, 6)), "X_lengths": RNG.integers(1, 10, 40)},
        (0.6, 0.4),
    ),
    "gru": (
        (GRU(32, return_sequences=True), GRU(16), Dense(3)),
        SEQUENCES,
        {"X": RNG.normal(size=(40, 9, 6)), "X_lengths": RNG.integers(1, 10, 40)},
        (0.6, 0.5),
    ),
    "rnn": (
        (SimpleRNN(48), Dense(3)),
        (9, 6),
        {"X": RNG.normal(size=(40, 9, 6))},
        (0.6, 0.5),
    ),
    "transformer": (
        (Dense(64), TransformerBlock(4, 128), GlobalAvgPool(), Dense(3)),
        SEQUENCES,
        {"X": RNG.normal(size=(40, 9, 6)), "X_lengths": RNG.integers(1, 10, 40)},
        (0.65, 0.65),
    ),
    "words": (
        (Embedding(3000, 12), GlobalAvgPool(), Dense(3)),
        (7,),
        {"X": RNG.integers(0, 3000, (60, 7)).astype(float)},
        (0.55, 0.4),
    ),
    "waves": (
        (Standardize(), PeriodicFeatures(12), FeatureDense(16), Flatten(), Dense(64), Dense(2)),
        (6,),
        {"X": RNG.normal(size=(100, 6))},
        (0.6, 0.5),
    ),
}
WORST = {"fp16": 0.01, "int8": 0.15, "int8_static": 0.15}


def network(name):
    """Return a network as an ONNX model, and rows for it."""
    layers, inputs, X, shares = NETWORKS[name]
    built = Network(layers)
    proto = written(built.graph(inputs), weights_of(built, inputs))
    feeds = {k: v.astype(np.int64 if k.endswith("lengths") else np.float32) for k, v in X.items()}
    return proto, feeds, shares


def shrunk(proto, feeds, precision):
    if precision == "int8_static":
        return int8_static(proto, feeds)
    return {"fp16": fp16, "int8": int8}[precision](proto)


def answer(proto, feeds):
    return opened(proto).run(None, dict(feeds))[0]


@pytest.mark.parametrize("precision", WORST)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_smaller_and_close(name, precision):
    proto, feeds, shares = network(name)
    before = proto.SerializeToString()
    smaller, _ = shrunk(proto, feeds, precision)
    assert proto.SerializeToString() == before
    onnx.checker.check_model(helper.make_model(smaller.graph, opset_imports=opsets(smaller)))
    assert smaller.ByteSize() < shares[precision != "fp16"] * proto.ByteSize()
    wanted, found = answer(proto, feeds), answer(smaller, feeds)
    assert found.dtype == np.float32
    assert np.abs(found - wanted).max() < WORST[precision] * np.abs(wanted).max()
    assert np.abs(found - wanted).max() > 0
    one = {key: values[:1] for key, values in feeds.items()}
    assert answer(smaller, one).shape == (1, *wanted.shape[1:])


def opsets(proto):
    domains = {node.domain for node in proto.graph.node} | {""}
    return [helper.make_opsetid(domain, 18 if domain == "" else 1) for domain in domains]


@pytest.mark.parametrize("name", ["lstm", "gru", "transformer"])
def test_padding_is_padding_in_float16_too(name):
    proto, feeds, _ = network(name)
    short = feeds | {"X_lengths": np.full(40, 4, np.int64)}
    cut = {"X": feeds["X"][:, :4], "X_lengths": short["X_lengths"]}
    smaller, _ = fp16(proto)
    np.testing.assert_allclose(answer(smaller, short), answer(smaller, cut), atol=2e-3)


def test_raw_values_beyond_float16_are_standardised_before_they_are_rounded():
    built = Network((Standardize(), Dense(64), Activation("relu"), Dense(2)))
    weights = weights_of(built, (3,))
    own = [name for name in weights if name.endswith((".mean", ".scale"))]
    assert len(own) == 2
    weights |= {name: np.full(3, 1e6 if name.endswith("mean") else 2e5) for name in own}
    X = (1e6 + 2e5 * RNG.normal(size=(50, 3))).astype(np.float32)
    proto = written(built.graph((3,)), weights)
    wanted, found = answer(proto, {"X": X}), answer(fp16(proto)[0], {"X": X})
    np.testing.assert_allclose(found, wanted, atol=2e-3 * np.abs(wanted).max())


def test_ids_beyond_float16_stay_apart():
    proto, _, _ = network("words")
    rows = np.array([[2049.0] * 7, [2050.0] * 7, [2051.0] * 7], np.float32)
    wanted, found = answer(proto, {"X": rows}), answer(fp16(proto)[0], {"X": rows})
    np.testing.assert_allclose(found, wanted, atol=2e-3 * np.abs(wanted).max())


def test_stored_weights_are_folded_when_the_file_is_loaded():
    """Else a convolution in int8 would be slower than in float32, in every run."""
    proto, _, _ = network("cnn")
    smaller = simplified(int8(proto)[0])
    (conv,) = [node for node in smaller.graph.node if node.op_type == "Conv"]
    weights = {t.name: t for t in smaller.graph.initializer}
    assert weights[conv.input[1]].data_type == TensorProto.FLOAT


def test_what_upstream_cannot_do_is_an_error_with_its_words():
    def fail(folder):
        raise NotImplementedError("no int8 kernel for Conv")

    with pytest.raises(ExportError, match="no int8 kernel for Conv") as error:
        by_upstream("a network in int8", fail)
    assert isinstance(error.value.__cause__, NotImplementedError)


def test_a_network_without_weights_has_no_float16():
    node = helper.make_node("Relu", ["X"], ["y"])
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 2]) for n in ("X", "y")]
    graph = helper.make_graph([node], "g", ends[:1], ends[1:])
    with pytest.raises(ExportError, match="without weights"):
        fp16(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8))


# Whole models ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wide():
    model = Classifier(
        MLP(hidden=(96, 48)), backend="sklearn", training=Training(epochs=20), random_state=0
    )
    X, y = numbers(150), codes(150)
    X[:, 1] += 4 * y
    return make_pipeline(StandardScaler(), model).fit(X, y), X, y


def smaller(model, X, precision):
    """Return the bytes of a smaller file, what the model says, the writer, and the task."""
    inner, task = predictor(model)
    said = native_answers(inner, X, task)
    asked = Question(inner, task, X, said, *entrance(inner, X), 18)
    proto, writer, ends = write_smaller(asked, precision)
    asked.describe(proto, ends, writer.roads)
    return proto.SerializeToString(), said, writer, task


@pytest.mark.sklearn
@pytest.mark.parametrize("precision", WORST)
def test_a_smaller_pipeline_is_judged_by_its_metric(wide, precision):
    model, X, y = wide
    content, said, writer, task = smaller(model, X, precision)
    assert "int8" in writer.roads[-1][1] or "float16" in writer.roads[-1][1]
    worth = judged(content, said, model, X, y, task=task)
    assert (worth.metric, worth.score) == ("accuracy", accuracy_score(y, model.predict(X)))
    assert abs(worth.score - worth.score_onnx) <= 0.01
    assert 0 < worth.differences.max() < 0.1
    agreed = judged(content, said, model, X, task=task)
    assert (agreed.metric, agreed.score) == ("agreement", 1.0)
    lost = judged(content, said, model, X, y, task=task, metric="log_loss")
    assert lost.score == pytest.approx(log_loss(y, model.predict_proba(X)), abs=1e-6)
    assert set(worth.fields()) >= {"metric", "score", "score_onnx", "rows", "label_flips"}


@pytest.mark.sklearn
def test_a_file_that_is_worse_is_refused(wide):
    model, X, y = wide
    content, said, _, task = smaller(model, X, "fp16")
    broken = onnx.load_from_string(content)
    tensor = max(broken.graph.initializer, key=lambda t: t.ByteSize())
    values = numpy_helper.to_array(tensor)
    tensor.CopyFrom(numpy_helper.from_array(-values, tensor.name))
    for truth, name in ((None, "agreement"), (y, "accuracy")):
        with pytest.raises(ExportMismatchError, match=name):
            judged(broken.SerializeToString(), said, model, X, truth, task=task)
    worse = judged(broken.SerializeToString(), said, model, X, y, task=task, max_loss=1.0)
    assert worse.score_onnx < worse.score
    with pytest.raises(ExportMismatchError, match="log_loss"):  # less is better
        judged(broken.SerializeToString(), said, model, X, y, task=task, metric="log_loss")
    with pytest.raises(ParameterError, match="pass y"):
        judged(content, said, model, X, task=task, metric="accuracy")


@pytest.mark.sklearn
def test_regressors_are_held_against_their_own_predictions(wide):
    X = numbers(150)
    y = np.c_[X[:, 0] * 3, X[:, 1]]
    model = Regressor(
        MLP(hidden=(96, 48)), backend="sklearn", training=Training(epochs=20), random_state=0
    ).fit(X, y)
    content, said, _, task = smaller(model, X, "int8_static")
    worth = judged(content, said, model, X, task=task)
    assert worth.metric == "r2_to_model"
    assert 0.99 < worth.score_onnx < 1
    assert judged(content, said, model, X, y, task=task).metric == "r2"


@pytest.mark.sklearn
def test_calibration_sees_the_rows_that_reach_the_network(wide):
    model, X, _ = wide
    inputs, _ = entrance(model, X)
    seen = []

    def shrink(writer, proto, names):
        feed = {"X": np.ascontiguousarray(X)}
        seen.append(rows_reaching(writer, inputs, feed, names.values())[names["X"]])
        return proto, "as it was"

    write_model(model, "classification", inputs, 18, columns=0, shrink=shrink)
    np.testing.assert_allclose(seen[0], model[0].transform(X), rtol=1e-6)


@pytest.mark.sklearn
def test_only_what_gains_is_changed():
    X, y = numbers(), codes()
    linear = Classifier("linear", backend="sklearn").fit(X, y)
    with pytest.raises(ExportError, match="no network") as error:
        smaller(linear, X, "int8")
    assert 'precision="float32"' in error.value.fix
    with pytest.raises(ExportError, match="no network in it"):
        smaller(GaussianNB().fit(X, y), X, "fp16")
    with pytest.raises(UnknownNameError, match="did you mean 'int8'"):
        Shrinker.of("int9", (), dict)


# Tidying -----------------------------------------------------------------------------------------


def cluttered():
    one = np.arange(6, dtype=np.float32).reshape(3, 2)
    tensors = [numpy_helper.from_array(one, name) for name in ("W", "V", "unused")]
    nodes = [
        helper.make_node("Identity", ["X"], ["a"]),
        helper.make_node("Cast", ["a"], ["b"], to=TensorProto.FLOAT),
        helper.make_node("Concat", ["b"], ["c"], axis=1),
        helper.make_node("MatMul", ["c", "W"], ["d"]),
        helper.make_node("MatMul", ["c", "V"], ["e"]),
        helper.make_node("Add", ["d", "e"], ["f"]),
        helper.make_node("Cast", ["f"], ["g"], to=TensorProto.DOUBLE),
        helper.make_node("Neg", ["f"], ["dead"]),
        helper.make_node("Identity", ["g"], ["out"]),
        helper.make_node("Identity", ["X"], ["same"]),
    ]
    ends = [
        helper.make_tensor_value_info("out", TensorProto.DOUBLE, ["n", 2]),
        helper.make_tensor_value_info("same", TensorProto.FLOAT, ["n", 3]),
    ]
    start = [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["n", 3])]
    graph = helper.make_graph(nodes, "g", start, ends, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def test_a_tidy_graph_gives_the_same_numbers_with_fewer_nodes():
    X = RNG.normal(size=(4, 3)).astype(np.float32)
    wanted = opened(cluttered()).run(None, {"X": X})
    proto = tidy(cluttered())
    onnx.checker.check_model(proto)
    kinds = [node.op_type for node in proto.graph.node]
    assert kinds == ["MatMul", "MatMul", "Add", "Cast", "Identity"]
    assert [t.name for t in proto.graph.initializer] == ["W"]
    for found, right in zip(opened(proto).run(None, {"X": X}), wanted, strict=True):
        np.testing.assert_array_equal(found, right)


def test_subgraphs_keep_what_they_read():
    inner = helper.make_graph(
        [helper.make_node("Identity", ["a"], ["y"])],
        "then",
        [],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
    )
    proto = cluttered()
    condition = numpy_helper.from_array(np.array(True), "yes")
    proto.graph.initializer.append(condition)
    choice = helper.make_node("If", ["yes"], ["chosen"], then_branch=inner, else_branch=inner)
    last = helper.make_node("Neg", ["chosen"], ["negative"])
    proto.graph.node.extend([choice, last])
    proto.graph.output.append(helper.make_tensor_value_info("negative", 1, ["n", 3]))
    X = RNG.normal(size=(4, 3)).astype(np.float32)
    np.testing.assert_array_equal(opened(tidy(proto)).run(["negative"], {"X": X})[0], -X)


def test_nodes_are_put_behind_what_they_read():
    proto = cluttered()
    put_nodes(proto, list(proto.graph.node)[::-1])
    onnx.checker.check_model(proto)

"""Broken on purpose: the export refuses, and nothing is left at the path."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import numpy_helper
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from export.data import SHORT, codes, mixed, numbers, preparation, prices
from unifml import Classifier, Regressor, export_onnx
from unifml.errors import (
    CapabilityError,
    DataTypeError,
    ExportError,
    ExportMismatchError,
    MissingDependencyError,
    ParameterError,
)
from unifml.export import verb
from unifml.export.proof import RELATIVE, Answers, _compare
from unifml.runtime.schema import Schema

pytestmark = pytest.mark.sklearn


def fitted():
    return Classifier("mlp", backend="sklearn", training=SHORT, random_state=0)


@pytest.fixture
def tampered(monkeypatch):
    """Let a function change the graph between the conversion and the proof."""

    def tamper(change):
        honest = verb.to_model

        def dishonest(*args, **params):
            proto, roads = honest(*args, **params)
            change(proto.graph)
            return proto, roads

        monkeypatch.setattr(verb, "to_model", dishonest)

    return tamper


def change_initializer(graph, part, change):
    (tensor,) = [t for t in graph.initializer if t.name.endswith(part)]
    tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor)), tensor.name))


def wrong_weight(graph):
    def change(kernel):
        kernel = kernel.copy()
        kernel[0, 0] += 0.01
        return kernel

    change_initializer(graph, "hidden_0.kernel", change)


def swapped_columns(graph):
    change_initializer(graph, "standardize.mean", lambda mean: mean[::-1].copy())


def swapped_classes(graph):
    change_initializer(graph, "classes", lambda classes: classes[::-1].copy())


def lost_activation(graph):
    for node in graph.node:
        if node.op_type == "Relu":
            node.op_type = "Identity"


def made_up_operator(graph):
    graph.node[-1].op_type = "NoSuchOperator"


@pytest.mark.parametrize(
    "change", [wrong_weight, swapped_columns, swapped_classes, lost_activation]
)
@pytest.mark.parametrize("before", [None, b"the file of yesterday"])
def test_a_wrong_graph_is_refused_and_leaves_no_file(change, before, tampered, tmp_path):
    X, y = numbers(), np.array(["a", "b", "c"])[codes()]
    path = tmp_path / "m.onnx"
    if before is not None:
        path.write_bytes(before)
    tampered(change)
    with pytest.raises(ExportMismatchError, match=r"row \d+: model .*, ONNX "):
        export_onnx(fitted().fit(X, y), path, X)
    assert [f.read_bytes() for f in tmp_path.iterdir()] == ([] if before is None else [before])


def test_a_graph_that_does_not_run_is_refused(tampered, tmp_path):
    X, y = numbers(), codes()
    tampered(made_up_operator)
    with pytest.raises(ExportError, match="NoSuchOperator"):
        export_onnx(fitted().fit(X, y), tmp_path / "m.onnx", X)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_scale_of_the_target_is_refused(tampered, tmp_path):
    X = numbers()
    model = Regressor("mlp", backend="sklearn", training=SHORT).fit(X, X.sum(axis=1))
    tampered(lambda graph: change_initializer(graph, "target.scale", lambda s: s * 1.001))
    with pytest.raises(ExportMismatchError, match="values differ"):
        export_onnx(model, tmp_path / "m.onnx", X)
    assert list(tmp_path.iterdir()) == []


def test_what_upstream_converts_wrongly_is_refused(tmp_path):
    """skl2onnx takes the nearest step of an isotonic calibration where there is a slope."""
    X = mixed(300)
    y = np.where(prices(X) + np.random.default_rng(0).normal(0, 20, 300) > 60, "dear", "cheap")
    calibrated = CalibratedClassifierCV(LogisticRegression(), method="isotonic", cv=2)
    model = make_pipeline(preparation(), calibrated).fit(X, y)
    with pytest.raises(ExportMismatchError):
        export_onnx(model, tmp_path / "m.onnx", X)
    assert list(tmp_path.iterdir()) == []


class Dice(ClassifierMixin, BaseEstimator):
    """Predicts at random."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.random.default_rng().choice(self.classes_, len(X))


def test_a_random_model_is_refused(tmp_path):
    X, y = numbers(), codes()
    with pytest.raises(ExportError, match="something else each time"):
        export_onnx(Dice().fit(X, y), tmp_path / "m.onnx", X)


def test_an_estimator_without_a_converter_is_refused_by_name(tmp_path):
    class Constant(Dice):
        def predict(self, X):
            return np.full(len(X), self.classes_[0])

    X, y = numbers(), codes()
    with pytest.raises(ExportError, match="Constant"):
        export_onnx(Constant().fit(X, y), tmp_path / "m.onnx", X)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("model", "error"),
    [
        (Classifier("mlp"), NotFittedError),
        (make_pipeline(LogisticRegression()), NotFittedError),
        (KMeans(2).fit(numbers()), CapabilityError),
        (LogisticRegression, DataTypeError),
        ("mlp", DataTypeError),
    ],
)
def test_what_is_no_fitted_predictor_is_refused(model, error, tmp_path):
    with pytest.raises(error):
        export_onnx(model, tmp_path / "m.onnx", numbers())


def test_rows_that_do_not_fit_are_refused_in_scikit_learns_words(tmp_path):
    model = LogisticRegression(max_iter=500).fit(numbers(), codes())
    with pytest.raises(ValueError, match="X has 3 features, but LogisticRegression is expecting 4"):
        export_onnx(model, tmp_path / "m.onnx", numbers(k=3))


@pytest.mark.parametrize("opset", [17, 99, "18"])
def test_an_opset_out_of_range_is_refused(opset, tmp_path):
    with pytest.raises(ParameterError, match="opset"):
        export_onnx(fitted(), tmp_path / "m.onnx", numbers(), opset=opset)


def test_a_missing_package_is_named_with_the_line_to_run(monkeypatch, tmp_path):
    monkeypatch.setattr(verb, "find_spec", lambda name: None if name == "skl2onnx" else name)
    with pytest.raises(MissingDependencyError, match=r'skl2onnx.*"unifml\[onnx\]"'):
        export_onnx(fitted(), tmp_path / "m.onnx", numbers())


# The policy itself ------------------------------------------------------------------------------


class Loaded:
    """As much of a loaded file as the comparison looks at."""

    def __init__(self, classes):
        self.classes_ = np.array(classes)
        self.schema = Schema("classification", (), ())


def compare(native, onnx, labels, found):
    left = Answers(np.array(labels), np.array(native))
    right = Answers(np.array(found), np.array(onnx))
    return _compare(left, right, Loaded(["a", "b", "c"]), np.full(1, RELATIVE))


def test_rounding_may_decide_a_tie():
    tie = [[0.4999999, 0.5000001, 0.0]]
    proof = compare(tie, [[0.5000001, 0.4999999, 0.0]], ["b"], ["a"])
    assert proof.label_flips == 1


def test_a_tie_is_between_the_tied_classes_only():
    tie = [[0.4999999, 0.5000001, 0.0]]
    with pytest.raises(ExportMismatchError, match="labels differ"):
        compare(tie, tie, ["b"], ["c"])


def test_a_sure_label_may_not_differ():
    sure = [[0.49, 0.51, 0.0]]
    with pytest.raises(ExportMismatchError, match="labels differ"):
        compare(sure, sure, ["b"], ["a"])


def test_nan_is_a_difference():
    with pytest.raises(ExportMismatchError, match="values differ"):
        compare([[0.5, 0.5, 0.0]], [[np.nan, 0.5, 0.0]], ["a"], ["a"])

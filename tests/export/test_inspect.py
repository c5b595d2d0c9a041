"""What is in a file, held against how it was made."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from export.data import SHORT, codes, mixed, numbers, preparation
from unifml import Classifier, export_onnx
from unifml.errors import DataError, MissingDependencyError
from unifml.export import inspect
from unifml.export.inspect import inspect_onnx
from unifml.models import MLP


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    X, y = mixed(), np.where(codes(120) == 1, "yes", "no")
    network = Classifier(MLP(hidden=(8,)), backend="sklearn", training=SHORT, random_state=0)
    model = make_pipeline(preparation(), network).fit(X, y)
    path = tmp_path_factory.mktemp("inspect") / "model.onnx"
    return path, X, export_onnx(model, path, X)


@pytest.mark.sklearn
def test_a_file_of_unifml_says_all_of_itself(written):
    path, X, report = written
    found = inspect_onnx(path)
    assert [(t.name, t.type, t.shape) for t in found.inputs] == [
        ("mean width", "float64", ("n", 1)),
        ("rooms", "int64", ("n", 1)),
        ("place", "string", ("n", 1)),
        ("label_", "string", ("n", 1)),
    ]
    assert [t.name for t in found.outputs] == ["label", "probabilities"]
    assert (found.task, found.classes) == ("classification", ["no", "yes"])
    assert found.feature_names == tuple(X.columns)
    assert (found.bytes, found.opsets["ai.onnx"]) == (report.bytes, 18)
    assert found.operators["Gemm"] == 2
    assert list(found.operators.values()) == sorted(found.operators.values(), reverse=True)
    assert any(road["exporter"] == "unifml" for road in found.roads)
    assert found.proof["rows"] == len(X)
    assert (found.warning, found.external) == ("", 0)
    assert set(found.versions) >= {"onnx", "onnxruntime", "scikit-learn"}


@pytest.mark.sklearn
def test_it_is_shown_as_text_html_json_and_frame(written):
    found = inspect_onnx(written[0])
    text, html = str(found), found._repr_html_()
    for part in ("mean width: float64 (n, 1)", "no, yes", "on 120 rows", "Gemm 2"):
        assert part in text
        assert part in html
    assert json.loads(found.to_json())["operators"] == found.operators
    frame = found.to_frame()
    assert frame["role"].tolist() == ["input"] * 4 + ["output"] * 2


@pytest.mark.sklearn
def test_parameters_of_a_network_are_its_weights(tmp_path):
    X, y = numbers(), codes()
    network = Classifier(MLP(hidden=(50, 20)), backend="sklearn", training=SHORT, random_state=0)
    export_onnx(network.fit(X, y), tmp_path / "m.onnx", X)
    weights = sum(np.size(v) for v in network._fitted.weights.values())
    found = inspect_onnx(tmp_path / "m.onnx")
    assert weights <= found.parameters < weights + 30
    assert 4 * weights <= found.parameter_bytes < found.bytes


@pytest.mark.sklearn
def test_parameters_of_trees_are_counted_too(tmp_path):
    X, y = numbers(), codes()
    forest = RandomForestClassifier(3, random_state=0).fit(X, y)
    export_onnx(make_pipeline(StandardScaler(), forest).fit(X, y), tmp_path / "m.onnx", X)
    found = inspect_onnx(tmp_path / "m.onnx")
    nodes = sum(tree.tree_.node_count for tree in forest.estimators_)
    assert found.parameters > 5 * nodes


def of_others(**attributes):
    """A file that another tool wrote, with a loop in it."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["on"]),
            helper.make_node("Add", ["x", "step"], ["next"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, None),
        ],
        [numpy_helper.from_array(np.ones(3, np.float32), "step")],
    )
    loop = helper.make_node("Loop", ["times", "", "X"], ["y"], body=body)
    graph = helper.make_graph(
        [loop, helper.make_node("Fancy", ["y"], ["z"], domain="my.own")],
        "g",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(np.array(2), "times")],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("my.own", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, **attributes)


def test_files_of_others_are_told_of_too(tmp_path):
    onnx.save(of_others(producer_name="\x1b[31mother"), tmp_path / "m.onnx")
    found = inspect_onnx(tmp_path / "m.onnx")
    assert found.operators == {"Add": 1, "Identity": 1, "Loop": 1, "my.own.Fancy": 1}
    assert (found.parameters, found.task, found.warning) == (4, None, "")
    assert found.inputs[0].shape is None
    assert "\x1b" not in str(found)
    assert "not written by unifml" in str(found)


@pytest.mark.sklearn
@pytest.mark.parametrize(
    ("proof", "warning"),
    [
        ({"agrees": False, "rows": 9, "found": "row 3 differs"}, "row 3 differs"),
        (None, "no proof"),
    ],
)
def test_a_file_that_does_not_agree_is_warned_of(written, tmp_path, proof, warning):
    proto = onnx.load(written[0])
    (entry,) = [e for e in proto.metadata_props if e.key == "unifml.proof"]
    if proof is None:
        proto.metadata_props.remove(entry)
    else:
        entry.value = json.dumps(proof)
    onnx.save(proto, tmp_path / "m.onnx")
    found = inspect_onnx(tmp_path / "m.onnx")
    assert warning in found.warning
    assert "WARNING" in str(found)


def test_external_data_are_counted_and_not_opened(tmp_path):
    proto = of_others()
    tensor = TensorProto(name="big", data_type=1, dims=[2000], data_location=TensorProto.EXTERNAL)
    place = tensor.external_data.add()
    place.key, place.value = "location", "../secret"
    proto.graph.initializer.append(tensor)
    onnx.save(proto, tmp_path / "m.onnx")
    assert inspect_onnx(tmp_path / "m.onnx").external == 1


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x08", b"\xff" * 50])
def test_what_is_no_model_is_refused(tmp_path, content):
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(DataError, match="one protobuf message"):
        inspect_onnx(path)


@pytest.mark.sklearn
def test_a_damaged_note_is_refused(written, tmp_path):
    proto = onnx.load(written[0])
    (entry,) = [e for e in proto.metadata_props if e.key == "unifml.exporters"]
    for damage in ("{", "7", "[1]"):
        entry.value = damage
        onnx.save(proto, tmp_path / "m.onnx")
        with pytest.raises(DataError, match="damaged"):
            inspect_onnx(tmp_path / "m.onnx")


def test_it_needs_onnx_and_a_file(monkeypatch, tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        inspect_onnx(tmp_path / "none.onnx")
    monkeypatch.setattr(inspect, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"unifml\[onnx\]"):
        inspect_onnx(tmp_path / "none.onnx")

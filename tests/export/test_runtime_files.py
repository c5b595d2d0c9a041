"""Files from outside: refused by name before onnxruntime sees them, and nothing else than that."""

from __future__ import annotations

import json
import os
import pickle
import random
import subprocess
import sys

import numpy as np
import pytest

from export.handmade import constant, describe, linear, model, node, softmax
from unifml.errors import DataError, DeviceError
from unifml.runtime import OnnxEstimator, load_onnx
from unifml.runtime.schema import Input, Schema
from unifml.runtime.session import providers

pytestmark = pytest.mark.sklearn

X = np.random.default_rng(1).normal(size=(5, 4))


@pytest.fixture
def proto():
    return linear(["a", "b", "c"], "<U1")[0]


def written(proto, path):
    path.write_bytes(proto.SerializeToString())
    return path


def test_what_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_onnx(tmp_path / "none.onnx")
    with pytest.raises(DataError, match="not a file"):
        load_onnx(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.onnx")
        with pytest.raises(DataError, match="not a file"):
            load_onnx(tmp_path / "pipe.onnx")


@pytest.mark.parametrize(
    "content", [b"", b"not a model", b"\x00" * 99, b"\x3a\x05\x0a", b"\xff" * 99]
)
def test_what_is_no_model(content, tmp_path):
    (tmp_path / "bad.onnx").write_bytes(content)
    with pytest.raises(DataError, match="no ONNX model") as caught:
        load_onnx(tmp_path / "bad.onnx")
    error = caught.value
    assert error.asked
    assert error.found
    assert error.rule
    assert error.fix
    with pytest.raises(DataError, match="no ONNX model"):
        OnnxEstimator.from_bytes(content)


def test_sizes_are_bounded(proto, tmp_path):
    path = written(proto, tmp_path / "m.onnx")
    size = path.stat().st_size
    assert load_onnx(path, max_bytes=size).predict(X).shape == (5,)
    with pytest.raises(DataError, match=f"{size} bytes.*max_bytes"):
        load_onnx(path, max_bytes=size - 1)
    with open(tmp_path / "huge.onnx", "wb") as file:
        file.truncate(2**31 + 2**21)  # a hole: no disk is needed
    with pytest.raises(DataError, match="max_bytes"):
        load_onnx(tmp_path / "huge.onnx")


# Operators --------------------------------------------------------------------------------------


def with_custom(proto, domain="acme"):
    proto.graph.node.append(node("Steal", ["X"], ["y"], domain))
    return proto


def within_if(proto):
    from onnx import helper

    inner = helper.make_graph(
        [node("Steal", [], ["y"], "acme")], "inner", [], [helper.make_empty_tensor_value_info("y")]
    )
    proto.graph.node.append(node("If", ["c"], ["z"], then_branch=inner, else_branch=inner))
    return proto


def within_function(proto):
    from onnx import helper

    inside = helper.make_function(
        "ours", "f", ["a"], ["b"], [node("Steal", ["a"], ["b"], "acme")], []
    )
    proto.functions.append(inside)
    return proto


@pytest.mark.parametrize("spoil", [with_custom, within_if, within_function])
def test_custom_operators_are_named(spoil, proto, tmp_path):
    path = written(spoil(proto), tmp_path / "m.onnx")
    with pytest.raises(DataError, match=r"custom operators: acme\.Steal"):
        load_onnx(path)


def test_functions_of_the_file_are_no_custom_operators(tmp_path):
    from onnx import helper

    opset = helper.make_opsetid("", 18)
    twice = helper.make_function(
        "ours", "twice", ["a"], ["b"], [node("Add", ["a", "a"], ["b"])], [opset]
    )
    schema = Schema("transformation", (Input("X", "float", (4,)),), ("transformed",))
    proto = model(
        [node("twice", ["X"], ["transformed"], "ours")], schema, {"transformed": (1, [4])}
    )
    proto.functions.append(twice)
    proto.opset_import.append(helper.make_opsetid("ours", 1))
    onnx = load_onnx(written(proto, tmp_path / "m.onnx"))
    np.testing.assert_allclose(onnx.transform(X), 2 * X, rtol=1e-6)


def test_sparse_tensors_are_refused(proto, tmp_path):
    from onnx import helper

    values, places = constant("values", np.float32([1.0])), constant("places", np.int64([3]))
    sparse = helper.make_sparse_tensor(values, places, [10**12])
    proto.graph.sparse_initializer.append(sparse)
    with pytest.raises(DataError, match=r"sparse tensors.*are dense"):
        load_onnx(written(proto, tmp_path / "m.onnx"))


@pytest.mark.parametrize("dims", [[10**9, 10**9], [2**40], [4, 4], [-1, 3]])
def test_tensors_that_claim_more_than_they_hold(dims, proto, tmp_path):
    del proto.graph.initializer[0].dims[:]
    proto.graph.initializer[0].dims.extend(dims)
    with pytest.raises(DataError, match="onnxruntime"):
        load_onnx(written(proto, tmp_path / "m.onnx"))


# External data ----------------------------------------------------------------------------------


def outside(path, location="m.data", **place):
    """Write a model whose weights are in another file, which is written beside it."""
    proto, weights = linear(["a", "b", "c"], "<U1")
    tensor = proto.graph.initializer[0]
    (path.parent / "m.data").write_bytes(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = 1
    for key, value in {"location": location, **place}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, str(value)
    return written(proto, path), weights


@pytest.mark.parametrize("place", [{}, {"offset": 0, "length": 48}])
def test_external_data_are_read_where_they_are_allowed(place, tmp_path):
    path, weights = outside(tmp_path / "m.onnx", **place)
    with pytest.raises(DataError, match=r"1 tensor\(s\) in other files.*allow_external_data=True"):
        load_onnx(path)
    onnx = load_onnx(path, allow_external_data=True)
    expected = softmax(X.astype(np.float32) @ weights)
    np.testing.assert_allclose(onnx.predict_proba(X), expected, atol=1e-6)
    again = pickle.loads(pickle.dumps(onnx))
    np.testing.assert_allclose(again.predict_proba(X), expected, atol=1e-6)
    with pytest.raises(DataError, match="no folder"):
        OnnxEstimator.from_bytes(path.read_bytes())


def test_external_data_by_a_relative_path(tmp_path, monkeypatch):
    outside(tmp_path / "m.onnx")
    monkeypatch.chdir(tmp_path)
    assert load_onnx("m.onnx", allow_external_data=True).predict(X).shape == (5,)


def test_external_data_that_are_missing(tmp_path):
    path, _ = outside(tmp_path / "m.onnx")
    (tmp_path / "m.data").unlink()
    with pytest.raises(DataError, match=r"no file 'm\.data' beside the model.*one folder"):
        load_onnx(path, allow_external_data=True)


@pytest.mark.parametrize(
    "location",
    [
        *("../m.data", "/etc/passwd", "..", ".", "", "sub/m.data", "..\\m.data", "C:m.data"),
        *("*/_ORT_MEM_ADDR_/*", "m.data\0"),
    ],
)
def test_external_data_stay_in_the_folder(location, tmp_path):
    (tmp_path / "sub").mkdir()
    path, _ = outside(tmp_path / "m.onnx", location)
    with pytest.raises(DataError, match="external data"):
        load_onnx(path, allow_external_data=True)


def test_external_data_behind_links(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    path, _ = outside(folder / "m.onnx", "link.data")
    (folder / "link.data").symlink_to(folder / "m.data")
    assert load_onnx(path, allow_external_data=True).predict(X).shape == (5,)
    (folder / "link.data").unlink()
    (tmp_path / "secret").write_bytes((folder / "m.data").read_bytes())
    (folder / "link.data").symlink_to(tmp_path / "secret")
    with pytest.raises(DataError, match="plain file beside the model"):
        load_onnx(path, allow_external_data=True)


@pytest.mark.parametrize(
    "place",
    [
        {"offset": 8, "length": 48},
        {"length": 49},
        {"offset": 2**40},
        {"offset": -4},
        {"offset": "0x10"},
        {"length": "٣"},
        {"offset": 10**25},
        {"device": "cuda"},
    ],
)
def test_external_data_within_their_file(place, tmp_path):
    path, _ = outside(tmp_path / "m.onnx", **place)
    with pytest.raises(DataError, match="external data"):
        load_onnx(path, allow_external_data=True)


def test_external_data_count_towards_the_size(tmp_path):
    path, _ = outside(tmp_path / "m.onnx")
    whole = path.stat().st_size + 48
    assert load_onnx(path, allow_external_data=True, max_bytes=whole)
    with pytest.raises(DataError, match=rf"with its external data: {whole} bytes"):
        load_onnx(path, allow_external_data=True, max_bytes=whole - 1)


def test_another_format_is_not_guessed_by_the_name(proto, tmp_path):
    """onnxruntime takes files that end in .ort for its own format, which nobody has looked at."""
    path = written(proto, tmp_path / "m.ort")
    assert load_onnx(path).predict(X).shape == (5,)


def test_a_tensor_that_says_two_places(tmp_path):
    import onnx

    path, _ = outside(tmp_path / "m.onnx")
    proto = onnx.load(path, load_external_data=False)
    entry = proto.graph.initializer[0].external_data.add()
    entry.key, entry.value = "location", "../secret"
    with pytest.raises(DataError, match="external data"):
        load_onnx(written(proto, path), allow_external_data=True)


# Descriptions -----------------------------------------------------------------------------------

RIGHT = json.loads(linear(["a", "b", "c"], "<U1")[0].metadata_props[0].value)
COLUMN = RIGHT["inputs"][0]


@pytest.mark.parametrize(
    "change",
    [
        {"task": "magic"},
        {"task": ["classification"]},
        {"inputs": []},
        {"inputs": {}},
        {"inputs": [3]},
        {"inputs": [COLUMN | {"kind": "complex"}]},
        {"inputs": [COLUMN | {"kind": ["float"]}]},
        {"inputs": [COLUMN | {"kind": "double"}]},
        {"inputs": [COLUMN | {"name": "Y"}]},
        {"inputs": [COLUMN | {"name": None}]},
        {"inputs": [COLUMN | {"row": 4}]},
        {"inputs": [COLUMN | {"row": ["4"]}]},
        {"inputs": [COLUMN | {"row": [-4]}]},
        {"inputs": [COLUMN | {"row": [True]}]},
        {"inputs": [COLUMN, COLUMN | {"name": "Z"}]},
        {"outputs": []},
        {"outputs": "label"},
        {"outputs": [["label"]]},
        {"outputs": ["label", "probabilities", "prediction"]},
        {"outputs": ["secret"]},
        {"by_column": 1},
        {"feature_names": "abcd"},
        {"feature_names": [1, 2, 3, 4]},
        {"classes": {}},
        {"classes": [[1], [2]]},
        {"classes": []},
        {"classes": None},
        {"classes": ["a", {}]},
        {"classes": [["a"], ["b"]], "classes_dtype": ["<U1"]},
        {"classes": ["a", "b"], "classes_dtype": ["<U1", "<U1"], "outputs": ["label"]},
        {"classes": ["a", "b", "c"], "classes_dtype": "int64"},
        {"classes": [1, 2, 10**30], "classes_dtype": "int64"},
        {"classes_dtype": "V1000000000"},
        {"classes_dtype": "<U999999999"},
        {"classes_dtype": {}},
        {"classes_dtype": []},
        {"allow_nan": "yes"},
        {"cut": [1]},
        {"cut": {"a": 3}},
        {"dtypes": 3},
        {"nonsense": 1},
    ],
)
def test_descriptions_that_are_not_ours(change, proto):
    describe(proto, json.dumps(RIGHT | change))
    with pytest.raises(DataError, match="loading"):
        OnnxEstimator.from_bytes(proto.SerializeToString())


@pytest.mark.parametrize("text", ["", "{", "3", "[]", "null", "[" * 100_000, '{"task": NaN}'])
def test_descriptions_that_are_no_schema(text, proto):
    describe(proto, text)
    with pytest.raises(DataError, match="loading"):
        OnnxEstimator.from_bytes(proto.SerializeToString())


def test_descriptions_that_are_no_text(proto):
    content = proto.SerializeToString()
    broken = content.replace(b'"task"', b'"\xff\xfek"')
    assert broken != content
    with pytest.raises(DataError, match="loading"):
        OnnxEstimator.from_bytes(broken)


def test_an_earlier_versions_description(proto):
    names = ("task", "inputs", "outputs", "feature_names", "classes", "classes_dtype")
    describe(proto, json.dumps({name: RIGHT[name] for name in names}))
    onnx = OnnxEstimator.from_bytes(proto.SerializeToString())
    assert onnx.schema == Schema(
        "classification",
        (Input("X", "float", (4,)),),
        ("label", "probabilities"),
        classes=["a", "b", "c"],
        classes_dtype="<U1",
    )


# Devices ----------------------------------------------------------------------------------------


def test_devices():
    cpu, cuda = "CPUExecutionProvider", "CUDAExecutionProvider"
    assert providers(None, [cpu]) == providers("auto", [cpu]) == [cpu]
    assert providers("cpu", [cuda, cpu]) == [cpu]
    assert providers("cuda", [cuda, cpu]) == [(cuda, {"device_id": 0}), cpu]
    assert providers("auto", [cuda, cpu]) == [(cuda, {"device_id": 0}), cpu]
    assert providers("cuda:1", [cuda, cpu]) == [(cuda, {"device_id": 1}), cpu]
    for device in ("cuda", "cuda:", "cuda:x", "cuda:-1", "tpu", "auto:1", "cpu:3", "cuda:0"):
        with pytest.raises(DeviceError, match="device="):
            providers(device, [cpu])
    for device in ("cuda:", "cuda:x", "cuda:-1", "auto:1", "cpu:3"):
        with pytest.raises(DeviceError, match="device="):
            providers(device, [cuda, cpu])


# Noise ------------------------------------------------------------------------------------------


def spoiled(content: bytes, seed: int) -> bytes:
    """Cut a file, or change some of its bytes."""
    rng = random.Random(seed)
    found = bytearray(content)
    if seed % 3 == 0:
        return bytes(found[: rng.randrange(len(found))])
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(found))
        if seed % 3 == 1:
            found[at] = rng.randrange(256)
        else:
            found[at : at + rng.randrange(8)] = rng.randbytes(rng.randrange(8))
    return bytes(found)


_FUZZ = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from export.handmade import linear
from export.test_runtime_files import spoiled
from unifml.errors import DataError
from unifml.runtime import OnnxEstimator
content = linear(["a", "b", "c"], "<U1")[0].SerializeToString()
refused = 0
for seed in range(int(sys.argv[2])):
    print(seed, file=sys.stderr, flush=True)
    try:
        onnx = OnnxEstimator.from_bytes(spoiled(content, seed), threads=1)
    except DataError:
        refused += 1
        continue
    try:
        onnx.predict(np.zeros((2, 4)))
    except (DataError, AttributeError):
        refused += 1
print(refused)
"""


def test_noise_is_refused_or_harmless():
    """In a process of its own: a crash of onnxruntime would end it, after the seed's number."""
    tests = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    n = 1500
    command = [sys.executable, "-c", _FUZZ, tests, str(n)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert n // 2 < int(done.stdout) <= n

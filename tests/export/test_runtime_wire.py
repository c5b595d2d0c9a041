"""The reader of protobuf sees what onnx wrote, and takes no bytes for a model that are none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from export.handmade import constant, linear, node
from unifml.runtime.wire import Contents, MalformedError, contents

pytestmark = pytest.mark.sklearn


def varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def message(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def graph_of(nodes, held=()):
    from onnx import helper

    return helper.make_model(helper.make_graph(nodes, "g", [], [], list(held))).SerializeToString()


def operators(content):
    """Return the operators of a model; none of bytes that are refused."""
    try:
        return contents(content).operators
    except MalformedError:
        return set()


def test_operators_of_a_model():
    found = contents(linear(["a", "b"], "<U1")[0].SerializeToString())
    assert found == Contents({("", op) for op in ("MatMul", "Softmax", "ArgMax", "Gather")})


def test_many_numbers_and_texts_are_stepped_over():
    """All lengths of texts and numbers, then a node that must be seen behind them."""
    forest = node(
        "TreeEnsembleClassifier",
        ["X"],
        ["a"],
        "ai.onnx.ml",
        texts=["x" * n for n in range(400)] * 3,
        ints=[sign * 2**n for n in range(63) for sign in (1, -1)] * 50,
        floats=np.linspace(-1e30, 1e30, 10_000).tolist(),
        empty=np.int64(3),
        tensor=constant("t", np.array(["y" * n for n in range(300)], dtype=object)),
    )
    found = contents(graph_of([forest, node("Behind", ["a"], ["b"], "acme")]))
    assert found.operators == {("ai.onnx.ml", "TreeEnsembleClassifier"), ("acme", "Behind")}
    assert not found.external


def test_what_stands_behind_stepped_over_numbers_in_one_attribute():
    """A subgraph after numbers, as no honest writer would put it."""
    steal = message(1, message(4, b"Steal") + message(7, b"acme"))
    hidden = b"\x3d\0\0\0\0" * 9 + b"\x40\x05" * 9 + message(6, steal) + b"\x4a\x01x" * 9
    found = contents(message(7, message(1, message(4, b"If") + message(5, hidden))))
    assert found.operators == {("", "If"), ("acme", "Steal")}


@pytest.mark.parametrize("number", [5, 6, 10, 11, 22, 23])
def test_every_place_within_an_attribute(number):
    """Graphs, tensors and sparse tensors, one or a list of each."""
    graph = message(1, message(4, b"Steal") + message(7, b"acme"))
    tensor = message(13, message(1, b"location") + message(2, b"x.bin"))
    attribute = message(number, graph if number in (6, 11) else tensor)
    found = contents(message(7, message(1, message(4, b"Op") + message(5, attribute))))
    assert (("acme", "Steal") in found.operators) == (number in (6, 11))
    assert (found.external == [[("location", "x.bin")]]) == (number in (5, 10))
    assert found.sparse == (number in (22, 23))


def test_fields_that_come_twice():
    """Protobuf merges two graphs, and of two names the last one counts."""
    graph = message(1, message(4, b"A") + message(7, b"x") + message(7, b"acme"))
    found = contents(message(7, graph) + message(7, message(1, message(4, b"B"))))
    assert found.operators == {("acme", "A"), ("", "B")}


def test_places_of_tensors():
    tensor = constant("t", np.zeros(3, np.float32))
    tensor.data_location = 1
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "x.bin"
    inside = node("Constant", [], ["c"], value=tensor)
    bare = constant("u", np.zeros(3, np.float32))
    bare.data_location = 1
    found = contents(graph_of([inside], [tensor, bare])).external
    assert sorted(found) == [[], [("location", "x.bin")], [("location", "x.bin")]]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no graph"),
        (message(8, b""), "no graph"),
        (b"\x00\x00", "field 0"),
        (b"\x3b\x3c", "kind 3"),
        (b"\x3f", "kind 7"),
        (b"\x3a", "without an end"),
        (b"\x3a\x05ab", "longer than what holds it"),
        (b"\x09abc", "longer than what holds it"),
        (b"\x08" + b"\xff" * 11, "without an end"),
        (b"\x3a" + varint(2**63), "longer than what holds it"),
        (message(7, message(1, message(4, b"x" * 5000))), "a name of 5000 bytes"),
    ],
)
def test_bytes_that_are_no_model(content, words):
    with pytest.raises(MalformedError, match=words):
        contents(content)


def test_depth_is_bounded():
    graph = message(1, message(4, b"A"))
    for _ in range(20):
        graph = message(1, message(5, message(6, graph)))
    assert ("", "A") in contents(message(7, graph)).operators
    for _ in range(20):
        graph = message(1, message(5, message(6, graph)))
    with pytest.raises(MalformedError, match="nested"):
        contents(message(7, graph))


def test_work_is_bounded(monkeypatch):
    monkeypatch.setattr("unifml.runtime.wire._MOST", 1000)
    assert contents(message(7, b"\x0a\x00" * 100)).operators == {("", "")}
    with pytest.raises(MalformedError, match="more than 1000 fields"):
        contents(message(7, b"\x0a\x00" * 2000))


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=200))
def test_any_bytes(content):
    for whole in (content, message(7, content), message(7, message(1, content))):
        assert operators(whole) is not None


def test_every_cut_of_a_model_is_refused_or_smaller():
    content = linear(["a", "b"], "<U1")[0].SerializeToString()
    whole = contents(content).operators
    for end in range(len(content)):
        assert operators(content[:end]) <= whole

"""Each kind of column takes what it can hold without loss, and refuses the rest by its name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from export.handmade import TYPES, linear, model, node
from unifml.errors import DataError
from unifml.runtime import OnnxEstimator
from unifml.runtime.columns import values_of
from unifml.runtime.floats import is_finite
from unifml.runtime.schema import Input, Schema

pytestmark = pytest.mark.sklearn


def echo(kind, **fields):
    """Return what gives a column back as it goes into the graph."""
    schema = Schema(
        "transformation", (Input("c", kind, (1,)),), ("transformed",), by_column=True, **fields
    )
    nodes = [node("Identity", ["c"], ["transformed"])]
    proto = model(nodes, schema, {"transformed": (TYPES[kind], [1])})
    return OnnxEstimator.from_bytes(proto.SerializeToString())


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("int64", np.array([1, 2], np.uint8), [1, 2]),
        ("int64", np.array([1, 2], np.uint64), [1, 2]),
        ("int64", np.array([1.0, -2.0]), [1, -2]),
        ("int64", np.array([True, False]), [1, 0]),
        ("int64", np.array([2**62 + 1, 3], object), [2**62 + 1, 3]),
        ("int64", pd.array([1, 2], dtype="Int64"), [1, 2]),
        ("bool", np.array([True, False]), [True, False]),
        ("bool", np.array([1.0, 0.0]), [True, False]),
        ("bool", np.array([1, 0], object), [True, False]),
        ("bool", pd.array([True, False], dtype="boolean"), [True, False]),
        ("double", np.array([1, 2]), [1.0, 2.0]),
        ("double", np.array([0.1, 0.2], np.float32), [np.float32(0.1), np.float32(0.2)]),
        ("float", np.array([0.5, 2]), [0.5, 2.0]),
        ("float", np.array([True, False]), [1.0, 0.0]),
        ("string", np.array(["a", "b"]), ["a", "b"]),
        ("string", np.array(["a", np.nan], object), ["a", "nan"]),
        ("string", pd.Categorical(["a", "b"]), ["a", "b"]),
        ("string", np.array([1, 2]), ["1", "2"]),
    ],
)
def test_columns_of_another_type(kind, values, expected):
    found = echo(kind).transform(pd.DataFrame({"c": values}))
    assert found.shape == (2, 1)
    assert found.ravel().tolist() == expected


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        ("int64", [1.0, 2.5], "column 'c': 2.5. the column held whole numbers"),
        ("int64", [1.0, np.nan], "contains NaN in column 'c'"),
        ("int64", [1.0, np.inf], "inf"),
        ("int64", [1.0, 1e30], "1e\\+30"),
        ("int64", [2**64, 1], "too"),
        ("int64", ["a", "b"], "could not convert"),
        ("int64", pd.array([1, None], dtype="Int64"), "contains NaN in column 'c'"),
        ("bool", [True, None], "contains NaN in column 'c'"),
        ("bool", [0, 2], "column 'c': 2.0. values are True and False"),
        ("double", [1.0, np.nan], "Input X contains NaN"),
        ("double", [1.0, -np.inf], "contains infinity"),
        ("float", [1.0, 1e60], "contains infinity"),
        ("double", pd.to_datetime(["2020-01-01", "2020-01-02"]), "datetime"),
    ],
)
def test_columns_that_lose_something(kind, values, words):
    with pytest.raises((DataError, TypeError), match=words):
        echo(kind).transform(pd.DataFrame({"c": values}))


def test_missing_and_infinite_values_where_they_are_meant_to_be():
    rows = pd.DataFrame({"c": [1.0, np.nan]})
    assert np.isnan(echo("double", allow_nan=True).transform(rows)[1, 0])
    endless = pd.DataFrame({"c": [np.nan, np.inf]})
    with pytest.raises(DataError, match="infinity"):
        echo("double", allow_nan=True).transform(endless)
    both = echo("double", allow_nan=True, allow_infinity=True)
    assert both.transform(endless)[1, 0] == np.inf


def test_frames_of_arrow_and_polars():
    import polars
    import pyarrow

    for frame in (polars.DataFrame({"c": [1, 2]}), pyarrow.table({"c": [1, 2]})):
        assert echo("int64").transform(frame).ravel().tolist() == [1, 2]
        assert echo("double").transform(frame).ravel().tolist() == [1.0, 2.0]


@pytest.mark.parametrize("n", [1, 2, 3, 31, 1000])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.filterwarnings("error")
def test_every_value_is_looked_at(n, bad):
    values = np.zeros(n, np.float32)
    assert is_finite(values)
    for i in {0, n // 2, n - 1}:
        wrong = values.copy()
        wrong[i] = bad
        assert not is_finite(wrong)
        wrong[(i + n // 2) % n] = 0 if n > 1 else bad
        assert not is_finite(np.where(values == 0, wrong, wrong))


@pytest.mark.filterwarnings("error")
def test_large_values_are_finite():
    assert is_finite(np.full((100, 3), 3e38, np.float32))
    assert is_finite(np.full((100, 3), 1e300))
    assert is_finite(np.asfortranarray(np.ones((5, 3))))
    assert not is_finite(np.asfortranarray(np.array([[1.0, 2.0], [3.0, np.inf]])))


@pytest.mark.parametrize("kind", ["float", "double", "int64", "bool", "string"])
def test_values_keep_their_shape(kind):
    assert values_of(kind, np.ones((3, 2)), "X").shape == (3, 2)


@pytest.mark.parametrize("form", ["array", "strided", "list", "frame", "sparse"])
def test_every_form_of_a_table_gives_the_same(form):
    from scipy.sparse import csr_array

    proto, _ = linear([0, 1], "int64", k=3)
    onnx = OnnxEstimator.from_bytes(proto.SerializeToString())
    wide = np.random.default_rng(0).normal(size=(6, 6))
    X = np.ascontiguousarray(wide[:, ::2])
    forms = {
        "array": X.astype(np.float32),
        "strided": wide[:, ::2],
        "list": X.tolist(),
        "frame": pd.DataFrame(X),
        "sparse": csr_array(X),
    }
    np.testing.assert_array_equal(onnx.predict_proba(forms[form]), onnx.predict_proba(X))

"""Generated rows: they catch what the rows given do not show, and are fair."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from export.broken import behind, constant, tamper
from export.data import codes, numbers
from unifml import Classifier, Training, export_onnx
from unifml.errors import ExportMismatchError
from unifml.export.proof.rows import drafts
from unifml.layers import LSTM, Dense, Network
from unifml.models import Model
from unifml.runtime.schema import Input, Schema

pytestmark = pytest.mark.sklearn


def refused(model, X, path, match):
    with pytest.raises(ExportMismatchError, match=match) as caught:
        export_onnx(model, path / "m.onnx", X)
    assert list(path.iterdir()) == []
    return str(caught.value)


def checks(model, X, path):
    return {c.kind: c for c in export_onnx(model, path / "m.onnx", X).checks}


# Right on all rows given, and wrong -------------------------------------------------------------


def places(n=60):
    return pd.DataFrame(
        {"place": np.array(["harbour", "hill", "town"])[codes(n)], "x": np.arange(n)}
    )


def test_a_wrong_answer_to_unseen_categories_is_caught(monkeypatch, tmp_path):
    def unknown_is_known(proto, writer):
        for node in proto.graph.node:
            for attribute in node.attribute:
                if attribute.name == "default_int64":
                    attribute.i = 0

    X = places()
    model = make_pipeline(
        ColumnTransformer([("place", OneHotEncoder(handle_unknown="ignore"), ["place"])]),
        LogisticRegression(),
    ).fit(X, codes(60))
    assert checks(model, X, tmp_path)["unseen"].rows == 60
    (tmp_path / "m.onnx").unlink()
    tamper(monkeypatch, unknown_is_known)
    said = refused(model, X, tmp_path, r"on generated rows \(unseen\)")
    assert "first difference: step 'place' of 'columntransformer' (OneHotEncoder" in said


def test_a_wrong_answer_to_missing_values_is_caught(monkeypatch, tmp_path):
    X = numbers()
    model = make_pipeline(SimpleImputer(), LogisticRegression(max_iter=500)).fit(X, codes())
    tamper(monkeypatch, constant("statistics", lambda values: values + 1))
    said = refused(model, X, tmp_path, r"on generated rows \(missing\)")
    assert "first difference: step 'simpleimputer' (SimpleImputer())" in said


@pytest.mark.parametrize(
    ("kind", "nodes"),
    [
        ("outside", [("Min", [None, 1.0], {})]),
        ("between", [("Mul", [None, 4.0], {}), ("Floor", [None], {}), ("Div", [None, 4.0], {})]),
        ("recombined", [("Gather", [None, [1, 0]], {"axis": 1})]),
    ],
)
def test_what_shows_on_other_numbers_is_caught(kind, nodes, monkeypatch, tmp_path):
    """Two equal columns of quarters from 0 to 1."""
    column = np.repeat(np.arange(5) / 4, 12)
    X = np.c_[column, column]
    model = make_pipeline(MinMaxScaler(), Ridge(0.1)).fit(X, X @ [1.0, 2.0])
    model[-1].coef_ = np.array([1.0, 2.0])
    tamper(monkeypatch, behind("minmaxscaler", *nodes))
    said = refused(model, X, tmp_path, rf"on generated rows \({kind}\)")
    assert "first difference: step 'minmaxscaler'" in said


def test_a_number_of_rows_in_the_graph_is_caught(monkeypatch, tmp_path):
    X = numbers()
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, codes())
    tamper(monkeypatch, behind("standardscaler", ("Reshape", [None, [90, 4]], {})))
    refused(model, X, tmp_path, "in a batch of 1, no answer")


def test_rows_that_are_not_apart_are_caught(monkeypatch, tmp_path):
    """The sum of a column is subtracted: it is 0 in the rows given, and not in a few of them."""
    X = StandardScaler().fit_transform(numbers())
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, codes())

    def minus_sum(proto, writer):
        behind("standardscaler", ("Sub", [None, 0.0], {}))(proto, writer)
        (node,) = [n for n in proto.graph.node if n.name == "broken_0"]
        from onnx import helper

        total = helper.make_node("ReduceMean", [node.input[0], "axis"], ["total"], keepdims=1)
        axis = helper.make_tensor("axis", 7, [1], [0])
        proto.graph.initializer.append(axis)
        proto.graph.node.insert(list(proto.graph.node).index(node), total)
        node.input[1] = "total"

    tamper(monkeypatch, minus_sum)
    said = refused(model, X, tmp_path, "in a batch of 1, ")
    assert "first difference: step 'standardscaler'" in said


class Series(Model):
    uses = frozenset({"epochs"})

    def network(self, task, signature):
        return Network((LSTM(4), Dense(task.width, name="output")))


@pytest.mark.torch
@pytest.mark.parametrize(("limit", "kind"), [(9, "longer"), (None, "shorter")])
def test_a_length_in_the_graph_is_caught(limit, kind, monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(steps, 2)) for steps in rng.integers(5, 10, 20)]
    model = Classifier(Series(), backend="torch", training=Training(epochs=1), random_state=0)
    model.fit(X, codes(20))
    found = checks(model, X, tmp_path)
    assert found["shorter"].rows == found["longer"].rows == 32
    (tmp_path / "m.onnx").unlink()

    def lengths(proto, writer):
        """Take no more than 9 steps, or no fewer than 5: as all rows given have."""
        from onnx import helper

        kind_, bound = ("Min", limit) if limit else ("Max", 5)
        proto.graph.initializer.append(helper.make_tensor("bound", 7, [1], [bound]))
        for node in proto.graph.node:
            node.input[:] = ["L" if name == "X_lengths" else name for name in node.input]
        node = helper.make_node(kind_, ["X_lengths", "bound"], ["L"], name="bounded")
        proto.graph.node.insert(0, node)

    tamper(monkeypatch, lengths)
    refused(model, X, tmp_path, rf"on generated rows \({kind}\)|cannot")


# What is asked ----------------------------------------------------------------------------------


def test_columns_that_the_model_refuses_are_left_out_one_by_one(tmp_path):
    X = places().assign(street=np.array(["long", "short"])[codes(60, 2)])
    columns = ColumnTransformer(
        [
            ("free", OneHotEncoder(handle_unknown="ignore"), ["place"]),
            ("strict", OneHotEncoder(), ["street"]),
        ]
    )
    model = make_pipeline(columns, LogisticRegression()).fit(X, codes(60))
    unseen = checks(model, X, tmp_path)["unseen"]
    assert unseen.rows == 60
    assert "columns 2: the model refuses them (ValueError: Found unknown cat" in unseen.left_out


def test_what_a_model_refuses_is_recorded(tmp_path):
    X = pd.DataFrame({"place": np.array(["a", "b", "c"])[codes()]})
    model = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(X, codes())
    unseen = checks(model, X, tmp_path)["unseen"]
    assert (unseen.rows, unseen.agrees) == (0, True)
    assert "Found unknown categories" in unseen.left_out


def test_rows_that_give_no_numbers_are_left_out(tmp_path):
    """Far from its neighbours, the native model itself gives infinity."""
    X = np.c_[np.linspace(0.5, 1.5, 50), np.linspace(1, 2, 50)]
    model = Ridge().fit(X, X[:, 0])
    predict = model.predict
    model.predict = lambda rows: np.where(rows[:, 0] > 1.5, np.inf, predict(rows))
    outside = checks(model, X, tmp_path)["outside"]
    assert "rows for which the model gives no finite numbers" in outside.left_out
    assert outside.agrees
    assert 0 < outside.rows < 50


def test_generated_rows_where_the_model_jumps_are_left_out(tmp_path):
    X = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    model = Ridge().fit(X, X[:, 0])
    edge = made(X, schema("float"))["between"][3, 0]
    predict = model.predict
    model.predict = lambda rows: predict(rows) + (np.asarray(rows)[:, 0] == edge)
    found = checks(model, X, tmp_path)["between"]
    assert "1 rows at which the model itself jumps" in found.left_out
    assert found.agrees


def test_rows_given_where_the_model_jumps_are_refused(tmp_path):
    X = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    model = Ridge().fit(X, X[:, 0])
    predict = model.predict
    model.predict = lambda rows: predict(rows) + (np.asarray(rows)[:, 0] == X[7, 0])
    refused(model, X, tmp_path, "at 1 of 1 the model itself jumps when numbers move")


def test_texts_are_generated_too(tmp_path):
    texts = [f"{a} and {b}" for a in ("red", "green", "blue") for b in ("dog", "cat", "owl")] * 5
    model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(texts, codes(45))
    found = checks(model, texts, tmp_path)
    assert found["recombined"].rows == found["unseen"].rows == 45


# The rows themselves ----------------------------------------------------------------------------


def schema(*kinds, by_column=False):
    names = [f"x{i}" for i in range(len(kinds))]
    inputs = tuple(Input(n, k, (1,)) for n, k in zip(names, kinds, strict=True))
    return Schema("regression", inputs, ("prediction",), by_column=by_column)


def made(X, schema, model=None):
    return {draft.kind: draft.made() for draft in drafts(X, model or Ridge(), schema)}


def frame():
    n = 40
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "double": rng.normal(size=n),
            "float": rng.normal(size=n).astype(np.float32),
            "int": rng.integers(0, 5, n),
            "bool": rng.random(n) < 0.5,
            "text": rng.choice(["a", "b"], n).astype(object),
            "gaps": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "nullable": pd.array(np.where(rng.random(n) < 0.2, None, 3), dtype="Int64"),
            "category": pd.Categorical(rng.choice(["a", "b"], n)),
        }
    )


KINDS = ("double", "float", "int64", "bool", "string", "double", "double", "string")


def test_a_frame_of_pandas_keeps_its_types():
    X = frame()
    before = X.copy()
    found = made(X, schema(*KINDS, by_column=True))
    assert set(found) == {"recombined", "between", "outside", "missing", "unseen"}
    for rows in found.values():
        assert list(rows.columns) == list(X.columns)
        same = rows.dtypes.drop("category") == X.dtypes.drop("category")
        assert same.all()
    pd.testing.assert_frame_equal(X, before)
    assert set(found["unseen"]["text"]) > {"a", "b", "", "never seen"} - {""}
    assert "never seen" in found["unseen"]["category"].tolist()
    assert found["missing"]["gaps"].isna().mean() > X["gaps"].isna().mean()
    assert found["missing"]["double"].notna().all()
    for name in X:
        counts = [sorted(map(str, rows[name])) for rows in (X, found["recombined"])]
        assert counts[0] == counts[1]


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_other_frames_keep_their_types(library):
    module = pytest.importorskip(library)
    X = frame().drop(columns=["category", "nullable"])
    X = module.DataFrame(X.to_dict("list")) if library == "polars" else module.table(X)
    for kind, rows in made(X, schema(*KINDS[:6], by_column=True)).items():
        assert type(rows) is type(X), kind
        assert rows.schema == X.schema, kind


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, object])
def test_arrays_keep_their_types(dtype):
    X = np.round(np.random.default_rng(0).normal(size=(40, 2)) * 3, 0 if dtype is np.int64 else 2)
    for rows in made(X.astype(dtype), schema("float", "float")).values():
        assert rows.dtype == dtype
        assert rows.shape == X.shape


def test_sparse_tables_and_lists_keep_their_types():
    X = sparse.random(40, 5, density=0.5, format="csr", random_state=0)
    assert {type(rows) for rows in made(X, schema("float")).values()} == {type(X)}
    rows = made([["a", 1.5], ["b", 2.5]] * 20, schema("string", "double", by_column=True))
    assert {type(found) for found in rows.values()} == {list}


def test_whole_numbers_stay_whole_and_ids_within_their_range():
    X = np.array([[0.0, 0.5], [1.0, 1.25], [4.0, -1.75]] * 20)
    inside = made(X, schema("double", "double"), Classifier("mlp"))
    for rows in inside.values():
        assert (rows[:, 0] == np.round(rows[:, 0])).all()
        assert rows[:, 0].min() >= 0
        assert rows[:, 0].max() <= 4
    assert set(inside["unseen"][:, 0]) >= {2.0, 3.0}
    assert 5.0 in made(X, schema("double", "double"))["unseen"][:, 0]


def test_new_numbers_are_a_little_outside_and_never_beyond_zero():
    X = np.c_[np.linspace(0.1, 10.1, 80), np.linspace(-3.3, 0, 80), np.linspace(-1.1, 1, 80)]
    rows = made(X, schema("double"))["outside"]
    assert rows[:, 0].min() > 0
    assert 10.1 < rows[:, 0].max() <= 11.1
    assert rows[:, 1].max() == 0
    assert rows[:, 1].min() < -3.3
    assert rows[:, 2].min() < -1.1 < 1 < rows[:, 2].max()


def test_new_numbers_are_of_the_files_precision():
    X = np.random.default_rng(0).normal(size=(40, 3))
    single, double = made(X, schema("float")), made(X, schema("double"))
    assert (single["between"] == single["between"].astype(np.float32)).all()
    assert (double["between"] != double["between"].astype(np.float32)).any()


def test_the_rows_are_the_same_each_time():
    first, second = (made(numbers(), schema("double")) for _ in range(2))
    for kind, rows in first.items():
        np.testing.assert_array_equal(rows, second[kind])


def test_no_more_than_256_rows_of_a_kind():
    assert {len(rows) for rows in made(numbers(5000), schema("double")).values()} == {256}
    assert {len(rows) for rows in made(numbers(3), schema("double")).values()} == {32}

"""What impatient users do: odd names, odd tables, odd arguments, damaged files."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from export.data import codes, mixed, numbers
from unifml import Classifier, export_onnx, inspect_onnx, load_onnx
from unifml.errors import DataError, DataTypeError, ExportError, ParameterError, UnifmlError

pd = pytest.importorskip("pandas")
pytestmark = pytest.mark.sklearn
X, Y = numbers(), codes()


def logistic():
    return LogisticRegression(max_iter=500)


def by_name():
    """A pipeline that finds its columns by name, and leaves one out."""
    rooms = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["mean width", "rooms"]),
        (OneHotEncoder(handle_unknown="ignore"), ["label"]),
    )
    return make_pipeline(rooms, logistic())


# Columns and their names -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names", [["", "_", "a b/c:d", "ü\n"], ["label", "label_", "probabilities_1", "X"]]
)
def test_columns_may_be_called_anything(names, tmp_path):
    frame = pd.DataFrame(X, columns=names)
    model = logistic().fit(frame, Y)
    onnx = load_onnx(export_onnx(model, tmp_path / "m.onnx", frame).path)
    np.testing.assert_allclose(
        onnx.predict_proba(frame), model.predict_proba(frame), rtol=0, atol=1e-5
    )


def test_outputs_and_inner_tensors_have_names_of_their_own(tmp_path):
    """A forest's inner tensors were called as the file's second output."""
    both = np.c_[Y, Y % 2]
    model = RandomForestClassifier(3, random_state=0).fit(X, both)
    onnx = load_onnx(export_onnx(model, tmp_path / "m.onnx", X).path)
    assert np.array_equal(onnx.predict(X), model.predict(X))


def test_columns_in_another_order_and_among_others(tmp_path):
    table = mixed()
    model, y = by_name().fit(table, table["rooms"] > 3), table["rooms"] > 3
    others = table[table.columns[::-1]].assign(more="?")
    for rows in (table, others):  # exported with either, it takes both
        onnx = load_onnx(export_onnx(model, tmp_path / "m.onnx", rows).path)
        assert onnx.feature_names_in_.tolist() == table.columns.tolist()
        assert np.array_equal(onnx.predict_proba(others), onnx.predict_proba(table))
        assert onnx.score(others, y) == model.score(others, y)


def test_a_model_that_wants_the_order_of_fit_keeps_wanting_it(tmp_path):
    frame = pd.DataFrame(X, columns=list("abcd"))
    onnx = load_onnx(export_onnx(logistic().fit(frame, Y), tmp_path / "m.onnx", frame).path)
    with pytest.raises(DataError, match="same order"):
        onnx.predict(frame[list("dcba")])
    with pytest.raises(DataError, match="unseen at fit time"):
        onnx.predict(frame.assign(e=0.0))


def test_columns_that_are_not_used_are_asked_for(tmp_path):
    table = mixed()
    model = by_name().fit(table, table["rooms"] > 3)
    with pytest.raises(DataError, match="without the columns place"):
        export_onnx(model, tmp_path / "m.onnx", table.drop(columns="place"))


def test_columns_of_text_that_are_handed_through(tmp_path):
    table = mixed()[["place", "label"]]
    steps = make_column_transformer(("passthrough", ["place", "label"])).fit(table)
    onnx = load_onnx(export_onnx(steps, tmp_path / "m.onnx", table).path)
    assert np.array_equal(onnx.transform(table), steps.transform(table).astype(str))


def test_text_beside_numbers_is_refused_in_words(tmp_path):
    table = mixed()[["label", "rooms"]]
    steps = make_column_transformer(("passthrough", ["label", "rooms"])).fit(table)
    with pytest.raises(ExportError, match="text beside columns of numbers"):
        export_onnx(steps, tmp_path / "m.onnx", table)


@pytest.mark.torch
def test_tables_may_be_tensors(tmp_path):
    torch = pytest.importorskip("torch")
    rows = torch.tensor(X)
    onnx = load_onnx(export_onnx(logistic().fit(X, Y), tmp_path / "m.onnx", rows).path)
    assert np.array_equal(onnx.predict(rows), onnx.predict(X))


# Arguments ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"max_loss": -1}, ParameterError, "max_loss >= 0"),
        ({"max_loss": "x"}, ParameterError, "max_loss >= 0"),
        ({"precision": "fp16", "y": [0, 1]}, DataError, "one value for each of the 90 rows"),
    ],
)
def test_arguments_that_make_no_sense(arguments, error, words, tmp_path):
    model = Classifier("mlp", backend="sklearn", random_state=0).fit(X, Y)
    with pytest.raises(error, match=words):
        export_onnx(model, tmp_path / "m.onnx", X, **arguments)


def test_places_where_no_file_can_be(tmp_path, monkeypatch):
    model = logistic().fit(X, Y)
    with pytest.raises(IsADirectoryError, match="a folder"):
        export_onnx(model, tmp_path, X)
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(PermissionError, match="nothing can be written"):
        export_onnx(model, tmp_path / "m.onnx", X)
    assert not [*tmp_path.iterdir()]


@pytest.mark.torch
def test_a_bare_network_is_no_estimator(tmp_path):
    torch = pytest.importorskip("torch")
    with pytest.raises(DataTypeError) as error:
        export_onnx(torch.nn.Linear(4, 3), tmp_path / "m.onnx", X)
    assert "Classifier(network)" in error.value.fix


def test_paths_may_be_bytes(tmp_path):
    path = export_onnx(logistic().fit(X, Y), tmp_path / "m x.onnx", X).path
    assert load_onnx(path.encode()).predict(X[:1]) == load_onnx(path).predict(X[:1])


# Files -------------------------------------------------------------------------------------------


def test_damaged_files_are_told_of_or_refused(tmp_path):
    path = tmp_path / "m.onnx"
    export_onnx(by_name().fit(mixed(), mixed()["rooms"] > 3), path, mixed())
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    told = 0
    for _ in range(400):
        damaged = bytearray(whole)
        for place in rng.integers(len(whole), size=int(rng.integers(1, 6))):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            found = inspect_onnx(path)
        except UnifmlError:
            continue
        told += bool(str(found) and found.to_json() and found._repr_html_())
    assert told


def test_equal_constants_are_stored_once(tmp_path):
    import onnx

    table = mixed()
    one = by_name().fit(table, table["rooms"] > 3)
    path = export_onnx(one, tmp_path / "m.onnx", table).path
    tensors = onnx.load(path).graph.initializer
    kinds = [(t.data_type, tuple(t.dims), t.raw_data, tuple(t.string_data)) for t in tensors]
    assert len(kinds) == len({*kinds})

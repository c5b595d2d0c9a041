"""What impatient users do: odd names, odd tables, odd arguments, damaged files."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from export.data import SHORT, codes, mixed, numbers
from unifml import Classifier, export_onnx, inspect_onnx, load_onnx
from unifml.errors import (
    DataError,
    DataTypeError,
    DeviceError,
    ExportError,
    ParameterError,
    UnifmlError,
)
from unifml.export.rows import read_rows
from unifml.runtime.csvfile import CsvFile

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
    """Inner tensors were called as the file's second output."""
    model = KNeighborsClassifier(n_neighbors=4).fit(X, np.c_[Y > 0, Y > 1].astype(int))
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


def test_frames_of_floats_alone(tmp_path):
    """They are fed as one array; columns still go by their names, and missing ones are refused."""
    import polars

    frame = pd.DataFrame(X, columns=list("abcd"))
    scaled = make_column_transformer((StandardScaler(), list("abcd")))
    model = make_pipeline(scaled, logistic()).fit(frame, Y)
    onnx = load_onnx(export_onnx(model, tmp_path / "m.onnx", frame).path)
    wanted = onnx.predict_proba(frame)
    turned = frame[list("dcba")]
    others = [turned, turned.assign(e=1.0), frame.astype({"b": "Float64"}), frame.astype("float32")]
    for rows in (*others, polars.from_pandas(turned), polars.from_pandas(frame), X):
        np.testing.assert_allclose(onnx.predict_proba(rows), wanted, rtol=0, atol=1e-4)
    with pytest.raises(DataError, match="contains NaN"):
        onnx.predict(frame.assign(b=np.nan))


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


@pytest.mark.parametrize("unit", ["s", "ns"])
def test_dates_as_categories(unit, tmp_path):
    rng = np.random.default_rng(0)
    days = pd.Series(pd.to_datetime("2024-02-27") + pd.to_timedelta(rng.integers(0, 5, 90), "D"))
    days[::9] = pd.NaT
    frame = pd.DataFrame({"day": days.astype(f"datetime64[{unit}]"), "more": rng.random(90)})
    day = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["day"]), remainder="passthrough"
    )
    model = make_pipeline(day, logistic()).fit(frame, Y)
    onnx = load_onnx(export_onnx(model, tmp_path / "m.onnx", frame).path)
    other = frame.assign(day=frame["day"] + pd.Timedelta(days=1))
    for rows in (frame, other):
        np.testing.assert_allclose(onnx.predict_proba(rows), model.predict_proba(rows), atol=1e-5)


@pytest.mark.torch
def test_tables_may_be_tensors(tmp_path):
    torch = pytest.importorskip("torch")
    rows = torch.tensor(X)
    onnx = load_onnx(export_onnx(logistic().fit(X, Y), tmp_path / "m.onnx", rows).path)
    assert np.array_equal(onnx.predict(rows), onnx.predict(X))


@pytest.mark.keras
def test_a_network_that_was_not_built_before_fit(tmp_path):
    keras = pytest.importorskip("keras")
    net = keras.Sequential([keras.layers.Dense(4, "tanh"), keras.layers.Dense(3)])
    model = Classifier(net, training=SHORT).fit(X, Y)
    onnx = load_onnx(export_onnx(model, tmp_path / "m.onnx", X).path)
    np.testing.assert_allclose(onnx.predict_proba(X), model.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("first", [None, "0,1,2,3", "a,b,c,d"])
def test_first_lines_of_text_files(first, tmp_path):
    """The command that exports reads what the command that predicts reads."""
    path = tmp_path / "rows.csv"
    np.savetxt(path, X, "%.17g", ",", header=first or "", comments="")
    if first is None:
        path.write_text(path.read_text().lstrip("\n"))
    model = logistic().fit(X, Y)
    rows, _, _ = read_rows(path, model)
    onnx = load_onnx(export_onnx(model, tmp_path / "m.onnx", rows).path)
    again, _ = CsvFile(path).rows_for(onnx.schema)
    assert np.array_equal(rows, X)
    assert np.array_equal(again, X)


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


# Running -----------------------------------------------------------------------------------------


def test_wide_graphs_are_computed_in_smaller_parts(tmp_path, monkeypatch):
    """A table of neighbours has a column for every row of fit: memory must not grow with both."""
    model = KNeighborsClassifier().fit(X, Y)
    onnx = load_onnx(export_onnx(model, tmp_path / "m.onnx", X).path)
    assert onnx.schema.widest == len(X)
    monkeypatch.setattr("unifml.runtime.asking._WITHIN", 70 * len(X))
    asked, run = [], onnx.session.run

    def counted(names, feed):
        asked.append(len(feed["X"]))
        return run(names, feed)

    monkeypatch.setattr(onnx.session, "run", counted)
    many = np.tile(X, (3, 1))
    for rows in (many, many.tolist()):
        np.testing.assert_allclose(onnx.predict_proba(rows), model.predict_proba(many), atol=1e-6)
    assert max(asked) == 70


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda path: load_onnx(path).score(X, Y[:5]), DataError, "y of shape"),
        (lambda path: load_onnx(path).score(X, None), DataError, "y of shape"),
        (lambda path: load_onnx(path).score(X, Y, [1.0]), DataError, "sample_weight of shape"),
        (lambda path: load_onnx(path, device=3).predict(X), DeviceError, "device=3"),
        (lambda path: load_onnx(path, max_bytes="x"), ParameterError, "max_bytes='x'"),
        (lambda path: load_onnx(path, max_bytes=0), ParameterError, "max_bytes=0"),
        (lambda path: load_onnx(path).predict([[1, 2], [3]]), DataError, "rows of one length"),
    ],
)
def test_calls_that_make_no_sense(call, error, words, tmp_path):
    path = export_onnx(logistic().fit(X, Y), tmp_path / "m.onnx", X).path
    with pytest.raises(error, match=words):
        call(path)


def test_intervals_are_categories(tmp_path):
    frame = pd.DataFrame({"part": pd.cut(X[:, 0], 3), "more": X[:, 1]})
    part = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["part"]), remainder="passthrough"
    )
    model = make_pipeline(part, logistic()).fit(frame, Y)
    onnx = load_onnx(export_onnx(model, tmp_path / "m.onnx", frame).path)
    np.testing.assert_allclose(onnx.predict_proba(frame), model.predict_proba(frame), atol=1e-5)

"""What `preprocess` makes becomes a file that says the same: each kind of column, all of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from tests.tasks.mixed_tables import KINDS, mixed
from tests.tasks.test_preprocess_columns import moments
from unifml import Classifier, Training, export_onnx, load_onnx, preprocess
from unifml.columns import Dates, Texts, Words
from unifml.columns.dates import PARTS, microseconds
from unifml.errors import DataError, ExportError

LEFT_OUT = {"identifier", "constant", "empty"}
COLUMNS = [name for name, kind in KINDS.items() if kind not in LEFT_OUT]


def strangers():
    """Return rows with categories, words and dates that nobody has seen."""
    X, _ = mixed(80, seed=9)
    X.loc[0, "town"], X.loc[1, "ticket"], X.loc[2, "deck"] = "Belfast", "none", "Z"
    X.loc[3, "booked"], X.loc[4, "note"] = pd.Timestamp("1931-02-03 04:05:06"), "Never SEEN cabin"
    X.loc[5, "note"], X.loc[6, "booked"] = None, pd.NaT
    return X


def same(model, X, new, path, *, tolerance=1e-9):
    """Export, and compare what file and transformer make of new rows."""
    export_onnx(model, path, X)
    found, expected = load_onnx(path).transform(new), model.transform(new)
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("column", COLUMNS)
def test_each_column_alone(column, tmp_path):
    X, y = mixed()
    X, new = X[[column]], strangers()[[column]]
    same(preprocess(X, y, verbose=0).fit(X, y), X, new, tmp_path / "m.onnx")


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_all_columns_before_a_model(library, tmp_path):
    X, y = mixed()
    new = strangers()
    if library == "polars":
        X, new = map(pytest.importorskip("polars").from_pandas, (X, new))
    if library == "pyarrow":
        X, new = map(pytest.importorskip("pyarrow").Table.from_pandas, (X, new))
    before = preprocess(X, y, verbose=0)
    model = make_pipeline(before, LogisticRegression(max_iter=500)).fit(X, y)
    assert export_onnx(model, tmp_path / "m.onnx", X).max_abs_diff < 1e-6
    file = load_onnx(tmp_path / "m.onnx")
    np.testing.assert_allclose(file.predict_proba(new), model.predict_proba(new), atol=1e-6)


def test_all_columns_before_a_network(backend, tmp_path):
    X, y = mixed()
    network = Classifier("mlp", backend=backend, training=Training(epochs=2), random_state=0)
    model = make_pipeline(preprocess(X, y, verbose=0), network).fit(X, y)
    export_onnx(model, tmp_path / "m.onnx", X)
    found = load_onnx(tmp_path / "m.onnx").predict_proba(strangers())
    np.testing.assert_allclose(found, model.predict_proba(strangers()), atol=1e-5)


def test_an_array_of_objects(tmp_path):
    X, y = mixed()
    names = ["class", "sex", "age", "alone", "deck", "booked", "note"]
    rows, new = (table[names].to_numpy(dtype=object) for table in (X, strangers()))
    same(preprocess(rows, y, verbose=0).fit(rows, y), rows, new, tmp_path / "m.onnx")


def test_dates_of_eight_centuries(tmp_path):
    X = moments().to_frame("t")
    same(Dates(PARTS).fit(X), X, moments(seed=1).to_frame("t"), tmp_path / "m.onnx", tolerance=0)


def test_files_take_dates_as_dates_as_text_and_as_microseconds(tmp_path):
    import onnxruntime

    X = pd.DataFrame({"t": pd.to_datetime(["2024-02-28 06:00", "2024-03-01 18:00", None])})
    model = Dates(("days", "month")).fit(X)
    export_onnx(model, tmp_path / "m.onnx", X)
    file, expected = load_onnx(tmp_path / "m.onnx"), model.transform(X)
    for column in (X["t"], X["t"].dt.tz_localize("UTC"), X["t"].astype(str)):
        np.testing.assert_array_equal(file.transform(pd.DataFrame({"t": column})), expected)
    with pytest.raises(DataError, match="dates"):
        file.transform(pd.DataFrame({"t": [1, 2]}))
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    assert session.get_inputs()[0].type == "tensor(int64)"
    found = session.run(None, {"t": microseconds(X["t"].to_numpy())[:, None]})[0]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S.%f"])
def test_text_that_reads_as_dates(form, tmp_path):
    when, later = (moments(seed=seed).dropna() for seed in (0, 1))
    X = pd.DataFrame({"t": [*when.dt.strftime(form), None]})
    new = pd.DataFrame(
        {"t": [*later.dt.strftime(form), "2024-02-29", None, "2023-12-31 23:59:59.5"]}
    )
    same(Dates(PARTS).fit(X), X, new, tmp_path / "m.onnx", tolerance=1e-12)
    same(preprocess(X, verbose=0).fit(X), X, new, tmp_path / "m.onnx", tolerance=1e-9)


def test_words_beyond_ascii_are_refused(tmp_path):
    X = pd.DataFrame({"t": ["добрый день всем кто здесь", "снова добрый вечер всем вам", None]})
    made = preprocess(X, verbose=0)
    assert "ONNX" in made.decisions[0].why
    with pytest.raises(ExportError, match="ASCII"):
        export_onnx(made.fit(X), tmp_path / "m.onnx", X)


def test_words_in_a_transformer_of_the_user(tmp_path):
    X, y = mixed()
    parts = [("words", Words(token_pattern="[a-z]+"), ["note"]), ("dates", Dates(), ["booked"])]
    X, new = X[["note", "booked"]], strangers()[["note", "booked"]]
    same(ColumnTransformer(parts, sparse_threshold=0).fit(X, y), X, new, tmp_path / "m.onnx")


def test_numbers_as_text_are_refused(tmp_path):
    X = pd.DataFrame({"n": [10.5, 20.25, 10.5]})
    with pytest.raises(ExportError, match="spells numbers"):
        export_onnx(make_pipeline(Texts(), Words()).fit(X), tmp_path / "m.onnx", X)

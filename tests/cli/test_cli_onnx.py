"""``unifml export``, ``inspect`` and ``predict``: what they write, and what they end with."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys

import numpy as np
import pytest
from export.data import SHORT, mixed, preparation, prices
from sklearn.datasets import load_iris
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import unifml
from unifml import cli
from unifml.errors import DataError
from unifml.runtime.csvfile import Columns, CsvFile
from unifml.runtime.schema import Input, Schema

pytestmark = pytest.mark.sklearn


@pytest.fixture(scope="module")
def flowers(tmp_path_factory):
    """A classifier of an array, saved, and its rows with and without a first line."""
    folder = tmp_path_factory.mktemp("flowers")
    X, y = load_iris(return_X_y=True)
    model = make_pipeline(
        StandardScaler(), unifml.Classifier("mlp", backend="sklearn", training=SHORT)
    )
    unifml.save(model.fit(X, y), folder / "m.unifml")
    np.savetxt(folder / "plain.csv", X, delimiter=",")
    np.savetxt(folder / "named.csv", np.c_[X, y], "%.17g", ",", header="a,b,c,d,kind", comments="")
    np.save(folder / "rows.npy", X)
    unifml.export_onnx(model, folder / "m.onnx", X)
    return folder, model, X, y


@pytest.fixture(scope="module")
def rents(tmp_path_factory):
    """A regressor of a mixed table with missing values, saved, and its rows with their truth."""
    folder = tmp_path_factory.mktemp("rents")
    X = mixed()
    y = prices(X)
    net = unifml.Regressor("mlp", backend="sklearn", training=SHORT, random_state=0)
    model = make_pipeline(preparation(), net).fit(X, y)
    unifml.save(model, folder / "m.unifml")
    X.assign(price=y).iloc[:, ::-1].to_csv(folder / "rows.csv", index=False)
    return folder, model, X, y


def run(capsys, *arguments):
    code = cli.main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def table(text):
    lines = list(csv.reader(io.StringIO(text)))
    return {name: list(column) for name, *column in zip(*lines, strict=True)}


def test_a_saved_pipeline_is_exported_and_predicts_its_own_table(rents, tmp_path, capsys):
    folder, model, X, _ = rents
    target = tmp_path / "m.onnx"
    export = ("export", folder / "m.unifml", folder / "rows.csv", "-o", target)
    code, out, err = run(capsys, *export, "--target", "price", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["rows"] == len(X)
    code, out, err = run(capsys, "predict", target, folder / "rows.csv")
    assert code == 0
    assert "price" in err  # is there, and not taken
    found = np.array(table(out)["prediction"], float)
    np.testing.assert_allclose(found, model.predict(X), rtol=1e-5)
    code, out, err = run(capsys, *export)
    assert (code, "left out: price" in err, "proven on 120 rows" in out) == (0, True, True)


def test_rows_in_parquet_and_text_with_another_delimiter(rents, tmp_path, capsys):
    pytest.importorskip("pyarrow")
    folder, model, X, y = rents
    X.assign(price=y).to_parquet(tmp_path / "rows.parquet")
    X.to_csv(tmp_path / "rows.txt", index=False, sep=";")
    target = tmp_path / "m.onnx"
    assert (
        run(capsys, "export", folder / "m.unifml", tmp_path / "rows.parquet", "-o", target)[0] == 0
    )
    code, one, _ = run(capsys, "predict", target, tmp_path / "rows.parquet")
    assert code == 0
    code, two, _ = run(capsys, "predict", target, tmp_path / "rows.txt", "--delimiter", ";")
    assert (code, one) == (0, two)
    np.testing.assert_allclose(np.array(table(one)["prediction"], float), model.predict(X), 1e-5)


def test_probabilities_are_named_by_their_classes(flowers, tmp_path, capsys):
    folder, model, X, _ = flowers
    out = tmp_path / "said.csv"
    code, shown, _ = run(
        capsys, "predict", folder / "m.onnx", folder / "plain.csv", "-o", out, "--proba"
    )
    assert (code, shown) == (0, "")
    found = table(out.read_text())
    assert list(found) == ["label", "probability_0", "probability_1", "probability_2"]
    assert found["label"] == [str(label) for label in model.predict(X)]
    shares = np.array([found[f"probability_{i}"] for i in range(3)], float).T
    np.testing.assert_allclose(shares, model.predict_proba(X), atol=1e-5)


def test_columns_without_known_names_are_left_out_by_name(flowers, capsys):
    folder, model, X, _ = flowers
    code, out, err = run(capsys, "predict", folder / "m.onnx", folder / "named.csv")
    assert (code, out) == (1, "")
    assert "--drop" in err
    assert "Traceback" not in err
    code, out, _ = run(
        capsys, "predict", folder / "m.onnx", folder / "named.csv", "--drop", "kind", "--json"
    )
    assert (code, json.loads(out)["label"]) == (0, model.predict(X).tolist())
    code, out, _ = run(capsys, "predict", folder / "m.onnx", folder / "rows.npy")
    assert (code, table(out)["label"]) == (0, [str(v) for v in model.predict(X)])


def test_a_model_of_an_array_is_exported_with_all_columns_but_the_target(flowers, tmp_path, capsys):
    folder, _, _, _ = flowers
    export = ("export", folder / "m.unifml", folder / "named.csv", "-o", tmp_path / "m.onnx")
    assert run(capsys, *export, "--target", "kind")[0] == 0
    code, _, err = run(capsys, *export)
    assert code == 1
    assert "Traceback" not in err
    assert not {*tmp_path.iterdir()} - {tmp_path / "m.onnx"}


def test_several_outputs_and_transformers_have_columns_of_their_own(tmp_path, capsys):
    X, y = load_iris(return_X_y=True)
    both = MultiOutputClassifier(DecisionTreeClassifier(max_depth=2)).fit(X, np.c_[y, y > 0])
    np.save(tmp_path / "rows.npy", X)
    unifml.export_onnx(both, tmp_path / "both.onnx", X)
    code, out, _ = run(capsys, "predict", tmp_path / "both.onnx", tmp_path / "rows.npy", "--proba")
    assert (code, list(table(out))[:4]) == (
        0,
        ["label_0", "label_1", "probability_0_0", "probability_0_1"],
    )
    scaler = StandardScaler().fit(X)
    unifml.export_onnx(scaler, tmp_path / "scaler.onnx", X)
    code, out, _ = run(capsys, "predict", tmp_path / "scaler.onnx", tmp_path / "rows.npy")
    found = np.array([table(out)[f"transformed_{i}"] for i in range(4)], float).T
    np.testing.assert_allclose(found, scaler.transform(X), atol=1e-6)
    command = ("predict", tmp_path / "scaler.onnx", tmp_path / "rows.npy", "--proba")
    assert run(capsys, *command)[0] == 0  # a transformer answers with its columns alone


def test_inspect_prints_text_or_json(flowers, capsys):
    folder, _, _, _ = flowers
    code, out, _ = run(capsys, "inspect", folder / "m.onnx")
    assert (code, "X: float64 (n, 4)" in out, "classification" in out) == (0, True, True)
    code, out, _ = run(capsys, "inspect", folder / "m.onnx", "--json")
    assert (code, json.loads(out)["classes"]) == (0, [0, 1, 2])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("predict", "none.onnx", "rows.csv"), "no such file"),
        (("predict", "{m}", "none.csv"), "none.csv"),
        (("predict", "{rows}", "{rows}"), "no ONNX model"),
        (("inspect", "none.onnx"), "no such file"),
        (("export", "none.unifml", "rows.csv", "-o", "x.onnx"), "none.unifml"),
        (("predict", "{m}", "{rows}", "--device", "tpu"), "device"),
        (("predict", "{m}", "{rows}", "--drop", "q"), "no such column"),
    ],
)
def test_a_problem_is_told_without_a_traceback(flowers, tmp_path, capsys, arguments, words):
    names = {"m": flowers[0] / "m.onnx", "rows": flowers[0] / "plain.csv"}
    code, out, err = run(capsys, *(a.format(**names) for a in arguments))
    assert (code, out) == (1, "")
    assert words in err
    assert err.startswith(f"unifml {arguments[0]}: ")
    assert "Traceback" not in err


def test_the_cause_is_told_and_the_traceback_on_request(monkeypatch, flowers, capsys):
    from unifml.export import inspect

    def fail(path):
        raise DataError("no luck") from KeyError("deep inside")

    monkeypatch.setattr(inspect, "inspect_onnx", fail)
    code, _, err = run(capsys, "inspect", "x")
    assert (code, "caused by KeyError: 'deep inside'" in err) == (1, True)
    with pytest.raises(DataError):
        cli.main(["--traceback", "inspect", "x"])


@pytest.mark.parametrize(
    "arguments", [("predict",), ("export", "a", "b"), ("export", "a", "b", "--precision", "int4")]
)
def test_wrong_usage_ends_with_2(arguments):
    with pytest.raises(SystemExit) as end:
        cli.main(list(arguments))
    assert end.value.code == 2


def test_predict_needs_neither_scikit_learn_nor_pandas(flowers):
    folder, model, X, _ = flowers
    code = (
        "import sys\n"
        "from unifml.cli import main\n"
        "code = main(sys.argv[1:])\n"
        "heavy = {'sklearn', 'pandas', 'scipy', 'onnx', 'torch'} & {*sys.modules}\n"
        "assert not heavy, heavy\n"
        "sys.exit(code)\n"
    )
    command = [sys.executable, "-c", code, "predict", folder / "m.onnx", folder / "plain.csv"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert table(done.stdout)["label"] == [str(v) for v in model.predict(X)]


# Cells -------------------------------------------------------------------------------------------


def cells(tmp_path, text):
    (tmp_path / "rows.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return CsvFile(tmp_path / "rows.csv")


def schema(kinds, names=("a", "b", "c", "d")):
    inputs = tuple(Input(n, k, (1,)) for n, k in zip("abcd", kinds, strict=False))
    return Schema("regression", inputs, ("prediction",), True, names and names[: len(kinds)])


def test_cells_become_what_the_columns_hold(tmp_path):
    file = cells(tmp_path, "d,c,b,a\ntrue,9007199254740993,old town,1.5\n0,-3,NA,\n")
    rows, left = file.rows_for(schema(["double", "string", "int64", "bool"]))
    assert isinstance(rows, Columns)
    assert (rows.columns, rows.shape, left) == (["a", "b", "c", "d"], (2, 4), [])
    np.testing.assert_array_equal(rows["a"], [1.5, np.nan])
    assert rows["b"][0] == "old town"
    assert np.isnan(rows["b"][1])
    assert rows["c"].tolist() == [2**53 + 1, -3]
    assert rows["d"].tolist() == [True, False]


def test_they_are_what_pandas_reads(tmp_path):
    import pandas as pd

    text = 'a,b\n1,"x, ""y"""\n,null\n1e3,NaN\n-2.5, z\n'
    rows, _ = cells(tmp_path, b"\xef\xbb\xbf" + text.encode()).rows_for(
        schema(["double", "string"])
    )
    frame = pd.read_csv(io.StringIO(text))
    np.testing.assert_array_equal(rows["a"], frame["a"])
    assert [None if v != v else v for v in rows["b"]] == [
        None if v != v else v for v in frame["b"].tolist()
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no rows"),
        ("a,b\n", "no rows"),
        ("a,a\n1,2\n", "two columns"),
        ("a,b\n1,2\n3\n", "1 cells in row 1"),
        (b"a,b\n\xff\xfe,1\n", "utf-8"),
        ("a,c\n1,2\n", "columns are missing: b"),
        ("1,2\n3,4\n", "no names in the first line"),
        ("a,b\nx,2\n", "'x' in column 'a', row 0"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, text, words):
    with pytest.raises(DataError, match=words):
        cells(tmp_path, text).rows_for(schema(["double", "double"]))

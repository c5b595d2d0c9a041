"""``unifml fit``: a table becomes a saved model, or a problem is told before the work."""

from __future__ import annotations

import json
import subprocess
import sys
from argparse import ArgumentTypeError

import numpy as np
import pytest
from export.data import mixed, prices
from sklearn.datasets import load_iris

import unifml
from unifml import cli
from unifml.cli.words import folds, literal, names, setting

pytestmark = pytest.mark.sklearn
pd = pytest.importorskip("pandas")
pytest.importorskip("safetensors")
pytest.importorskip("skops")
SHORT = ("--backend", "sklearn", "--set", "epochs=2", "--seed", "3")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Flowers with text as target, rents with text and gaps, and files that are wrong."""
    place = tmp_path_factory.mktemp("tables")
    flowers = load_iris(as_frame=True)
    frame = flowers.data.set_axis(["a", "b", "c", "d"], axis=1)
    frame.assign(kind=flowers.target_names[flowers.target]).to_csv(place / "iris.csv", index=False)
    rents = mixed()
    rents.assign(price=prices(rents)).to_csv(place / "rents.csv", index=False)
    frame.assign(kind=["x", None] * 75).to_csv(place / "gaps.csv", index=False)
    (place / "empty.csv").write_text("")
    (place / "head.csv").write_text("a,b,kind\n")
    (place / "one.csv").write_text("kind\nx\ny\n")
    return place


def run(capsys, *arguments):
    code = cli.main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_what_is_fitted_is_what_the_verb_fits(folder, tmp_path, capsys):
    path = tmp_path / "m.unifml"
    how = ("--model", "mlp", *SHORT, "--set", "hidden=8,4", "--set", "activation=tanh")
    code, out, err = run(
        capsys, "fit", folder / "iris.csv", "--target", "kind", *how, "-o", path, "--json"
    )
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert (report["rows"], report["columns"], report["seed"]) == (150, ["a", "b", "c", "d"], 3)
    assert report["bytes"] == path.stat().st_size
    saved = unifml.load(path)
    frame = pd.read_csv(folder / "iris.csv")
    X, y = frame.drop(columns="kind"), frame["kind"].to_numpy()
    settings = {"hidden": (8, 4), "activation": "tanh", "epochs": 2, "random_state": 3}
    own = unifml.fit("mlp", X, y, backend="sklearn", **settings)
    assert saved.get_params()["model"].hidden == (8, 4)
    np.testing.assert_array_equal(saved.predict_proba(X), own.predict_proba(X))


def test_the_name_of_a_comparison_is_taken_and_the_seed_is_told(folder, tmp_path, capsys):
    path = tmp_path / "m.unifml"
    model = ("--model", "linear/sklearn", "-o", path)
    code, out, _ = run(capsys, "fit", folder / "iris.csv", "--target", "kind", *model)
    saved = unifml.load(path)
    assert (code, saved.backend) == (0, "sklearn")
    assert f"random_state={saved.seed_}" in out
    assert "150 rows, 4 columns" in out


def test_a_mixed_table_is_prepared_and_said_so(folder, tmp_path, capsys):
    path = tmp_path / "m.unifml"
    model = ("--model", "mlp", *SHORT, "-o", path, "--json")
    code, out, err = run(capsys, "fit", folder / "rents.csv", "--target", "price", *model)
    assert (code, json.loads(out)["seed"]) == (0, 3)
    assert "one-hot" in err
    X = pd.read_csv(folder / "rents.csv").drop(columns="price")
    assert np.isfinite(unifml.load(path).predict(X)).all()


def test_a_saved_model_is_fitted_again_with_other_settings(folder, tmp_path, capsys):
    first, second = tmp_path / "1.unifml", tmp_path / "2.unifml"
    data = (folder / "iris.csv", "--target", "kind")
    assert run(capsys, "fit", *data, "--model", "mlp", *SHORT, "-o", first)[0] == 0
    again = ("--model", first, "--set", "epochs=1", "--seed", "5", "-o", second)
    assert run(capsys, "fit", *data, *again)[0] == 0
    model = unifml.load(second)
    assert (model.training.epochs, model.seed_, model.backend) == (1, 5, "sklearn")


def test_weights_and_dropped_columns_are_not_learned_from(folder, tmp_path, capsys):
    frame = pd.read_csv(folder / "iris.csv").assign(w=np.r_[np.ones(100), np.zeros(50)])
    frame.to_csv(tmp_path / "rows.csv", index=False, sep=";")
    path = tmp_path / "m.unifml"
    how = ("--model", "linear/sklearn", "--weight", "w", "--drop", "a", "-o", path)
    rows = (tmp_path / "rows.csv", "--target", "kind", "--delimiter", ";")
    assert run(capsys, "fit", *rows, *how)[0] == 0
    model = unifml.load(path)
    assert list(model.feature_names_in_) == ["b", "c", "d"]
    assert "virginica" not in model.predict(frame[["b", "c", "d"]])


def test_rows_of_a_parquet_are_those_of_the_csv(folder, tmp_path, capsys):
    pytest.importorskip("pyarrow")
    pd.read_csv(folder / "iris.csv").to_parquet(tmp_path / "rows.parquet")
    how = ("--target", "kind", "--model", "mlp", *SHORT, "-o")
    assert run(capsys, "fit", tmp_path / "rows.parquet", *how, tmp_path / "1.unifml")[0] == 0
    assert run(capsys, "fit", folder / "iris.csv", *how, tmp_path / "2.unifml")[0] == 0
    X = pd.read_csv(folder / "iris.csv").drop(columns="kind")
    one, two = (unifml.load(tmp_path / f"{i}.unifml").predict_proba(X) for i in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_a_column_that_only_numbers_the_rows_is_pointed_out(folder, tmp_path, capsys):
    pd.read_csv(folder / "iris.csv").to_csv(tmp_path / "rows.csv")
    how = ("--model", "linear/sklearn", "-o", tmp_path / "m.unifml")
    code, _, err = run(capsys, "fit", tmp_path / "rows.csv", "--target", "kind", *how)
    assert (code, "--drop 'Unnamed: 0'" in err) == (0, True)


FITS = ("fit", "{f}/iris.csv", "--target", "kind", "-o", "{t}/m.unifml", "--model")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fit", "none.csv", *FITS[2:], "mlp"), "no such file: 'none.csv'"),
        (("fit", "{f}/empty.csv", *FITS[2:], "mlp"), "empty.csv"),
        (("fit", "{f}/head.csv", *FITS[2:], "mlp"), "no rows"),
        (("fit", "{f}/one.csv", *FITS[2:], "mlp"), "no column is left"),
        (("fit", "rows.npy", *FITS[2:], "mlp"), "has no names"),
        (("fit", "{f}/gaps.csv", *FITS[2:], "mlp"), "missing in 75 of 150 rows"),
        ((*FITS[:3], "kinds", *FITS[4:], "mlp"), "did you mean 'kind'?"),
        ((*FITS, "mlp", "--drop", "e"), "columns: a, b, c, d, kind"),
        ((*FITS, "mlp", "--drop", "kind"), "asked for twice"),
        ((*FITS, "mpl"), "did you mean 'mlp'?"),
        ((*FITS, "mlp", "--backend", "pytorch"), "did you mean 'torch'?"),
        ((*FITS, "mlp/tourch"), "did you mean 'torch'?"),
        ((*FITS, "mlp/sklearn", "--set", "epoch=5"), "did you mean 'epochs'?"),
        ((*FITS, "m.onnx"), "predicts only"),
        ((*FITS, "none.unifml"), "none.unifml"),
        ((*FITS[:5], "{t}/no/m.unifml", "--model", "mlp"), "no such folder"),
        ((*FITS[:5], "{t}", "--model", "mlp"), "a folder"),
        ((*FITS[:5], "{t}/m.onnx", "--model", "mlp"), "unifml export"),
        ((*FITS[:5], "{f}/iris.csv", "--model", "mlp"), "another kind"),
    ],
)
def test_a_problem_is_told_before_the_fit(folder, tmp_path, capsys, monkeypatch, arguments, words):
    def fit(*_, **__):
        raise AssertionError("it came to the fit")

    monkeypatch.setattr(unifml.Classifier, "fit", fit)
    code, out, err = run(capsys, *(a.format(f=folder, t=tmp_path) for a in arguments))
    assert (code, out) == (1, "")
    assert words in err
    assert err.startswith("unifml fit: ")
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "more", [("--set", "epochs"), ("--set", "a b=1"), ("--set", "backend=torch"), ("--seed", "x")]
)
def test_wrong_usage_is_2_and_names_the_option(folder, tmp_path, capsys, more):
    arguments = [a.format(f=folder, t=tmp_path) for a in (*FITS, "mlp", *more)]
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    assert end.value.code == 2
    assert more[0] in capsys.readouterr().err


def test_a_wrong_value_is_told_and_leaves_no_file(folder, tmp_path, capsys):
    arguments = (*FITS, "mlp/sklearn", "--set", "epochs=many")
    code, out, err = run(capsys, *(a.format(f=folder, t=tmp_path) for a in arguments))
    assert (code, out, "epochs='many'" in err) == (1, "", True)
    assert not list(tmp_path.iterdir())


def test_an_interrupted_fit_is_130_and_leaves_no_file(folder, tmp_path, capsys, monkeypatch):
    def fit(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(unifml.Classifier, "fit", fit)
    arguments = [a.format(f=folder, t=tmp_path) for a in (*FITS, "mlp/sklearn")]
    code, out, err = run(capsys, *arguments)
    assert (code, out, "interrupted" in err) == (130, "", True)
    assert not list(tmp_path.iterdir())


def test_what_diverges_is_told_and_the_traceback_on_request(folder, tmp_path, capsys, monkeypatch):
    def fit(*_, **__):
        raise unifml.errors.DivergedError("loss is nan")

    monkeypatch.setattr(unifml.Classifier, "fit", fit)
    arguments = [a.format(f=folder, t=tmp_path) for a in (*FITS, "mlp/sklearn")]
    code, _, err = run(capsys, *arguments)
    assert (code, err) == (1, "unifml fit: loss is nan.\n")
    with pytest.raises(unifml.errors.DivergedError):
        cli.main(["--traceback", *arguments])


def test_values_of_settings_are_literals_and_nothing_is_run():
    pairs = {
        "hidden=64,32": (64, 32),
        "hidden=(8,)": (8,),
        "dropout=0.5": 0.5,
        "learning_rate=1e-3": 1e-3,
        "schedule=None": None,
        "refit=True": True,
        "optimizer=adamw": "adamw",
        "loss='a=b'": "a=b",
        "class_weight={0: 1, 1: 5}": {0: 1, 1: 5},
        "x=__import__('os').getcwd()": "__import__('os').getcwd()",
        "x=(1": "(1",
    }
    for text, value in pairs.items():
        name, found = setting(text)
        assert (name, found) == (text.partition("=")[0], value)
    assert literal("(" * 10_000) == "(" * 10_000
    assert [folds(t) for t in ("5", "0.2", "stratified", "True")] == [5, 0.2, "stratified", "True"]
    assert names("a, b") == ["a", "b"]
    for text in ("a,,b", "a,a", ""):
        with pytest.raises(ArgumentTypeError):
            names(text)


def test_help_lists_the_commands_in_the_order_of_the_work(capsys):
    assert cli.main([]) == 0
    out = capsys.readouterr().out
    order = ("demo", "doctor", "fit", "evaluate", "compare", "export", "inspect", "predict")
    places = [out.index(f"    {name} ") for name in order]
    assert places == sorted(places)


def test_it_runs_as_a_command(folder, tmp_path):
    arguments = [a.format(f=folder, t=tmp_path) for a in (*FITS, "mlp", *SHORT, "--json")]
    code = "import sys; from unifml.cli import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["rows"] == 150

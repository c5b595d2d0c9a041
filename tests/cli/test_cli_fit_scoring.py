"""``unifml evaluate`` and ``unifml compare``: what the verbs say, on the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest
from export.data import SHORT, mixed, prices
from sklearn.datasets import load_iris
from sklearn.metrics import accuracy_score

import unifml
from unifml import cli

pytestmark = pytest.mark.sklearn
pd = pytest.importorskip("pandas")
pytest.importorskip("safetensors")
pytest.importorskip("skops")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Flowers with a saved model of three of their columns, and rents with text and gaps."""
    place = tmp_path_factory.mktemp("tables")
    flowers = load_iris(as_frame=True)
    frame = flowers.data.set_axis(["a", "b", "c", "d"], axis=1)
    frame["kind"] = flowers.target_names[flowers.target]
    frame.to_csv(place / "iris.csv", index=False)
    model = unifml.Classifier("mlp", backend="sklearn", training=SHORT, random_state=0)
    unifml.save(model.fit(frame[["a", "b", "c"]], frame["kind"]), place / "m.unifml")
    array = unifml.Classifier("linear", backend="sklearn")
    unifml.save(
        array.fit(frame[["a", "b", "c", "d"]].to_numpy(), frame["kind"]), place / "a.unifml"
    )
    rents = mixed()
    rents.assign(price=prices(rents)).to_csv(place / "rents.csv", index=False)
    return place


def run(capsys, *arguments):
    code = cli.main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def flowers(folder):
    frame = pd.read_csv(folder / "iris.csv")
    return frame.drop(columns="kind"), frame["kind"].to_numpy()


def evaluated(capsys, folder, *more):
    code, out, err = run(
        capsys, "evaluate", folder / "iris.csv", "--target", "kind", *more, "--json"
    )
    assert code == 0, err
    return json.loads(out), err


def test_a_name_is_scored_in_folds_as_the_verb_does(folder, capsys):
    how = ("--model", "linear/sklearn", "--cv", "3", "--metrics", "accuracy,log_loss")
    found, _ = evaluated(capsys, folder, *how, "--seed", "1")
    own = unifml.evaluate(
        "linear",
        *flowers(folder),
        backend="sklearn",
        cv=3,
        metrics=["accuracy", "log_loss"],
        random_state=1,
    )
    assert found["scores"] == own.scores
    assert len(found["folds"]) == 3
    assert "3-fold" in found["title"]


def test_settings_are_those_of_the_model_that_is_scored(folder, capsys):
    how = ("--model", "mlp/sklearn", "--cv", "0.3", "--metrics", "accuracy")
    found, _ = evaluated(capsys, folder, *how, "--set", "epochs=2", "--set", "hidden=5,")
    seed = int(found["title"].partition("shuffled (random_state=")[2].partition(")")[0])
    model = unifml.make(
        "mlp", task="classification", backend="sklearn", epochs=2, hidden=(5,), random_state=seed
    )
    own = unifml.evaluate(model, *flowers(folder), cv=0.3, metrics="accuracy", random_state=seed)
    assert found["scores"] == own.scores


def test_a_file_is_scored_as_fitted_on_its_own_columns(folder, capsys):
    X, y = flowers(folder)
    found, err = evaluated(capsys, folder, "--model", folder / "m.unifml", "--metrics", "accuracy")
    model = unifml.load(folder / "m.unifml")
    assert found["scores"]["accuracy"] == accuracy_score(y, model.predict(X[["a", "b", "c"]]))
    assert found["fit_seconds"] is None
    assert "left out: d" in err
    found, err = evaluated(capsys, folder, "--model", folder / "a.unifml", "--metrics", "accuracy")
    assert err == ""
    found, _ = evaluated(capsys, folder, "--model", folder / "m.unifml", "--cv", "2")
    assert (len(found["folds"]), found["fit_seconds"] is None) == (2, False)


def test_an_onnx_file_scores_as_the_model_that_it_was_made_of(folder, tmp_path, capsys):
    pytest.importorskip("onnxruntime")
    X, _ = flowers(folder)
    model = unifml.load(folder / "m.unifml")
    unifml.export_onnx(model, tmp_path / "m.onnx", X[["a", "b", "c"]])
    how = ("--metrics", "accuracy,roc_auc")
    file, _ = evaluated(capsys, folder, "--model", tmp_path / "m.onnx", *how)
    own, _ = evaluated(capsys, folder, "--model", folder / "m.unifml", *how)
    assert file["scores"] == pytest.approx(own["scores"], abs=1e-6)


def test_a_mixed_table_is_scored_by_a_name(folder, capsys):
    how = ("--target", "price", "--model", "linear/sklearn", "--cv", "3", "--seed", "0", "--json")
    code, out, _ = run(capsys, "evaluate", folder / "rents.csv", *how)
    assert (code, json.loads(out)["scores"]["r2"] > 0.99) == (0, True)


def test_groups_stay_together_and_weights_count(folder, tmp_path, capsys):
    frame = pd.read_csv(folder / "iris.csv")
    frame["plot"] = np.arange(150) % 10
    frame["w"] = np.r_[np.ones(75), np.full(75, 3.0)]
    frame.to_csv(tmp_path / "rows.csv", index=False)
    how = ("--model", "linear/sklearn", "--groups", "plot", "--weight", "w", "--cv", "2")
    code, out, err = run(
        capsys,
        *("evaluate", tmp_path / "rows.csv", "--target", "kind", *how, "--seed", "0", "--json"),
    )
    assert code == 0, err
    X, y = flowers(folder)
    given = {"groups": frame["plot"], "sample_weight": frame["w"], "cv": 2, "random_state": 0}
    own = unifml.evaluate("linear", X, y, backend="sklearn", **given)
    assert json.loads(out)["scores"] == own.scores
    assert "by groups" in json.loads(out)["title"]


def test_text_is_for_people_and_json_alone_on_the_output(folder, capsys):
    data = (folder / "iris.csv", "--target", "kind", "--model", "linear/sklearn", "--cv", "2")
    code, out, err = run(capsys, "evaluate", *data)
    assert (code, err) == (0, "")
    assert out.splitlines()[1].split()[:2] == ["metric", "mean"]
    with unifml.config_context(verbose=2):  # a line a fold
        code, out, err = run(capsys, "evaluate", *data, "--json")
    json.loads(out)
    assert "evaluating 2/2" in err


def test_scores_by_a_column(folder, tmp_path, capsys):
    frame = pd.read_csv(folder / "iris.csv").assign(plot=["x", "y", "z"] * 50)
    frame.to_csv(tmp_path / "rows.csv", index=False)
    how = ("--target", "kind", "--model", folder / "m.unifml", "--by")
    code, out, err = run(capsys, "evaluate", tmp_path / "rows.csv", *how, "plot")
    assert code == 0, err
    X, y = flowers(folder)
    right = unifml.load(folder / "m.unifml").predict(X[["a", "b", "c"]]) == y
    rows = {line.split()[1]: line.split() for line in out.splitlines() if line[:6] == "plot: "}
    for i, name in enumerate("xyz"):
        assert rows[name][2:4] == ["50", f"{right[i::3].mean():.4f}"]
    code, out, err = run(capsys, "evaluate", tmp_path / "rows.csv", *how, "plots")
    assert (code, out, "did you mean 'plot'?" in err) == (1, "", True)


def test_a_report_is_one_page(folder, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    page = tmp_path / "page.html"
    data = (folder / "iris.csv", "--target", "kind", "--cv", "2", "--seed", "0", "--html", page)
    code, out, err = run(capsys, "evaluate", *data, "--model", "linear/sklearn", "--json")
    assert (code, str(page) in err) == (0, True)
    json.loads(out)
    text = page.read_text("utf-8")
    assert "<html" in text
    assert "accuracy" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("evaluate", "none.csv", "--target", "y", "--model", "mlp"), "no such file"),
        (("evaluate", "{i}", "--target", "kin", "--model", "mlp"), "did you mean 'kind'?"),
        (("evaluate", "{i}", "--target", "kind", "--model", "lineer"), "did you mean 'linear'?"),
        (("evaluate", "{i}", "--target", "kind", "--model", "no.onnx"), "no.onnx"),
        (("evaluate", "{i}", "--target", "a", "--model", "{m}"), "columns are missing: a"),
        (
            ("evaluate", "{i}", "--target", "kind", "--model", "{m}", "--set", "epochs=1"),
            "a fitted model has its settings",
        ),
        (
            (
                *("evaluate", "{i}", "--target", "kind", "--model", "linear/sklearn"),
                "--metrics",
                "f2",
            ),
            "did you mean 'f1'?",
        ),
        (
            ("evaluate", "{i}", "--target", "kind", "--model", "linear/sklearn", "--cv", "1"),
            "cv >= 2",
        ),
        (
            (
                *("evaluate", "{i}", "--target", "kind", "--model", "linear/sklearn"),
                "--cv",
                "stratifed",
            ),
            "did you mean 'stratified'?",
        ),
        (
            ("evaluate", "{i}", "--target", "kind", "--model", "mlp", "--html", "no/page.html"),
            "no such folder",
        ),
        (
            ("compare", "{i}", "--target", "kind", "--models", "mlp,lineer"),
            "did you mean 'linear'?",
        ),
        (("compare", "{i}", "--target", "kind", "--models", "mlp/tourch"), "did you mean 'torch'?"),
        (("compare", "{i}", "--target", "kins", "--models", "linear"), "did you mean 'kind'?"),
    ],
)
def test_a_problem_is_told_without_a_traceback(folder, capsys, arguments, words):
    names = {"i": folder / "iris.csv", "m": folder / "m.unifml"}
    code, out, err = run(capsys, *(a.format(**names) for a in arguments))
    assert (code, out) == (1, "")
    assert words in err
    assert err.splitlines()[0].startswith(f"unifml {arguments[0]}: ")
    assert "Traceback" not in err


def test_models_are_compared_on_the_same_folds(folder, tmp_path, capsys):
    models = "linear/sklearn,random_forest,mlp/sklearn"
    data = (folder / "iris.csv", "--target", "kind", "--cv", "3", "--seed", "2")
    code, out, err = run(capsys, "compare", *data, "--models", models, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    own = unifml.evaluate("linear", *flowers(folder), backend="sklearn", cv=3, random_state=2)
    assert found["evaluations"]["linear/sklearn"]["scores"] == own.scores
    assert {line["name"] for line in found["ranking"]} == {*models.split(",")}
    code, out, _ = run(capsys, "compare", *data, "--models", models)
    assert (code, out.splitlines()[2].split()[0]) == (0, found["best"])


def test_files_are_compared_with_names(folder, capsys):
    data = (folder / "iris.csv", "--target", "kind", "--cv", "2", "--metrics", "accuracy")
    models = f"linear/sklearn,{folder / 'a.unifml'}"
    code, out, err = run(capsys, "compare", *data, "--models", models, "--json")
    assert code == 0, err
    assert {*json.loads(out)["evaluations"]} == {*models.split(",")}


def test_a_comparison_is_one_page(folder, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    page = tmp_path / "page.html"
    data = (folder / "iris.csv", "--target", "kind", "--cv", "2", "--seed", "0")
    models = ("--models", "linear", "--backends", "sklearn", "--html", page)
    code, _, err = run(capsys, "compare", *data, *models)
    assert (code, str(page) in err) == (0, True)
    assert "linear" in page.read_text("utf-8")


def test_wrong_usage_ends_with_2(capsys):
    for models in ("a,a", "a,,b"):
        with pytest.raises(SystemExit) as end:
            cli.main(["compare", "rows.csv", "--target", "y", "--models", models])
        assert end.value.code == 2
        assert "--models" in capsys.readouterr().err

"""Every public estimator of scikit-learn: exported and proven, or refused for a reason we know."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

import unifml
from export.coverage_cases import CASES, KINDS, NOTHING, REFUSED
from unifml.errors import ExportMismatchError, UnifmlError

TABLE = Path(__file__).parents[2] / "docs" / "onnx_coverage.json"
EXPORTED = [name for name in CASES if name not in REFUSED]
DOUBLE = [name for name in EXPORTED if CASES[name].has_floats and CASES[name].keeps_digits]


METHODS = ("predict", "predict_proba", "transform")


def same(loaded, model, X, method):
    """Compare, without a look at how the proof does it; say whether there was something."""
    if not hasattr(model, method) or not hasattr(loaded, method):
        return False
    said, native = getattr(loaded, method)(X), getattr(model, method)(X)
    for ours, theirs in zip(several(said), several(native), strict=True):
        assert ours.shape == theirs.shape
        if theirs.dtype.kind == "f":
            close = 1e-5 * (1 + np.nanstd(theirs))
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=close)
        else:
            assert (ours == theirs).mean() > 0.95
    return True


def several(answers):
    answers = answers if isinstance(answers, list) else [answers]
    return [one.toarray() if hasattr(one, "toarray") else np.asarray(one) for one in answers]


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rows without neighbours, labels that none of them has
        yield


@pytest.mark.parametrize("name", EXPORTED)
def test_an_estimator_is_exported_and_proven(name, tmp_path):
    model, rows = CASES[name].fitted()
    report = unifml.export_onnx(model, tmp_path / "model.onnx", rows.new)
    assert report.rows == len(rows.new)
    assert report.exporter
    loaded = unifml.load_onnx(report.path)
    assert {same(loaded, model, rows.new, method) for method in METHODS} > {False}


@pytest.mark.parametrize("name", DOUBLE)
def test_rows_of_float64_are_proven_too(name, tmp_path):
    model, rows = CASES[name].fitted(digits=53)
    report = unifml.export_onnx(model, tmp_path / "model.onnx", rows.new)
    assert [spec.kind for spec in unifml.load_onnx(report.path).schema.inputs] == ["double"]


@pytest.mark.parametrize("name", [name for name in REFUSED if name in CASES])
def test_what_has_no_formula_is_refused_and_leaves_no_file(name, tmp_path):
    model, rows = CASES[name].fitted()
    with pytest.raises(UnifmlError) as caught:
        unifml.export_onnx(model, tmp_path / "model.onnx", rows.new)
    assert not isinstance(caught.value, ExportMismatchError), "it is converted, and wrong"
    assert not list(tmp_path.iterdir())


def test_every_estimator_has_its_place():
    assert set(CASES) | set(NOTHING) == set(KINDS)
    assert not set(REFUSED) - set(KINDS)


def test_the_table_in_the_docs_says_so():
    table = json.loads(TABLE.read_text("utf-8"))
    shown = {found["name"]: found["unifml"]["verdict"] for found in table["cases"]}
    assert shown == {name: "refused" if name in REFUSED else "proven" for name in CASES}
    assert tuple(table["nothing"]) == NOTHING


def test_more_is_exported_than_by_skl2onnx_alone():
    table = json.loads(TABLE.read_text("utf-8"))
    alone = {found["name"] for found in table["cases"] if found["alone"]["verdict"] == "yes"}
    first = {"HistGradientBoostingClassifier", "HistGradientBoostingRegressor", "IsolationForest"}
    assert first <= set(EXPORTED)
    assert len(EXPORTED) >= len(alone | first)
    assert alone - set(EXPORTED) <= {"DictVectorizer", "LabelBinarizer", "LabelEncoder"}

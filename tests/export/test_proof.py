"""Broken on purpose: the export refuses, leaves no file, and names the cause."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cluster import DBSCAN
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler

from export.broken import added, behind, constant, node, swapped, tamper
from export.data import SHORT, codes, mixed, numbers, preparation, prices
from unifml import Classifier, Regressor, export_onnx, load_onnx
from unifml.errors import (
    DataTypeError,
    ExportError,
    ExportMismatchError,
    MissingDependencyError,
    ParameterError,
)
from unifml.export import verb

NAMES = np.array(["a", "b", "c"])


def mlp(backend="sklearn"):
    return Classifier("mlp", backend=backend, training=SHORT, random_state=0)


def refused(model, X, path, match):
    with pytest.raises(ExportMismatchError, match=match) as caught:
        export_onnx(model, path / "m.onnx", X)
    assert list(path.iterdir()) == []
    return str(caught.value)


# A network on every backend ---------------------------------------------------------------------

NETWORK = {
    "wrong weight": (constant("hidden_0.kernel", added((0, 0), 0.1)), "values differ"),
    "swapped columns": (constant("standardize.mean", swapped), "values differ"),
    "changed class order": (constant("classes", swapped), "'a' comes as 'b', 'b' comes as 'a'"),
    "lost activation": (node("activation_0", lambda n: setattr(n, "op_type", "Identity")), None),
    "swapped probabilities": (
        behind("", ("Gather", [None, [1, 0, 2]], {"axis": 1})),
        "columns in another order: 'b' stands where 'a' should, 'a' stands where 'b' should",
    ),
    "not a number": (constant("output.bias", added(1, np.nan)), "gives NaN in 90 rows"),
}


@pytest.mark.parametrize("how", NETWORK)
@pytest.mark.parametrize("before", [None, b"the file of yesterday"])
def test_a_wrong_network_is_refused_and_leaves_no_file(backend, how, before, monkeypatch, tmp_path):
    X, y = numbers(), NAMES[codes()]
    path = tmp_path / "m.onnx"
    if before is not None:
        path.write_bytes(before)
    change, why = NETWORK[how]
    tamper(monkeypatch, change)
    with pytest.raises(ExportMismatchError, match=why) as caught:
        export_onnx(mlp(backend).fit(X, y), path, X)
    assert "first difference: the model itself (Classifier" in str(caught.value)
    assert [f.read_bytes() for f in tmp_path.iterdir()] == ([] if before is None else [before])


def test_a_wrong_scale_of_the_target_is_refused(backend, monkeypatch, tmp_path):
    X = numbers()
    model = Regressor("mlp", backend=backend, training=SHORT).fit(X, X.sum(axis=1))
    tamper(monkeypatch, constant("target.mean", lambda mean: mean + 0.5))
    said = refused(model, X, tmp_path, "the file's numbers are the model's plus 0.5")
    assert said.count("\n  row ") == 5


# Pipelines of scikit-learn ----------------------------------------------------------------------


def pipeline():
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(numbers(), NAMES[codes()])


SCALER = r"first difference: step 'standardscaler' \(StandardScaler\(\)\), column 'x1'"
LAST = r"first difference: step 'logisticregression' \(LogisticRegression\(\)\)"
PIPELINE = {
    "wrong scale": (
        constant("standardscaler/by_1", added(1, 0.1)),
        rf"{SCALER}; the file's numbers are 0\.\d+ times the model's",
    ),
    "wrong mean": (constant("standardscaler/by", added(1, 0.1)), SCALER),
    "swapped columns": (
        behind("standardscaler", ("Gather", [None, [0, 2, 1, 3]], {"axis": 1})),
        r"step 'standardscaler' .* columns in another order: 'x2' stands where 'x1' should",
    ),
    "not a number": (
        constant("standardscaler/by_1", added(1, np.nan)),
        f"{SCALER}; .* gives NaN",
    ),
    "wrong weight": (constant("logisticregression/value", added((0, 0), 0.01)), LAST),
    "changed class order": (
        constant("classes", swapped),
        f"{LAST}; classes in another order: 'a' comes as 'b'",
    ),
}


@pytest.mark.sklearn
@pytest.mark.parametrize("how", PIPELINE)
def test_the_first_wrong_step_of_a_pipeline_is_named(how, monkeypatch, tmp_path):
    change, why = PIPELINE[how]
    tamper(monkeypatch, change)
    refused(pipeline(), numbers(), tmp_path, why)


def encoded():
    """Steps of known names around columns of a mixed table."""
    text = OneHotEncoder(handle_unknown="ignore")
    orders = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    scaled = FeatureUnion([("wide", StandardScaler()), ("small", MinMaxScaler())])
    columns = ColumnTransformer(
        [("size", scaled, ["rooms", "age"]), ("where", text, ["place"]), ("kind", orders, ["kind"])]
    )
    return make_pipeline(columns, LogisticRegression())


def houses(n=90):
    import pandas as pd

    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "kind": rng.choice(["flat", "house"], n),
            "age": rng.normal(50, 9, n),
            "rooms": rng.integers(1, 6, n),
            "place": rng.choice(["harbour", "hill", "old town"], n),
        }
    )
    return X, np.where(X["rooms"] * 10 + X["age"] > 80, "dear", "cheap")


COLUMNS = {
    "wrong scaler": (
        behind("wide", ("Mul", [None, (1.0, 2.0)], {})),
        r"step 'wide' of 'size' of 'columntransformer' \(StandardScaler\(\)\), column 'age'; the "
        "file's numbers are 2 times the model's",
    ),
    "the other scaler": (
        behind("small", ("Add", [None, (0.5, 0.0)], {})),
        r"step 'small' of 'size' of 'columntransformer' \(MinMaxScaler\(\)\), column 'rooms'; the "
        "file's numbers are the model's plus 0.5",
    ),
    "swapped columns": (
        behind("wide", ("Gather", [None, [1, 0]], {"axis": 1})),
        r"step 'wide' .* columns in another order: 'age' stands where 'rooms' should",
    ),
    "swapped categories": (
        behind("where", ("Gather", [None, [0, 2, 1]], {"axis": 1})),
        r"step 'where' .* columns in another order: 'place_old town' stands where 'place_hill' sho",
    ),
    "wrong ordinal": (
        behind("kind", ("Add", [None, 1.0], {})),
        r"step 'kind' of 'columntransformer' \(OrdinalEncoder\)",
    ),
}


@pytest.mark.sklearn
@pytest.mark.parametrize("how", COLUMNS)
def test_the_first_wrong_step_among_columns_is_named(how, monkeypatch, tmp_path):
    X, y = houses()
    change, why = COLUMNS[how]
    tamper(monkeypatch, change)
    refused(encoded().fit(X, y), X, tmp_path, f"first difference: {why}")


def test_a_wrong_step_before_a_network_is_named(backend, monkeypatch, tmp_path):
    X = mixed()
    y = np.where(prices(X) > 60, "dear", "cheap")
    model = make_pipeline(preparation(), mlp(backend)).fit(X, y)
    tamper(monkeypatch, behind("standardscaler", ("Mul", [None, (1.0, 1.01)], {})))
    why = "first difference: step 'standardscaler' of 'numbers' of 'columntransformer'"
    refused(model, X, tmp_path, rf"{why} \(StandardScaler\(\)\), column 'rooms'; .* 1.01 times")


@pytest.mark.sklearn
def test_a_wrong_member_of_a_vote_is_named(monkeypatch, tmp_path):
    from sklearn.ensemble import VotingClassifier

    members = [("good", LogisticRegression()), ("bad", LogisticRegression(C=0.1))]
    model = make_pipeline(StandardScaler(), VotingClassifier(members, voting="soft"))
    tamper(monkeypatch, behind("bad", ("Mul", [None, 1.1], {})))
    why = r"first difference: step 'bad' of 'votingclassifier' \(LogisticRegression\(C=0.1\)\)"
    refused(model.fit(numbers(), codes()), numbers(), tmp_path, why)


@pytest.mark.sklearn
def test_a_wrong_transformer_is_refused(monkeypatch, tmp_path):
    X, _ = houses()
    model = ColumnTransformer([("size", StandardScaler(), ["age", "rooms"])]).fit(X)
    tamper(monkeypatch, behind("size", ("Mul", [None, (1.0, 1.001)], {})))
    why = r"first difference: step 'size' \(StandardScaler\(\)\), column 'rooms'"
    refused(model, X, tmp_path, why)


@pytest.mark.sklearn
@pytest.mark.parametrize("domain", ["", "my.own"])
def test_an_operator_that_nobody_knows_is_named(domain, monkeypatch, tmp_path):
    def made_up(proto, writer):
        (found,) = [n for n in proto.graph.node if n.name == "logisticregression/code"]
        found.op_type, found.domain = "NoSuchOperator", domain
        if domain:
            proto.opset_import.add(domain=domain, version=1)

    tamper(monkeypatch, made_up)
    why = f"'NoSuchOperator' of domain '{domain or 'ai.onnx'}'.*'logisticregression/code'"
    with pytest.raises(ExportError, match=why):
        export_onnx(pipeline(), tmp_path / "m.onnx", numbers())
    assert list(tmp_path.iterdir()) == []


# A mismatch that is allowed ---------------------------------------------------------------------


@pytest.mark.sklearn
def test_a_mismatch_may_be_allowed_and_is_recorded(monkeypatch, tmp_path):
    X = numbers()
    model = Ridge().fit(X, X.sum(axis=1))
    tamper(monkeypatch, behind("", ("Add", [None, 1.5], {})))
    report = export_onnx(model, tmp_path / "m.onnx", X, allow_mismatch=True)
    assert not report.agrees
    assert report.max_abs_diff == pytest.approx(1.5, abs=1e-3)
    assert "DIFFERS" in str(report)
    with pytest.warns(UserWarning, match="differs from its model"):
        proof = json.loads(load_onnx(report.path).metadata["unifml.proof"])
    assert proof["agrees"] is False
    assert "the model's plus 1.5" in proof["found"]
    assert [check["agrees"] for check in proof["checks"]] == [False] * len(report.checks)


@pytest.mark.sklearn
def test_a_right_file_says_so(tmp_path):
    report = export_onnx(pipeline(), tmp_path / "m.onnx", numbers())
    proof = json.loads(load_onnx(report.path).metadata["unifml.proof"])
    assert proof["agrees"] is report.agrees is True
    assert proof["rows"] == report.rows == 90
    assert [check["kind"] for check in proof["checks"]] == [check.kind for check in report.checks]
    assert json.loads(report.to_json())["checks"] == proof["checks"]


# Models that cannot be proven or written --------------------------------------------------------


class Dice(ClassifierMixin, BaseEstimator):
    """Predicts at random."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.random.default_rng().choice(self.classes_, len(X))


def test_a_random_model_is_refused(tmp_path):
    X, y = numbers(), codes()
    with pytest.raises(ExportError, match="something else each time"):
        export_onnx(Dice().fit(X, y), tmp_path / "m.onnx", X)


@pytest.mark.sklearn
def test_a_model_that_the_export_changes_is_refused(monkeypatch, tmp_path):
    model = LogisticRegression(max_iter=500).fit(numbers(), codes())
    tamper(monkeypatch, lambda proto, writer: setattr(model, "coef_", model.coef_ * 2))
    with pytest.raises(ExportError, match="no longer predicts what it did"):
        export_onnx(model, tmp_path / "m.onnx", numbers())
    assert list(tmp_path.iterdir()) == []


def test_an_estimator_without_a_converter_is_refused_by_name(tmp_path):
    class Constant(Dice):
        def predict(self, X):
            return np.full(len(X), self.classes_[0])

    X, y = numbers(), codes()
    with pytest.raises(ExportError, match="Constant"):
        export_onnx(Constant().fit(X, y), tmp_path / "m.onnx", X)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("model", "error"),
    [
        (Classifier("mlp"), NotFittedError),
        (make_pipeline(LogisticRegression()), NotFittedError),
        (DBSCAN().fit(numbers()), DataTypeError),
        (LogisticRegression, DataTypeError),
        ("mlp", DataTypeError),
    ],
)
def test_what_is_no_fitted_predictor_is_refused(model, error, tmp_path):
    with pytest.raises(error):
        export_onnx(model, tmp_path / "m.onnx", numbers())


def test_rows_that_do_not_fit_are_refused_in_scikit_learns_words(tmp_path):
    model = LogisticRegression(max_iter=500).fit(numbers(), codes())
    with pytest.raises(ValueError, match="X has 3 features, but LogisticRegression is expecting 4"):
        export_onnx(model, tmp_path / "m.onnx", numbers(k=3))


@pytest.mark.parametrize("opset", [17, 99, "18"])
def test_an_opset_out_of_range_is_refused(opset, tmp_path):
    with pytest.raises(ParameterError, match="opset"):
        export_onnx(mlp(), tmp_path / "m.onnx", numbers(), opset=opset)


def test_a_missing_package_is_named_with_the_line_to_run(monkeypatch, tmp_path):
    monkeypatch.setattr(verb, "find_spec", lambda name: None if name == "skl2onnx" else name)
    with pytest.raises(MissingDependencyError, match=r'skl2onnx.*"unifml\[onnx\]"'):
        export_onnx(mlp(), tmp_path / "m.onnx", numbers())

"""One file from any pipeline, proven, with labels in the user's own type."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from export.data import SHORT, codes, mixed, numbers, preparation, prices
from unifml import Classifier, Regressor, export_onnx, load_onnx
from unifml.models import RandomForest

LABELS = {
    "int": np.array([3, 5, 9]),
    "text": np.array(["no", "perhaps", "yes"]),
    "object": np.array(["no", "perhaps", "yes"], dtype=object),
    "float": np.array([0.0, 1.0, 2.0]),
}


def mlp(backend, **params):
    return Classifier("mlp", backend=backend, training=SHORT, random_state=0, **params)


def proven(model, X, path, **params):
    """Export, load, and compare once more with the model, by our own hand."""
    export = export_onnx(model, path, X, **params)
    onnx = load_onnx(export.path)
    native = np.asarray(model.predict(X))
    found = onnx.predict(X)
    assert found.shape == native.shape
    if hasattr(model, "predict_proba"):
        share = model.predict_proba(X)
        np.testing.assert_allclose(onnx.predict_proba(X), share, atol=1e-5)
        assert found.dtype == native.dtype
        assert (found == native).mean() > 0.98
    elif native.dtype.kind == "f":
        np.testing.assert_allclose(found, native, rtol=1e-4, atol=1e-5)
    return export, onnx


@pytest.mark.parametrize("kind", LABELS)
def test_labels_keep_their_type(backend, kind, tmp_path):
    X, y = numbers(), LABELS[kind][codes()]
    _, onnx = proven(mlp(backend).fit(X, y), X, tmp_path / "m.onnx")
    assert set(onnx.predict(X)) <= set(LABELS[kind])
    np.testing.assert_array_equal(onnx.classes_, LABELS[kind])


@pytest.mark.parametrize("labels", [np.array([False, True]), np.array(["a", "b"])])
def test_two_classes(backend, labels, tmp_path):
    X, y = numbers(), labels[codes(classes=2)]
    _, onnx = proven(mlp(backend).fit(X, y), X, tmp_path / "m.onnx")
    assert onnx.predict_proba(X).shape == (len(X), 2)
    assert onnx.predict(X).dtype == labels.dtype


def test_several_labels_per_row(backend, tmp_path):
    X = numbers()
    y = np.c_[codes(classes=2), codes(classes=2, seed=1), codes(classes=2, seed=2)]
    _, onnx = proven(mlp(backend).fit(X, y), X, tmp_path / "m.onnx")
    assert onnx.predict(X).shape == y.shape


@pytest.mark.parametrize("name", ["mlp", "linear"])
@pytest.mark.parametrize("outputs", [1, 2])
def test_regression(backend, name, outputs, tmp_path):
    X = numbers()
    y = X @ np.arange(4.0) * 1000 + 5e4
    y = y if outputs == 1 else np.c_[y, X[:, 0]]
    training = SHORT if name == "mlp" else None
    model = Regressor(name, backend=backend, training=training, random_state=0).fit(X, y)
    export, onnx = proven(model, X, tmp_path / "m.onnx")
    assert onnx.predict(X).shape == y.shape
    assert onnx.score(X, y) == pytest.approx(model.score(X, y), abs=1e-4)
    assert export.rows == len(X)


@pytest.mark.parametrize("opset", [18, 21])
def test_a_mixed_table_in_one_file(backend, opset, tmp_path):
    X = mixed()
    y = np.where(prices(X) > 60, "dear", "cheap")
    model = make_pipeline(preparation(), mlp(backend)).fit(X, y)
    export, onnx = proven(model, X, tmp_path / "m.onnx", opset=opset)
    assert export.exporter == "unifml"
    assert [i.name for i in onnx.session.get_inputs()] == ["mean width", "rooms", "place", "label_"]
    strangers = X.iloc[:3].assign(place=["moon", None, np.nan])
    np.testing.assert_allclose(
        onnx.predict_proba(strangers), model.predict_proba(strangers), atol=1e-5
    )


def test_a_regression_on_a_mixed_table(backend, tmp_path):
    X = mixed()
    regressor = Regressor("mlp", backend=backend, training=SHORT, random_state=0)
    proven(make_pipeline(preparation(), regressor).fit(X, prices(X)), X, tmp_path / "m.onnx")


def wrappers(backend):
    inner = mlp(backend)
    forest = RandomForestClassifier(5, random_state=0)
    return {
        "voting": VotingClassifier([("a", inner), ("b", forest)], voting="soft", weights=[2, 1]),
        "hard voting": VotingClassifier([("a", inner), ("b", forest)]),
        "calibrated": CalibratedClassifierCV(inner, cv=2),
        "search": GridSearchCV(inner, {"model__hidden": [(4,), (8,)]}, cv=2),
    }


@pytest.mark.parametrize("wrapper", ["voting", "hard voting", "calibrated", "search"])
def test_inside_scikit_learns_wrappers(backend, wrapper, tmp_path):
    X = mixed()
    y = np.where(prices(X) > 60, "dear", "cheap")
    model = make_pipeline(preparation(), wrappers(backend)[wrapper]).fit(X, y)
    proven(model, X, tmp_path / "m.onnx")


@pytest.mark.cross
def test_all_backends_in_one_voting_classifier(tmp_path):
    X = mixed()
    y = np.where(prices(X) > 60, "dear", "cheap")
    members = [(name, mlp(name)) for name in ("torch", "keras", "sklearn")]
    model = make_pipeline(preparation(), VotingClassifier(members, voting="soft")).fit(X, y)
    proven(model, X, tmp_path / "m.onnx")


def test_a_search_is_exported_as_its_best_estimator(tmp_path):
    X, y = numbers(), codes()
    search = GridSearchCV(mlp("sklearn"), {"model__hidden": [(4,), (8,)]}, cv=2).fit(X, y)
    export, _ = proven(search, X, tmp_path / "m.onnx")
    assert export.exporter == "unifml"


@pytest.mark.sklearn
@pytest.mark.parametrize(
    "native",
    [
        RandomForestClassifier(5, random_state=0),
        LogisticRegression(max_iter=500),
        HistGradientBoostingClassifier(max_iter=5),
        FrozenEstimator(LogisticRegression(max_iter=500).fit(numbers(), codes())),
    ],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.parametrize("wrapped", [True, False])
def test_estimators_of_scikit_learn(native, wrapped, tmp_path):
    X, y = numbers(), codes()
    model = (Classifier(native) if wrapped else native).fit(X, y)
    export, _ = proven(model, X, tmp_path / "m.onnx")
    assert export.exporter == "unifml"


@pytest.mark.sklearn
@pytest.mark.parametrize("last", [LinearSVC(), SVC(), LogisticRegression()])
def test_a_model_without_probabilities_gives_labels(last, tmp_path):
    X, y = numbers(), np.array(["a", "b", "c"])[codes()]
    model = make_pipeline(StandardScaler(), last).fit(X, y)
    onnx = load_onnx(export_onnx(model, tmp_path / "m.onnx", X).path)
    np.testing.assert_array_equal(onnx.predict(X), model.predict(X))
    assert hasattr(onnx, "predict_proba") == hasattr(model, "predict_proba")


@pytest.mark.sklearn
@pytest.mark.parametrize("seed", range(4))
def test_trees_behind_a_scaler_take_the_same_branches(seed, tmp_path):
    """Thresholds lie on values of rows that a tree has not seen: float32 would go the other way."""
    rng = np.random.default_rng(seed)
    X = np.round(rng.normal(14, 3, size=(400, 3)), 1)
    y = (X.sum(axis=1) + rng.normal(size=400) > 42).astype(int)
    model = make_pipeline(StandardScaler(), RandomForestClassifier(10, random_state=seed))
    _, onnx = proven(model.fit(X, y), X, tmp_path / "m.onnx")
    assert onnx.session.get_inputs()[0].type == "tensor(double)"


@pytest.mark.sklearn
def test_the_file_says_what_it_is(tmp_path):
    import onnx

    X = mixed()
    y = np.where(prices(X) > 60, "dear", "cheap")
    model = make_pipeline(preparation(), mlp("sklearn")).fit(X, y)
    export = export_onnx(model, tmp_path / "m.onnx", X)
    proto = onnx.load(export.path)
    onnx.checker.check_model(proto)
    said = {entry.key: entry.value for entry in proto.metadata_props}
    schema, proof = json.loads(said["unifml.schema"]), json.loads(said["unifml.proof"])
    assert schema["classes"] == ["cheap", "dear"]
    assert schema["feature_names"] == list(X.columns)
    assert proof["rows"] == len(X)
    assert proof["max_abs_diff"] == export.max_abs_diff <= 1e-5
    assert {part["exporter"] for part in json.loads(said["unifml.exporters"])} == {"unifml"}
    assert [o.version for o in proto.opset_import if not o.domain] == [18]
    assert all(node.domain in ("", "ai.onnx.ml") for node in proto.graph.node)


@pytest.mark.cross
def test_the_graph_does_not_depend_on_the_backend(tmp_path):
    """The same weights give the same bytes, whoever holds them."""
    from dataclasses import replace

    import onnx

    X, y = numbers(), codes()
    graphs = []
    source = mlp("sklearn").fit(X, y)
    for name in ("sklearn", "torch"):
        model = mlp(name).fit(X, y)
        model._fitted = replace(source._fitted, plan=source._fitted.plan, backend=name)
        export = export_onnx(model, tmp_path / f"{name}.onnx", X)
        graphs.append(onnx.load(export.path).graph.SerializeToString())
    assert graphs[0] == graphs[1]


def test_the_report_can_be_shown_in_every_way(tmp_path):
    X, y = numbers(), codes()
    export = export_onnx(mlp("sklearn").fit(X, y), tmp_path / "m.onnx", X)
    assert str(export.rows) in str(export)
    assert "<table>" in export._repr_html_()
    assert json.loads(export.to_json())["bytes"] == (tmp_path / "m.onnx").stat().st_size
    assert export.to_frame()["opset"].tolist() == [18]
    assert export.plot().get_xlabel()


@pytest.mark.sklearn
@pytest.mark.parametrize("model", [RandomForest(n_estimators=10), MLPRegressor(max_iter=50)])
def test_several_targets_of_a_library_keep_their_shape(model, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    Y = np.c_[X[:, 0], X[:, 1] * 10, X[:, 2] + 5]
    regressor = Regressor(model, random_state=0).fit(X, Y)
    export_onnx(regressor, tmp_path / "several.onnx", X)
    found = load_onnx(tmp_path / "several.onnx").predict(X)
    np.testing.assert_allclose(found, regressor.predict(X), atol=1e-4)


@pytest.mark.sklearn
def test_infinity_goes_where_the_model_takes_it(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    X[::7, 1] = np.inf
    model = HistGradientBoostingClassifier(max_iter=5).fit(X, codes(60))
    loaded = load_onnx(export_onnx(model, tmp_path / "m.onnx", X).path)
    np.testing.assert_allclose(loaded.predict_proba(X), model.predict_proba(X), atol=1e-6)

"""A verb given a model's name prepares a table with text or gaps, and says so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_wine
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import unifml
from tests.tasks.mixed_tables import mixed
from unifml import Classifier, EarlyStopping, Regressor, Training
from unifml.models import Linear, Tabular
from unifml.tasks.preprocess.auto import needs_preparing
from unifml.tasks.preprocess.decision import Preprocessor


def is_prepared(model):
    return isinstance(model, Pipeline) and isinstance(model[0], Preprocessor)


def wine(seed=0):
    """Return a real table, two columns told in words and some numbers missing."""
    X, y = load_wine(return_X_y=True, as_frame=True)
    for name in ("color_intensity", "ash"):
        X[name] = pd.cut(X[name], 3, labels=["low", "middle", "high"]).astype(str)
    numbers = X.columns.difference(["color_intensity", "ash"])
    holes = np.random.default_rng(seed).random((len(X), len(numbers))) < 0.05
    X[numbers] = X[numbers].mask(holes)
    return X, np.array(["barolo", "grignolino", "barbera"])[y]


def test_fit_prepares_a_mixed_table(backend):
    X, y = mixed(120)
    model = unifml.fit("mlp", X, y, backend=backend, epochs=2, random_state=0)
    assert is_prepared(model)
    assert model[-1].training == Training(epochs=2)
    assert model[-1].random_state == 0
    assert model.predict_proba(X).shape == (120, 2)


def test_it_is_as_good_as_a_pipeline_by_hand():
    X, y = wine()
    network = Classifier(
        "mlp", backend="sklearn", training=Training(epochs=40, batch_size=32), random_state=0
    )
    words = ["color_intensity", "ash"]
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    by_hand = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), words),
        (numbers, X.columns.difference(words).tolist()),
    )
    expected = unifml.evaluate(make_pipeline(by_hand, network), X, y, cv=3, random_state=0)
    made = unifml.preprocess(X, y, verbose=0)
    found = unifml.evaluate(make_pipeline(made, network), X, y, cv=3, random_state=0)
    assert expected.scores["accuracy"] > 0.9
    assert found.scores["accuracy"] > expected.scores["accuracy"] - 0.03


def test_evaluate_says_so_and_learns_in_each_fold():
    X, y = wine()
    report = unifml.evaluate("linear", X, y, backend="sklearn", cv=3, random_state=0)
    assert report.title.startswith("preprocess > Classifier(")
    assert report.scores["accuracy"] > 0.9
    medians = [e[0].named_transformers_["numbers"][0].statistics_ for e in report.estimators]
    assert not np.array_equal(medians[0], medians[1])


def test_compare_and_tune_do_so_too():
    pytest.importorskip("optuna")
    X, y = wine()
    table = unifml.compare(["linear/sklearn"], X, y, cv=3, random_state=0)
    assert "preprocess > " in table[table.best].title
    search = unifml.tune("linear", X, y, backend="sklearn", n_trials=2, cv=3, random_state=0)
    assert list(search.best_params_) == ["classifier__training__l2"]
    assert is_prepared(search.best_estimator_)


def test_short_names_mean_the_model():
    X, y = mixed(120)
    model = unifml.fit("random_forest", X, y, max_features=0.5, random_state=1, n_estimators=5)
    assert model[-1].get_params()["model__max_features"] == 0.5
    search = unifml.tune(
        "random_forest", X, y, space={"max_features": [0.5]}, n_trials=1, cv=2, random_state=0
    )
    assert search.best_estimator_[-1].model.max_features == 0.5


def test_rows_to_validate_on_are_prepared_too():
    X, y = mixed(120)
    new, labels = mixed(60, seed=1)
    stopping = EarlyStopping(patience=1)
    model = unifml.fit(
        "mlp",
        X,
        y,
        sample_weight=np.ones(120),
        backend="sklearn",
        training=Training(epochs=3, early_stopping=stopping),
        X_val=new,
        y_val=labels,
        random_state=0,
    )
    assert is_prepared(model)
    assert "val_loss" in model[-1].history_.to_frame().columns
    assert model.predict(new).shape == (60,)


def test_numbers_to_learn():
    X, _ = mixed(120)
    y = np.nan_to_num(X["age"], nan=30.0) + 0.5 * (X["sex"] == "male")
    model = unifml.fit(Linear(), X, y, backend="sklearn")
    assert isinstance(model[-1], Regressor)
    assert "target" in {d.column: d for d in model[0].decisions}["ticket"].done


def test_rows_are_rebuilt():
    X, _ = mixed(60)
    model = unifml.fit("autoencoder", X, epochs=2, hidden=(4,), random_state=0)
    assert is_prepared(model)
    assert model.transform(X).shape[0] == 60


def test_find_learning_rate_prepares():
    X, y = mixed(120)
    found = unifml.find_learning_rate("mlp", X, y, backend="sklearn", steps=5, random_state=0)
    assert len(found.rates_)


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_frames_of_other_libraries(library):
    X, y = mixed(120)
    if library == "polars":
        X = pytest.importorskip("polars").from_pandas(X)
    else:
        X = pytest.importorskip("pyarrow").Table.from_pandas(X)
    report = unifml.evaluate("linear", X, y, backend="sklearn", cv=2, random_state=0)
    assert report.title.startswith("preprocess > ")


def test_estimators_get_the_table_as_it_is():
    X, y = mixed(60)
    with pytest.raises(ValueError, match="text"):
        unifml.fit(Classifier("mlp", backend="sklearn"), X, y)
    with pytest.raises(ValueError, match="could not convert"):
        unifml.fit(LogisticRegression(), X[["sex"]], y)


def test_numbers_go_as_they_are():
    X, y = load_wine(return_X_y=True, as_frame=True)
    for table in (X, X.to_numpy(), X.assign(flag=True), X.to_numpy(dtype=object)):
        assert isinstance(unifml.fit("linear", table, y, backend="sklearn"), Classifier)


@pytest.mark.parametrize(
    ("X", "needed"),
    [
        (pd.DataFrame({"a": [1, 2]}), False),
        (pd.DataFrame({"a": [1.0, None]}), True),
        (pd.DataFrame({"a": ["x", "y"]}), True),
        (pd.DataFrame({"a": pd.Categorical([1, 2])}), False),
        (pd.DataFrame({"a": pd.Categorical(["x", "y"])}), True),
        (pd.DataFrame({"a": pd.to_datetime(["2024-01-01"])}), True),
        (pd.DataFrame({"a": [True, False]}), False),
        (pd.DataFrame({"a": [np.ones(3), np.ones(2)], "b": ["x", "y"]}), False),
        (pd.DataFrame({"a": []}), False),
        (np.array([[1.0, np.nan]]), False),
        (np.array([[1.0, None]], dtype=object), True),
        (np.array([["x", "y"]]), True),
        (np.array([[1, 2.5]], dtype=object), False),
        ([["x", 1.0]], False),
        ({"a": np.ones(3)}, False),
        (None, False),
    ],
)
def test_what_needs_to_be_prepared(X, needed):
    assert needs_preparing(X) is needed


def test_columns_that_the_model_knows_by_name_stay():
    X, y = mixed(60)
    with pytest.raises(ValueError, match="text"):
        unifml.fit(Tabular(categorical=("class",)), X, y, epochs=2)


def test_a_saved_model_prepares(tmp_path):
    X, y = mixed(120)
    model = unifml.fit("linear", X, y, backend="sklearn", random_state=0)
    loaded = unifml.load(unifml.save(model, tmp_path / "m.unifml"))
    new, _ = mixed(60, seed=4)
    np.testing.assert_array_equal(loaded.predict_proba(new), model.predict_proba(new))
    assert loaded[0].decisions == model[0].decisions
    export = unifml.export_onnx(loaded, tmp_path / "m.onnx", X)
    file = unifml.load_onnx(export.path)
    np.testing.assert_allclose(file.predict_proba(new), model.predict_proba(new), atol=1e-5)

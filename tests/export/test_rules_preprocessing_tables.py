"""A real table: text, whole numbers, numbers and truth values, some missing, in one file."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
    TargetEncoder,
)

import unifml
from tests.export.data import SHORT
from unifml import export_onnx, load_onnx

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


def passengers(n=240, seed=0):
    """Return a table as seaborn's titanic is one, and who survived."""
    rng = np.random.default_rng(seed)
    age = np.round(rng.gamma(6, 5, n), 1)
    age[rng.random(n) < 0.2] = np.nan
    deck = rng.choice(["A", "B", "C", None], n, p=[0.2, 0.2, 0.1, 0.5])
    town = rng.choice(["Southampton", "Cherbourg", "Queenstown"], n).astype(object)
    town[rng.random(n) < 0.05] = np.nan
    X = pd.DataFrame(
        {
            "class": rng.integers(1, 4, n),
            "sex": rng.choice(["male", "female"], n),
            "age": age,
            "fare": rng.lognormal(3, 1, n).astype(np.float32),
            "deck": pd.Series(deck, dtype=object),
            "town": pd.Series(town, dtype=object),
            "alone": rng.random(n) < 0.6,
            "ticket": [f"T{i}" for i in rng.integers(0, 30, n)],
        }
    )
    score = (X["sex"] == "female") * 2.0 - X["class"] + np.nan_to_num(age, nan=30) / 40
    y = np.where(score + rng.normal(size=n) > -0.6, "survived", "died")
    return X, y


def preparation():
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    fares = make_pipeline(FunctionTransformer(np.log1p), SimpleImputer(), StandardScaler())
    filled = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
    )
    new = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2
    )
    return ColumnTransformer(
        [
            ("numbers", numbers, ["age", "class"]),
            ("fares", fares, ["fare"]),
            ("filled", filled, ["town"]),
            ("onehot", OneHotEncoder(drop="if_binary", handle_unknown="ignore"), ["sex", "alone"]),
            ("ordinal", new, ["deck"]),
            ("target", TargetEncoder(random_state=0), ["ticket", "class"]),
        ]
    )


def strangers():
    """Return rows of what nobody has seen: towns, decks, tickets, a class."""
    X, _ = passengers(60, seed=9)
    X.loc[0, "town"], X.loc[1, "deck"], X.loc[2, "ticket"] = "Belfast", "Z", "none"
    X.loc[3, "class"] = 9
    return X


def native(model, X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # unknown categories
        return model.predict_proba(X), model.predict(X)


@pytest.mark.parametrize(
    "last",
    [
        lambda: LogisticRegression(max_iter=500),
        lambda: RandomForestClassifier(20, random_state=0),
        lambda: unifml.Classifier("mlp", backend="sklearn", random_state=0, training=SHORT),
    ],
    ids=["linear", "forest", "mlp"],
)
def test_one_file_for_a_mixed_table(last, tmp_path):
    X, y = passengers()
    model = make_pipeline(preparation(), last()).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        report = export_onnx(model, tmp_path / "m.onnx", X)
    assert report.max_abs_diff < 1e-5
    file = load_onnx(tmp_path / "m.onnx")
    for rows in (passengers(seed=1)[0], strangers(), strangers()[3:4]):
        shares, labels = native(model, rows)
        np.testing.assert_allclose(file.predict_proba(rows), shares, atol=2e-6)
        np.testing.assert_array_equal(file.predict(rows), labels)


def test_the_preparation_alone(tmp_path):
    X, y = passengers()
    model = preparation().fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        report = export_onnx(model, tmp_path / "m.onnx", X)
        expected = model.transform(strangers())
    assert report.exporter == "unifml"
    said = load_onnx(tmp_path / "m.onnx").transform(strangers())
    np.testing.assert_allclose(said, expected, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_function_of_a_frame_that_gives_a_frame(library, tmp_path):
    frame = pytest.importorskip(library)
    rng = np.random.default_rng(0)
    X = frame.DataFrame({"a": rng.uniform(1, 9, 40), "b": rng.integers(1, 9, 40)})
    model = make_pipeline(FunctionTransformer(np.sqrt), StandardScaler()).fit(X)
    export_onnx(model, tmp_path / "m.onnx", X)
    said = load_onnx(tmp_path / "m.onnx").transform(X)
    np.testing.assert_allclose(said, model.transform(X), rtol=1e-12, atol=1e-12)


def test_whole_numbers_before_trees_are_computed_as_scikit_learn_does(tmp_path):
    """Thresholds lie on values of the data: one rounding step would take another branch."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.integers(0, 17, (400, 12)), columns=[f"p{i}" for i in range(12)])
    y = X.iloc[:, :4].sum(axis=1) > 32
    model = make_pipeline(StandardScaler(), RandomForestClassifier(25, random_state=0)).fit(X, y)
    export_onnx(model, tmp_path / "m.onnx", X)
    said = load_onnx(tmp_path / "m.onnx").predict_proba(X)
    np.testing.assert_allclose(said, model.predict_proba(X), atol=1e-6)

"""Encoders and imputers as graphs, on frames of text, numbers and what is missing."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from tests.export.answered import answered
from unifml import export_onnx, load_onnx
from unifml.errors import DataError, ExportError


def table(n=80, seed=0, unseen=False):
    rng = np.random.default_rng(seed)
    color = rng.choice(["red", "blue", "Grün", "blue ", ""], n).astype(object)
    color[::9] = np.nan
    shape = rng.choice(["round", "flat", "odd"], n, p=[0.6, 0.37, 0.03]).astype(object)
    shape[3::13] = None
    size = rng.choice([1.5, 2.25, 1e-9, 0.1], n)
    size[::8] = np.nan
    X = pd.DataFrame(
        {
            "color": pd.Series(color, dtype=object),
            "shape": pd.Series(shape, dtype=object),
            "rooms": rng.integers(1, 7, n),
            "size": size,
            "new": rng.random(n) < 0.4,
        }
    )
    if unseen:
        X.loc[1, "color"], X.loc[2, "shape"], X.loc[3, "rooms"] = "pink", "spiral", 99
        X.loc[5, "size"] = 7.75
    return X


def answers(model, X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # unknown categories
        said = model.transform(X)
    return np.asarray(said.toarray() if hasattr(said, "toarray") else said)


def proven(model, X, new, tmp_path):
    """Export a fitted transformer, and see that rows nobody showed come out the same."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        report = export_onnx(model, tmp_path / "m.onnx", X)
    said, expected = load_onnx(tmp_path / "m.onnx").transform(new), answers(model, new)
    assert report.exporter == "unifml"
    assert said.shape == expected.shape
    if expected.dtype == object:
        expected = expected.astype(said.dtype)
    np.testing.assert_array_equal(said, expected)
    return said


@pytest.mark.parametrize(
    "encoder",
    [
        OneHotEncoder(handle_unknown="ignore"),
        OneHotEncoder(handle_unknown="ignore", dtype=np.float32, sparse_output=False),
        OneHotEncoder(handle_unknown="ignore", dtype=np.int32, drop="first"),
        OneHotEncoder(handle_unknown="ignore", drop="if_binary"),
        OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=8),
        OneHotEncoder(handle_unknown="warn", max_categories=3, drop="first"),
        OneHotEncoder(handle_unknown="ignore", min_frequency=0.1, drop="if_binary"),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, min_frequency=8),
        OrdinalEncoder(
            handle_unknown="use_encoded_value",
            unknown_value=-2,
            encoded_missing_value=-1,
            max_categories=3,
            dtype=np.int64,
        ),
        TargetEncoder(random_state=0),
        TargetEncoder(random_state=0, smooth=3.0),
    ],
    ids=repr,
)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_encoders_on_every_kind_of_column(encoder, tmp_path):
    X, new = table(), table(seed=1, unseen=True)
    y = np.random.default_rng(5).normal(size=len(X))
    proven(encoder.fit(X, y), X, new, tmp_path)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("classes", [["no", "yes"], ["a", "b", "c"]])
def test_targets_of_classes(classes, tmp_path):
    X, new = table(), table(seed=1, unseen=True)
    y = np.random.default_rng(5).choice(classes, len(X))
    encoder = TargetEncoder(random_state=0).fit(X, y)
    said = proven(encoder, X, new, tmp_path)
    assert said.dtype == np.float64
    assert said.shape[1] == 5 * (1 if len(classes) == 2 else 3)


def test_a_chosen_category_is_dropped(tmp_path):
    X, new = table(), table(seed=1, unseen=True)
    encoder = OneHotEncoder(drop=["red", None, 3, np.nan, True], handle_unknown="ignore").fit(X)
    proven(encoder, X, new, tmp_path)


def test_categories_given_in_another_order(tmp_path):
    X = table()[["shape"]]
    encoder = OrdinalEncoder(
        categories=[["spiral", "round", "flat", None, "odd"]],
        handle_unknown="use_encoded_value",
        unknown_value=9,
    )
    proven(encoder.fit(X), X, table(seed=1, unseen=True)[["shape"]], tmp_path)


@pytest.mark.parametrize("encoder", [OneHotEncoder(), OrdinalEncoder()])
def test_a_new_category_is_refused_where_the_encoder_refuses_it(encoder, tmp_path):
    X = table()
    proven(encoder.fit(X), X, X[::2], tmp_path)
    file = load_onnx(tmp_path / "m.onnx")
    for row, column in ((1, "color"), (3, "rooms"), (5, "size")):
        strange = X.copy()
        strange.loc[row, column] = table(unseen=True).loc[row, column]
        with pytest.raises(ValueError, match="unknown categories"):
            encoder.transform(strange)
        with pytest.raises(DataError):
            file.transform(strange)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_in_one_array(dtype, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.choice([0.1, 0.25, -3, 1e6, np.nan], (90, 3)).astype(dtype)
    new = rng.choice([0.1, 0.25, -3, 1e6, np.nan, 8.5], (40, 3)).astype(dtype)
    proven(OneHotEncoder(handle_unknown="ignore").fit(X), X, new, tmp_path)
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    proven(ordinal.fit(X), X, new, tmp_path)


def test_categories_that_float32_takes_for_one(tmp_path):
    close = 1 + 2.0**-40
    X = np.array([[1.0], [close], [2.0]] * 5)
    encoder = OneHotEncoder(handle_unknown="ignore").fit(X)
    proven(encoder, X, X[::-1], tmp_path)
    said = answered(encoder, X, kind="float")["transformed"]  # close arrives as 1.0
    np.testing.assert_array_equal(said, encoder.transform(X.astype("f")).toarray())


def test_mixed_lists_and_strings(tmp_path):
    X = np.array([["a", 1], ["b", 3], ["a", 2]] * 4, dtype=object)
    new = np.array([["b", 2], ["c", 1]], dtype=object)
    proven(OneHotEncoder(handle_unknown="ignore").fit(X), X, new, tmp_path)
    X = np.array([["a", "1"], ["bb", "3"], ["a", "2"]] * 4)
    proven(OneHotEncoder(handle_unknown="ignore").fit(X), X, X[:2], tmp_path)


def test_text_of_a_missing_value_beside_it_is_refused(tmp_path):
    X = pd.DataFrame({"a": pd.Series(["nan", "x", np.nan] * 4, dtype=object)})
    with pytest.raises(ExportError, match="by their text"):
        export_onnx(OneHotEncoder().fit(X), tmp_path / "m.onnx", X)
    assert not (tmp_path / "m.onnx").exists()


@pytest.mark.parametrize(
    "imputer",
    [
        SimpleImputer(strategy="most_frequent"),
        SimpleImputer(strategy="constant", fill_value="lost"),
        SimpleImputer(strategy="constant", fill_value="lost", missing_values=None),
        SimpleImputer(strategy="most_frequent", missing_values="blue "),
        MissingIndicator(features="all"),
        MissingIndicator(error_on_new=False),
    ],
    ids=repr,
)
def test_text_is_filled_in(imputer, tmp_path):
    X, new = table()[["color", "shape"]], table(seed=1, unseen=True)[["color", "shape"]]
    if imputer.missing_values in (None, "blue "):
        X, new = X.fillna("?"), new.fillna("?")
        X.loc[::5, "color"] = new.loc[::4, "color"] = imputer.missing_values
    fitted = imputer.fit(X)
    if isinstance(imputer, SimpleImputer):  # None and NaN of text that stays are the file's tokens
        encoder = OneHotEncoder(handle_unknown="ignore").fit(fitted.transform(X))
        proven(make_pipeline(fitted, encoder), X, new, tmp_path)
    else:
        proven(fitted, X, new, tmp_path)


def test_indicators_stand_beside_text(tmp_path):
    X, new = table()[["color", "size"]], table(seed=1)[["color", "size"]]
    imputer = SimpleImputer(strategy="most_frequent", add_indicator=True)
    encoder = OneHotEncoder(handle_unknown="ignore")
    model = make_pipeline(imputer, encoder).fit(X)
    proven(model, X, new, tmp_path)


def test_whole_numbers_stay_whole(tmp_path):
    X = pd.DataFrame({"a": [1, -1, 3, 3] * 5, "b": [2, 2, -1, 5] * 5})
    imputer = SimpleImputer(strategy="most_frequent", missing_values=-1, add_indicator=True)
    said = proven(imputer.fit(X), X, X[1:6], tmp_path)
    assert said.dtype == np.int64
    proven(SimpleImputer(missing_values=-1).fit(X), X, X[1:6], tmp_path)


def test_a_column_without_values_is_left_out_or_kept(tmp_path):
    X = pd.DataFrame({"a": [np.nan] * 12, "b": [1.5, np.nan, 2.5] * 4, "c": range(12)})
    for keep in (False, True):
        imputer = SimpleImputer(keep_empty_features=keep, add_indicator=True).fit(X)
        said = proven(imputer, X, X[::-1], tmp_path)
        assert said.shape[1] == (5 if keep else 4)

"""Good input of every kind is understood, and means what it means as a plain float64 array."""

from __future__ import annotations

import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from gate.subjects import LABELS, NUMBERS, N, X
from sklearn.exceptions import DataConversionWarning

from unifml import Classifier, Regressor, Training

WHOLE = np.round(3 * X)  # values that every type of number holds


def fit(kind, backend, rows, targets, **extra):
    training = Training(epochs=3, batch_size=8, precision="float64")
    estimator = kind("mlp", backend=backend, training=training, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "The number of unique classes")
        return estimator.fit(rows, targets, **extra)


def outputs(estimator, rows):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        predict = getattr(estimator, "predict_proba", estimator.predict)
        return predict(rows)


# Labels -----------------------------------------------------------------------------------------

TEXT = np.array(["no", "yes"])[LABELS]
THREE = np.arange(N) % 3
KINDS_OF_LABELS = {
    "text": TEXT,
    "text in a list": TEXT.tolist(),
    "text as objects": TEXT.astype(object),
    "-1, 0, 1": THREE - 1,
    "0, 5, 1e12": np.array([0, 5, 10**12])[THREE],
    "whole floats": LABELS.astype(float),
    "bool": LABELS.astype(bool),
    "bools as objects": LABELS.astype(bool).astype(object),
    "integers as objects": LABELS.astype(object),
    "int32": LABELS.astype(np.int32),
    "uint8": LABELS.astype(np.uint8),
    "big-endian": LABELS.astype(">i4"),
    "a range": range(N),
    "a list": LABELS.tolist(),
    "a tuple": tuple(LABELS.tolist()),
    "dates": np.array(["2020-01-01", "2021-01-01"], "M8[D]")[LABELS],
    "pandas category": pd.Series(TEXT, dtype="category"),
    "pandas category of numbers": pd.Series(LABELS, dtype="category"),
    "pandas text": pd.Series(TEXT, dtype="string"),
    "pandas Int64": pd.Series(LABELS, dtype="Int64"),
    "pandas boolean": pd.Series(LABELS.astype(bool), dtype="boolean"),
    "pandas with an index of its own": pd.Series(TEXT, index=np.arange(N)[::-1]),
    "polars": pl.Series(TEXT.tolist()),
    "polars category": pl.Series(TEXT.tolist(), dtype=pl.Categorical),
    "polars bool": pl.Series(LABELS.astype(bool)),
    "Arrow": pa.array(TEXT.tolist()),
    "Arrow in chunks": pa.chunked_array([LABELS[:5], LABELS[5:]]),
}


@pytest.mark.parametrize("name", KINDS_OF_LABELS)
def test_labels(backend, name):
    labels = KINDS_OF_LABELS[name]
    plain = np.array(list(labels.to_pylist() if hasattr(labels, "to_pylist") else labels))
    classes, codes = np.unique(plain, return_inverse=True)
    estimator, oracle = fit(Classifier, backend, X, labels), fit(Classifier, backend, X, codes)
    np.testing.assert_array_equal(estimator.classes_, classes)
    np.testing.assert_array_equal(outputs(estimator, X), outputs(oracle, X))
    np.testing.assert_array_equal(estimator.predict(X), classes[oracle.predict(X)])
    assert estimator.score(X, plain) == oracle.score(X, codes)
    np.testing.assert_array_equal(
        outputs(estimator.partial_fit(X, labels), X), outputs(oracle.partial_fit(X, codes), X)
    )


@pytest.mark.parametrize("kind", [Classifier, Regressor])
@pytest.mark.parametrize(
    "table", [np.asarray, pd.DataFrame, lambda y: pl.DataFrame({"y": y[:, 0]})]
)
def test_a_column_of_targets(backend, kind, table):
    estimator = kind("mlp", backend=backend, training=Training(epochs=2), random_state=0)
    column = table(LABELS.reshape(-1, 1))
    with pytest.warns(DataConversionWarning, match="A column-vector y was passed"):
        estimator.fit(X, column)
    assert estimator.predict(X).shape == (N,)


def test_several_labels(backend):
    on = np.c_[LABELS, 1 - LABELS, THREE > 0]
    oracle = fit(Classifier, backend, X, on.astype(int))
    for same in (on.astype(bool), on.astype(float), pd.DataFrame(on), on.tolist()):
        estimator = fit(Classifier, backend, X, same)
        np.testing.assert_array_equal(outputs(estimator, X), outputs(oracle, X))
    assert set(np.unique(oracle.predict(X))) <= {0, 1}


KINDS_OF_NUMBERS = {
    "a list": NUMBERS.tolist(),
    "objects": NUMBERS.astype(object),
    "decimals": [Decimal(number) for number in NUMBERS],
    "big-endian": NUMBERS.astype(">f8"),
    "pandas": pd.Series(NUMBERS, index=np.arange(N)[::-1]),
    "pandas Float64": pd.Series(NUMBERS, dtype="Float64"),
    "polars": pl.Series(NUMBERS),
    "Arrow": pa.array(NUMBERS),
    "Arrow in chunks": pa.chunked_array([NUMBERS[:5], NUMBERS[5:]]),
}


@pytest.mark.parametrize("name", KINDS_OF_NUMBERS)
def test_numbers(backend, name):
    oracle = fit(Regressor, backend, X, NUMBERS)
    estimator = fit(Regressor, backend, X, KINDS_OF_NUMBERS[name])
    np.testing.assert_array_equal(estimator.predict(X), oracle.predict(X))


def test_several_targets(backend):
    two = np.c_[NUMBERS, -NUMBERS]
    oracle = fit(Regressor, backend, X, two)
    for same in (pd.DataFrame(two), pl.DataFrame(two), two.tolist(), np.asfortranarray(two)):
        np.testing.assert_array_equal(
            fit(Regressor, backend, X, same).predict(X), oracle.predict(X)
        )


# Rows -------------------------------------------------------------------------------------------


def read_only(values):
    values = values.copy()
    values.flags.writeable = False
    return values


def on_disk(values, folder):
    table = np.memmap(folder / "rows", dtype=float, mode="w+", shape=values.shape)
    table[:] = values
    table.flush()
    return np.memmap(folder / "rows", dtype=float, mode="r", shape=values.shape)


COLUMNS = ["a", "b", "c"]
KINDS_OF_ROWS = {
    "float32": lambda rows: rows.astype(np.float32),
    "float16": lambda rows: rows.astype(np.float16),
    "int8": lambda rows: rows.astype(np.int8),
    "int64": lambda rows: rows.astype(np.int64),
    "long double": lambda rows: rows.astype(np.longdouble),
    "big-endian": lambda rows: rows.astype(">f8"),
    "objects": lambda rows: rows.astype(object),
    "lists": lambda rows: rows.tolist(),
    "lists of arrays": list,
    "tuples": lambda rows: tuple(map(tuple, rows)),
    "Fortran order": np.asfortranarray,
    "strided": lambda rows: np.repeat(np.repeat(rows, 2, axis=0), 3, axis=1)[::2, ::3],
    "negative strides": lambda rows: rows[::-1, ::-1].copy()[::-1, ::-1],
    "read-only": read_only,
    "decimals": lambda rows: [[Decimal(value) for value in row] for row in rows],
}
KINDS_OF_FRAMES = {
    "pandas": lambda rows: pd.DataFrame(rows, columns=COLUMNS),
    "pandas Int64": lambda rows: pd.DataFrame(rows, columns=COLUMNS).astype("Int64"),
    "pandas Float32": lambda rows: pd.DataFrame(rows, columns=COLUMNS).astype("Float32"),
    "pandas float32": lambda rows: pd.DataFrame(rows, columns=COLUMNS).astype(np.float32),
    "pandas of many types": lambda rows: pd.DataFrame(rows, columns=COLUMNS).astype(
        {"a": "int8", "b": "Int16", "c": "float32"}
    ),
    "pandas category of numbers": lambda rows: pd.DataFrame(rows, columns=COLUMNS).astype(
        {"a": pd.CategoricalDtype(np.unique(rows[:, 0]))}
    ),
    "pandas objects": lambda rows: pd.DataFrame(rows, columns=COLUMNS).astype(object),
    "pandas with an index of its own": lambda rows: pd.DataFrame(
        rows, columns=COLUMNS, index=np.arange(len(rows))[::-1]
    ),
    "polars": lambda rows: pl.DataFrame(rows, schema=COLUMNS),
    "polars of many types": lambda rows: pl.DataFrame(
        rows, schema={"a": pl.Int8, "b": pl.Float32, "c": pl.Float64}, strict=False
    ),
    "Arrow": lambda rows: pa.table(dict(zip(COLUMNS, rows.T, strict=True))),
    "Arrow in chunks": lambda rows: pa.concat_tables(
        pa.table(dict(zip(COLUMNS, part.T, strict=True))) for part in (rows[:5], rows[5:])
    ),
}


@pytest.mark.parametrize("name", KINDS_OF_ROWS)
def test_rows(backend, name):
    same = KINDS_OF_ROWS[name](WHOLE)
    oracle, estimator = (
        fit(Classifier, backend, WHOLE, LABELS),
        fit(Classifier, backend, same, LABELS),
    )
    np.testing.assert_array_equal(outputs(estimator, same), outputs(oracle, WHOLE))
    np.testing.assert_array_equal(outputs(oracle, same), outputs(oracle, WHOLE))
    assert estimator.n_features_in_ == 3
    assert not hasattr(estimator, "feature_names_in_")


def test_bools(backend):
    flags = X > 0
    oracle = fit(Regressor, backend, flags.astype(float), NUMBERS)
    for same in (flags, flags.tolist(), flags.astype(object)):
        np.testing.assert_array_equal(
            fit(Regressor, backend, same, NUMBERS).predict(same), oracle.predict(flags)
        )
    named = pd.DataFrame(flags, columns=COLUMNS)
    for same in (named, named.astype("boolean"), pl.DataFrame(flags, schema=COLUMNS)):
        np.testing.assert_array_equal(
            fit(Regressor, backend, same, NUMBERS).predict(same), oracle.predict(flags)
        )


def test_rows_on_disk(backend, tmp_path):
    oracle = fit(Classifier, backend, X, LABELS)
    same = on_disk(X, tmp_path)
    np.testing.assert_array_equal(
        outputs(fit(Classifier, backend, same, LABELS), same), outputs(oracle, X)
    )


@pytest.mark.parametrize("name", KINDS_OF_FRAMES)
def test_frames(backend, name):
    same = KINDS_OF_FRAMES[name](WHOLE)
    oracle, estimator = (
        fit(Classifier, backend, WHOLE, LABELS),
        fit(Classifier, backend, same, LABELS),
    )
    np.testing.assert_array_equal(outputs(estimator, same), outputs(oracle, WHOLE))
    np.testing.assert_array_equal(estimator.feature_names_in_, COLUMNS)


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame, pa.table])
def test_columns_of_any_name_and_equal_columns(backend, library):
    names = ["collect", "toarray", "columns"]
    rows = np.c_[WHOLE[:, 0], WHOLE[:, 0], WHOLE[:, 1]]
    same = library(dict(zip(names, rows.T, strict=True)))
    estimator, oracle = (
        fit(Classifier, backend, same, LABELS),
        fit(Classifier, backend, rows, LABELS),
    )
    np.testing.assert_array_equal(outputs(estimator, same), outputs(oracle, rows))
    assert estimator.feature_names_in_.tolist() == names


@pytest.mark.parametrize("first", ["pandas", "polars", "Arrow"])
def test_one_library_learns_another_predicts(backend, first):
    frames = {name: KINDS_OF_FRAMES[name](WHOLE) for name in ("pandas", "polars", "Arrow")}
    estimator = fit(Classifier, backend, frames[first], LABELS)
    expected = outputs(estimator, frames[first])
    for frame in frames.values():
        np.testing.assert_array_equal(outputs(estimator, frame), expected)
    with pytest.warns(UserWarning, match="X does not have valid feature names, but Classifier was"):
        np.testing.assert_array_equal(estimator.predict_proba(WHOLE), expected)


def test_names_of_numbers_are_no_names(backend):
    estimator = fit(Classifier, backend, pd.DataFrame(X), LABELS)
    assert not hasattr(estimator, "feature_names_in_")
    np.testing.assert_array_equal(
        outputs(estimator, pd.DataFrame(X)), outputs(fit(Classifier, backend, X, LABELS), X)
    )


def test_names_are_forgotten_by_a_fit_without_names(backend):
    estimator = fit(Classifier, backend, pd.DataFrame(X, columns=COLUMNS), LABELS)
    estimator.fit(X[:, :2], LABELS)
    assert not hasattr(estimator, "feature_names_in_")
    assert estimator.n_features_in_ == 2


@pytest.mark.parametrize("kind", [pd.Series, pl.Series, pa.array, list, np.float32])
def test_weights(backend, kind):
    weight = 1.0 + THREE
    oracle = fit(Classifier, backend, X, LABELS, sample_weight=weight)
    estimator = fit(Classifier, backend, X, LABELS, sample_weight=kind(weight))
    np.testing.assert_array_equal(outputs(estimator, X), outputs(oracle, X))
    assert np.abs(outputs(oracle, X) - outputs(fit(Classifier, backend, X, LABELS), X)).max() > 1e-3


def test_weights_are_relative(backend):
    oracle = fit(Regressor, backend, X, NUMBERS, sample_weight=1.0 + THREE)
    estimator = fit(Regressor, backend, X, NUMBERS, sample_weight=2.0**40 * (1.0 + THREE))
    np.testing.assert_allclose(estimator.predict(X), oracle.predict(X), rtol=1e-9)
    same = fit(Regressor, backend, X, NUMBERS, sample_weight=7)
    np.testing.assert_allclose(
        same.predict(X), fit(Regressor, backend, X, NUMBERS).predict(X), rtol=1e-9
    )


def test_weights_too_small_for_float32(backend):
    weight = np.where(np.arange(N) < 4, 1e-60, 1.0)
    training = Training(epochs=2, batch_size=1, precision="float32")
    estimator = Classifier("mlp", backend=backend, training=training, random_state=0)
    estimator.fit(X, LABELS, sample_weight=weight)
    assert np.isfinite(estimator.predict_proba(X)).all()


def test_validation_rows_of_any_kind(backend):
    oracle = fit(Classifier, backend, X, TEXT, X_val=X[:9], y_val=TEXT[:9])
    frame = pd.DataFrame(X[:9])
    estimator = fit(Classifier, backend, X, TEXT, X_val=frame, y_val=pa.array(TEXT[:9].tolist()))
    np.testing.assert_array_equal(estimator.history_["val_loss"], oracle.history_["val_loss"])


@pytest.mark.parametrize(
    "params",
    [
        {"training__epochs": np.int64(2)},
        {"training__batch_size": np.int32(8)},
        {"training__learning_rate": np.float64(1e-2)},
        {"training__learning_rate": np.float32(1e-2)},
        {"training__l2": np.logspace(-3, -1, 3)[0]},
        {"model__hidden": [8, 8]},
        {"model__hidden": (np.int64(8),)},
        {"model__hidden": ()},
        {"random_state": np.int64(3)},
        {"random_state": np.random.RandomState(0)},
        {"random_state": np.random.default_rng(0)},
    ],
    ids=str,
)
def test_numbers_of_numpy_as_parameters(backend, params):
    settings = Training(epochs=2)
    estimator = Classifier("mlp", backend=backend, training=settings).set_params(**params)
    assert estimator.fit(X, LABELS).predict(X).shape == (N,)


@pytest.mark.torch
def test_tensors():
    import torch

    tensor = torch.from_numpy(X)
    oracle = fit(Classifier, "torch", X, LABELS)
    estimator = fit(Classifier, "torch", tensor, torch.from_numpy(LABELS))
    np.testing.assert_array_equal(outputs(estimator, tensor), outputs(oracle, X))

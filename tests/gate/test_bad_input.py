"""Bad input: a typed error that states the rule, before any training, and nothing is changed."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from gate.subjects import LABELS, NUMBERS, N, Tripwire, X, fitted, unchanged

from unifml import (
    SGD,
    Adam,
    Classifier,
    Cosine,
    EarlyStopping,
    Native,
    Regressor,
    RMSprop,
    Training,
)
from unifml.errors import (
    CapabilityError,
    DataError,
    DataTypeError,
    DeviceError,
    DivergedError,
    ParameterError,
    UnknownNameError,
)
from unifml.models import MLP

BOTH = pytest.mark.parametrize("kind", [Classifier, Regressor])
DATES = pd.date_range("2020", periods=N)
NAN = float("nan")


def cases(table):
    """Parametrize by a table of ``id: (what, error, phrase)``."""
    params = [pytest.param(*row, id=name) for name, row in table.items()]
    return pytest.mark.parametrize(("bad", "error", "phrase"), params)


def with_cell(value, dtype=float):
    rows = X.astype(dtype)
    rows[3, 1] = value
    return rows


def frame(column):
    return pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": column})


def with_label(value):
    return [value if i == 3 else label for i, label in enumerate(LABELS.tolist())]


def made(bad):
    """Return the value of a case, where it can be used only once."""
    return bad() if callable(bad) and getattr(bad, "__name__", "") == "<lambda>" else bad


HOLDS_NAN = (ValueError, "Input X contains NaN")
INFINITE = (ValueError, r"Input X contains infinity or a value too large for dtype\('float64'\)")
STRANGE_COLUMN = (DataError, r"columns \['c'\] of X.*numbers are needed.*make_column_transformer")
NO_NUMBER = (DataTypeError, r"X\[.*float\(\) argument must be a string or a real number, not '")
NO_TABLE = "an array, a list of rows, or a frame of pandas, polars or Arrow is needed"
NOT_2D = (ValueError, "Expected 2D array, got 1D array instead")
MASKED = (DataTypeError, "masked array.*masks are not understood")

ROWS = {
    "NaN": (with_cell(np.nan), *HOLDS_NAN),
    "NaN in float32": (with_cell(np.nan, np.float32), *HOLDS_NAN),
    "None in a list": ([[None, 1.0, 2.0]] * N, *HOLDS_NAN),
    "pd.NA among integers": (frame(pd.array([1, None] * 12, dtype="Int64")), *HOLDS_NAN),
    "pd.NA among objects": (frame(pd.Series([1, pd.NA] * 12, dtype=object)), *HOLDS_NAN),
    "null in polars": (pl.DataFrame({"a": [1.0, None] * 12}), *HOLDS_NAN),
    "null in Arrow": (pa.table({"a": pa.array([1.0, None] * 12)}), *HOLDS_NAN),
    "infinity": (with_cell(np.inf), *INFINITE),
    "minus infinity": (with_cell(-np.inf), *INFINITE),
    "square overflows": (with_cell(1e300), DataError, r"whose square is infinite.*abs\(X\) <="),
    "integers of no int64": ([[2**70, 1, 2]] * N, DataError, "whole numbers must fit int64"),
    "integers of no float": ([[10**400, 1, 2]] * N, DataError, "whole numbers must fit int64"),
    "one dimension": (X[:, 0], *NOT_2D),
    "a polars series": (pl.Series(X[:, 0]), *NOT_2D),
    "a pandas series": (pd.Series(X[:, 0]), ValueError, "Expected a 2-dimensional container"),
    "an empty list": ([], *NOT_2D),
    "three dimensions": (X[:, :, None], ValueError, "Found array with dim 3, while dim <= 2"),
    "a number": (5, ValueError, "Expected 2D array, got scalar array instead"),
    "no rows": (X[:0], ValueError, r"Found array with 0 sample\(s\)"),
    "no columns": (X[:, :0], ValueError, r"Found array with 0 feature\(s\)"),
    "rows of unequal length": ([[1.0, 2.0], [1.0]] * 12, ValueError, "inhomogeneous shape"),
    "text": (X.astype(str), DataError, "X holds text.*numbers are needed"),
    "bytes": (X.astype("S"), DataError, "X holds text"),
    "text in lists": ([["a", 1.0, 2.0]] * N, DataError, "X holds text"),
    "one text among objects": (with_cell("a", object), DataError, r"X\[3, 1\] is 'a'.*text"),
    "numbers as text": (X.astype(str).astype(object), DataError, "X holds text"),
    "text column": (frame(["u"] * N), *STRANGE_COLUMN),
    "text as objects": (frame(pd.Series(["u"] * N, dtype=object)), *STRANGE_COLUMN),
    "category of text": (frame(pd.Categorical(["u", "v"] * 12)), *STRANGE_COLUMN),
    "text in polars": (pl.DataFrame({"c": ["u"] * N}), *STRANGE_COLUMN),
    "category in polars": (
        pl.DataFrame({"c": pl.Series(["u"] * N, dtype=pl.Categorical)}),
        *STRANGE_COLUMN,
    ),
    "lists in polars": (pl.DataFrame({"c": [[1.0]] * N}), *STRANGE_COLUMN),
    "text in Arrow": (pa.table({"c": ["u"] * N}), *STRANGE_COLUMN),
    "dates": (np.full((N, 3), np.datetime64("2020")), DataError, "X holds dates"),
    "NaT": (np.full((N, 3), np.datetime64("NaT")), DataError, "X holds dates"),
    "durations": (np.full((N, 3), np.timedelta64(3, "s")), DataError, "X holds durations"),
    "date column": (frame(DATES), *STRANGE_COLUMN),
    "date column with NaT": (frame([DATES[0], pd.NaT] * 12), *STRANGE_COLUMN),
    "duration column": (frame(DATES - DATES[0]), *STRANGE_COLUMN),
    "period column": (frame(DATES.to_period("D")), *STRANGE_COLUMN),
    "interval column": (frame(pd.interval_range(0, N)), *STRANGE_COLUMN),
    "dates as objects": (
        frame(pd.Series([dt.date(2020, 1, 1)] * N, dtype=object)),
        *STRANGE_COLUMN,
    ),
    "dates in lists": ([[dt.datetime(2020, 1, 1)] * 3] * N, *NO_NUMBER),
    "dicts in lists": ([{"a": 1}] * N, *NO_NUMBER),
    "complex": (X + 1j, ValueError, "Complex data not supported"),
    "complex column": (frame(X[:, 0] + 1j), ValueError, "Complex data not supported"),
    "records": (np.zeros(N, dtype=[("a", float)]), DataError, "X holds records"),
    "names of mixed types": (
        pd.DataFrame(X, columns=["a", 1, "c"]),
        TypeError,
        "only supported if all input features have string names",
    ),
    "one name twice": (pd.DataFrame(X, columns=["a", "a", "c"]), DataError, "names.*be unique"),
    "masked": (np.ma.masked_array(X, X > 2), *MASKED),
    "masked rows": ([np.ma.masked_array(row, row > 2) for row in X], *MASKED),
    "a generator": (lambda: (row for row in X), DataTypeError, rf"{NO_TABLE}.*list\(X\)"),
    "a set": ({1.0, 2.0}, DataTypeError, rf"X is a set. {NO_TABLE}"),
    "a dict": ({"a": X[:, 0]}, DataTypeError, rf"X is a dict. {NO_TABLE}. pandas.DataFrame\(X\)"),
    "a lazy frame": (pl.DataFrame(X).lazy(), DataTypeError, r"X.collect\(\)"),
    "None": (None, DataTypeError, rf"X is None. {NO_TABLE}"),
    "a string": ("rows.csv", DataTypeError, rf"X is a str. {NO_TABLE}"),
    "sparse": (sp.csr_array(X), TypeError, "Sparse data was passed.*dense data is required"),
    "sparse, as a dict": (sp.dok_array(X), TypeError, "dense data is required"),
    "a matrix": (np.asmatrix(X), TypeError, "np.matrix is not supported"),
}


@pytest.mark.filterwarnings("ignore:X has feature names")
@cases(ROWS)
def test_rows(backend, bad, error, phrase):
    estimator = fitted(Classifier, backend)
    with unchanged(estimator), pytest.raises(error, match=f"(?s){phrase}"):
        estimator.fit(made(bad), LABELS)
    with unchanged(estimator), pytest.raises(error, match=f"(?s){phrase}"):
        estimator.predict(made(bad))
    fresh = Regressor("mlp", backend=backend, training=Training(callbacks=(Tripwire(),)))
    with pytest.raises(error, match=f"(?s){phrase}"):
        fresh.fit(made(bad), NUMBERS)
    assert set(fresh.__dict__) == set(fresh.get_params(deep=False))


@BOTH
def test_one_row(backend, kind):
    estimator = fitted(kind, backend)
    with unchanged(estimator), pytest.raises(ValueError, match=r"1 sample\(s\).*minimum of 2"):
        estimator.fit(X[:1], [1])
    only_one = np.eye(N)[0]
    with unchanged(estimator), pytest.raises(ValueError, match=r"only one class|1 sample\(s\)"):
        estimator.fit(X, LABELS, only_one)


LENGTHS = (ValueError, "inconsistent numbers of samples")
NO_LABEL = (ValueError, "Input y contains NaN")
UNKNOWN_TYPE = (ValueError, "Unknown label type: continuous")

LABELS_TABLE = {
    "continuous": (NUMBERS, *UNKNOWN_TYPE),
    "shares": (np.eye(2)[LABELS] * 0.9, *UNKNOWN_TYPE),
    "NaN": (np.where(LABELS, np.nan, 1.0), *NO_LABEL),
    "None": (with_label(None), *NO_LABEL),
    "NaN among text": (["a", "b", np.nan] * 8, *NO_LABEL),
    "None among text": (np.array(["a", "b", None] * 8, dtype=object), *NO_LABEL),
    "pd.NA among integers": (pd.Series([0, 1, None] * 8, dtype="Int64"), *NO_LABEL),
    "pd.NA among text": (pd.Series(["a", "b", None] * 8, dtype="string"), *NO_LABEL),
    "pd.NA among bools": (pd.Series([True, False, None] * 8, dtype="boolean"), *NO_LABEL),
    "category with NaN": (pd.Series(["a", "b", None] * 8, dtype="category"), *NO_LABEL),
    "null in polars": (pl.Series(["a", "b", None] * 8), *NO_LABEL),
    "null in Arrow": (pa.array([0, 1, None] * 8), *NO_LABEL),
    "NaT": (np.array(["2020", "2021", "NaT"] * 8, "M8[D]"), *NO_LABEL),
    "infinity": (np.where(LABELS, np.inf, 1.0), ValueError, "Input y contains infinity"),
    "one class": (np.zeros(N, int), DataError, "only one class.*at least 2 classes"),
    "one text": (["a"] * N, DataError, "only one class"),
    "too short": (LABELS[:-1], *LENGTHS),
    "empty": ([], *LENGTHS),
    "None at all": (None, DataError, "requires y to be passed, but the target y is None"),
    "a number": (3, TypeError, "Expected sequence or array-like"),
    "a generator": (lambda: (label for label in LABELS), TypeError, "Expected sequence"),
    "a dict": (dict.fromkeys(range(N), 0), DataTypeError, f"y is a dict. {NO_TABLE}"),
    "a set": (set(range(N)), DataTypeError, f"y is a set. {NO_TABLE}"),
    "text and numbers": (["a", 1] * 12, DataError, "several types: int, str.*all text or all"),
    "text and numbers in an array": (
        np.array(["a", 1] * 12, dtype=object),
        DataError,
        "several types",
    ),
    "integers of no int64": ([2**70, 2**71] * 12, DataTypeError, "numbers that fit int64"),
    "dates as objects": ([dt.date(2020, 1, 1), dt.date(2021, 1, 1)] * 12, DataTypeError, "date"),
    "intervals": (pd.cut(NUMBERS, 2), DataTypeError, r"Interval.*str\(label\)"),
    "bytes": (np.array([b"a", b"b"] * 12), TypeError, "represented as bytes is not supported"),
    "complex": (LABELS + 1j, ValueError, "Complex data not supported"),
    "records": (np.zeros(N, dtype=[("a", float)]), DataTypeError, "y holds records"),
    "masked": (np.ma.masked_array(LABELS, LABELS > 0), *MASKED),
    "sparse": (sp.csr_array(np.eye(N, 3, dtype=int)), DataTypeError, "dense labels are needed"),
    "two columns of classes": (np.c_[LABELS, LABELS + 1], ValueError, "y should be a 1d array"),
    "three dimensions": (np.zeros((N, 2, 2)), ValueError, "Unknown label type"),
    "unequal lengths": ([[0], [0, 1]] * 12, ValueError, "inhomogeneous shape"),
}


@cases(LABELS_TABLE)
def test_labels(backend, bad, error, phrase):
    estimator = fitted(Classifier, backend)
    with unchanged(estimator), pytest.raises(error, match=f"(?s){phrase}"):
        estimator.fit(X, made(bad))


NUMBERS_TABLE = {
    "NaN": (np.where(LABELS, np.nan, 1.0), *NO_LABEL),
    "None": (with_label(None), *NO_LABEL),
    "pd.NA": (pd.Series([1.0, None] * 12, dtype="Float64"), *NO_LABEL),
    "null in polars": (pl.Series([1.0, None] * 12), *NO_LABEL),
    "infinity": (np.where(LABELS, np.inf, 1.0), ValueError, "Input y contains infinity"),
    "square overflows": (np.where(LABELS, 1e300, 1.0), DataError, "whose square is infinite"),
    "integers of no int64": ([2**70] * N, DataError, "whole numbers must fit int64"),
    "text": (["a"] * N, DataError, "y holds text.*numbers are needed"),
    "numbers as text": (NUMBERS.astype(str).astype(object), DataError, "y holds text"),
    "dates": (np.array(["2020-01-01"] * N, "M8[D]"), DataError, "y holds dates"),
    "date column": (pd.Series(DATES), DataError, "y holds dates"),
    "durations": (pd.Series(DATES - DATES[0]), DataError, "y holds durations"),
    "objects": ([dt.date(2020, 1, 1)] * N, DataTypeError, "must be a string or a real number"),
    "complex": (NUMBERS + 1j, ValueError, "Complex data not supported"),
    "masked": (np.ma.masked_array(NUMBERS, LABELS > 0), *MASKED),
    "sparse": (sp.csr_array(np.eye(N)), TypeError, "Sparse data was passed for y"),
    "too short": (NUMBERS[:-1], *LENGTHS),
    "None at all": (None, DataError, "requires y to be passed, but the target y is None"),
    "three dimensions": (np.zeros((N, 2, 2)), ValueError, "Found array with dim 3"),
}


@cases(NUMBERS_TABLE)
def test_numbers(backend, bad, error, phrase):
    estimator = fitted(Regressor, backend)
    with unchanged(estimator), pytest.raises(error, match=f"(?s){phrase}"):
        estimator.fit(X, made(bad))


RELATIVE = (DataError, r"<= sum\(sample_weight\) <=")
WEIGHTS = {
    "negative": (np.where(LABELS, -1.0, 1.0), ValueError, "Negative values.*`sample_weight`"),
    "NaN": (np.where(LABELS, np.nan, 1.0), ValueError, "Input sample_weight contains NaN"),
    "None": ([1.0, None] * 12, ValueError, "Input sample_weight contains NaN"),
    "infinity": (np.full(N, np.inf), ValueError, "Input sample_weight contains infinity"),
    "all zero": (np.zeros(N), ValueError, "at least one non-zero number"),
    "zero": (0.0, ValueError, "at least one non-zero number"),
    "too short": (np.ones(N - 1), ValueError, r"sample_weight.shape == \(23,\), expected \(24,\)"),
    "a table": (np.ones((N, 2)), ValueError, "Sample weights must be 1D array or scalar"),
    "text": (["1"] * N, DataError, "sample_weight holds text"),
    "a word": ("balanced", DataTypeError, "sample_weight is a str"),
    "a dict": ({0: 1.0, 1: 2.0}, DataTypeError, "sample_weight is a dict"),
    "dates": (np.full(N, np.datetime64("2020")), DataError, "sample_weight holds dates"),
    "complex": (np.ones(N) + 1j, ValueError, "Complex data not supported"),
    "masked": (np.ma.masked_array(np.ones(N), LABELS > 0), *MASKED),
    "too large together": (np.full(N, 1e308), *RELATIVE),
    "too small together": (np.full(N, 1e-300), *RELATIVE),
}


@BOTH
@cases(WEIGHTS)
def test_weights(backend, kind, bad, error, phrase):
    estimator = fitted(kind, backend)
    for run in (estimator.fit, estimator.partial_fit):
        with unchanged(estimator), pytest.raises(error, match=phrase):
            run(X, LABELS, sample_weight=bad)
    with unchanged(estimator), pytest.raises(error, match=phrase):
        estimator.fit(X, LABELS, X_val=X, y_val=LABELS, sample_weight_val=bad)


CLASS_WEIGHTS = {
    "a misspelt word": ("balance", UnknownNameError, "did you mean 'balanced'"),
    "negative": ({0: -1.0, 1: 1.0}, ParameterError, "0 <= weight < inf"),
    "NaN": ({0: NAN, 1: 1.0}, ParameterError, "0 <= weight < inf"),
    "infinite": ({0: np.inf, 1: 1.0}, ParameterError, "0 <= weight < inf"),
    "one class left": ({0: 0.0, 1: 1.0}, DataError, "only one class"),
    "strange classes": ({"a": 1.0}, ValueError, "are not in class_weight"),
    "a list": ([1, 2], ValueError, "instance of 'dict'"),
}


@cases(CLASS_WEIGHTS)
def test_class_weights(backend, bad, error, phrase):
    estimator = fitted(Classifier, backend, class_weight=bad)
    with unchanged(estimator), pytest.raises(error, match=phrase):
        estimator.fit(X, LABELS)


FRAME = pd.DataFrame(X, columns=list("abc"))
MATCH = "The feature names should match those that were passed during fit"
ORDER = (ValueError, f"{MATCH}.*must be in the same order")
RENAMED = (ValueError, f"{MATCH}.*unseen at fit time:\n- d\n.*now missing:\n- c")
COLUMNS = {
    "too many": (np.c_[X, X], ValueError, "X has 6 features, but Classifier is expecting 3"),
    "too few": (X[:, :2], ValueError, "X has 2 features, but Classifier is expecting 3"),
    "reordered": (FRAME[["b", "a", "c"]], *ORDER),
    "reordered in polars": (pl.DataFrame(FRAME)[["b", "a", "c"]], *ORDER),
    "reordered in Arrow": (pa.table(FRAME).select(["b", "a", "c"]), *ORDER),
    "renamed": (FRAME.rename(columns={"c": "d"}), *RENAMED),
    "renamed in polars": (pl.DataFrame(FRAME).rename({"c": "d"}), *RENAMED),
    "renamed in Arrow": (pa.table(FRAME).rename_columns(["a", "b", "d"]), *RENAMED),
    "one more": (FRAME.assign(d=1), ValueError, f"{MATCH}.*unseen at fit time:\n- d"),
    "one less": (FRAME[["a", "b"]], ValueError, f"{MATCH}.*now missing:\n- c"),
}


@pytest.fixture
def named(backend):
    training = Training(epochs=2)
    model = Classifier("mlp", backend=backend, training=training, random_state=0)
    return model.fit(FRAME, LABELS).set_params(training__callbacks=(Tripwire(),))


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@cases(COLUMNS)
def test_columns(named, bad, error, phrase):
    phrase = f"(?s){phrase}"
    with unchanged(named), pytest.raises(error, match=phrase):
        named.predict(bad)
    with unchanged(named), pytest.raises(error, match=phrase):
        named.partial_fit(bad, LABELS)
    with unchanged(named), pytest.raises(error, match=phrase):
        named.fit(FRAME, LABELS, X_val=bad, y_val=LABELS)


def test_one_row_at_predict_is_a_table(backend):
    estimator = fitted(Classifier, backend)
    with unchanged(estimator), pytest.raises(ValueError, match="contains a single sample"):
        estimator.predict(X[0])


STRANGERS = (DataError, "not among the classes. classes are")
ON = np.c_[LABELS, 1 - LABELS, LABELS]
VALIDATION = {
    "unseen labels": ({"X_val": X, "y_val": LABELS + 1}, *STRANGERS),
    "text for numbers": ({"X_val": X, "y_val": LABELS.astype(str)}, *STRANGERS),
    "continuous": ({"X_val": X, "y_val": NUMBERS}, *STRANGERS),
    "a matrix": ({"X_val": X, "y_val": ON}, ValueError, "y should be a 1d array"),
    "no labels": ({"X_val": X}, DataError, "target y is None"),
    "no rows": ({"y_val": LABELS}, DataError, "y_val without X_val"),
    "weights alone": ({"sample_weight_val": LABELS}, DataError, "sample_weight_val without X_val"),
    "too few labels": ({"X_val": X, "y_val": LABELS[:3]}, *LENGTHS),
    "empty": ({"X_val": X[:0], "y_val": LABELS[:0]}, ValueError, r"0 sample\(s\)"),
    "NaN": ({"X_val": with_cell(np.nan), "y_val": LABELS}, *HOLDS_NAN),
}


@cases(VALIDATION)
def test_validation_rows(backend, bad, error, phrase):
    estimator = fitted(Classifier, backend)
    with unchanged(estimator), pytest.raises(error, match=phrase):
        estimator.fit(X, LABELS, **bad)


def test_validation_rows_of_other_targets(backend):
    estimator = fitted(Regressor, backend)
    two = np.c_[NUMBERS, NUMBERS]
    for y, y_val in ((NUMBERS, two), (two, NUMBERS)):
        with unchanged(estimator), pytest.raises(DataError, match=r"y of shape.*of fit is needed"):
            estimator.fit(X, y, X_val=X, y_val=y_val)
    classifier = fitted(Classifier, backend)
    for y_val in (ON[:, :2], LABELS, 2 * ON):
        with unchanged(classifier), pytest.raises(DataError, match="matrix of 0 and 1 of shape"):
            classifier.fit(X, ON, X_val=X, y_val=y_val)


STEPS = {
    "unseen labels": ({"y": LABELS + 1}, *STRANGERS),
    "text for numbers": ({"y": LABELS.astype(str)}, *STRANGERS),
    "continuous": ({"y": NUMBERS}, *STRANGERS),
    "other classes": ({"y": LABELS, "classes": [0, 1, 2]}, DataError, "not the same as on last"),
    "a matrix": ({"y": ON}, ValueError, "y should be a 1d array"),
}
FIRST_STEPS = {
    "labels outside the classes": ({"y": LABELS, "classes": [5, 6]}, *STRANGERS),
    "one class": ({"y": LABELS * 0}, DataError, "at least 2 classes"),
    "one class named": ({"y": LABELS * 0, "classes": [0]}, DataError, "at least 2 classes"),
    "missing class": ({"y": LABELS, "classes": [0, 1, NAN]}, *NO_LABEL),
    "continuous classes": ({"y": LABELS, "classes": [0, 0.5]}, *UNKNOWN_TYPE),
    "a table of classes": ({"y": LABELS, "classes": [[0, 1]]}, ValueError, "should be a 1d array"),
}


@cases(STEPS)
def test_later_steps(backend, bad, error, phrase):
    estimator = fitted(Classifier, backend)
    with unchanged(estimator), pytest.raises(error, match=phrase):
        estimator.partial_fit(X, **bad)


@cases(FIRST_STEPS)
def test_first_steps(backend, bad, error, phrase):
    estimator = Classifier("mlp", backend=backend, training=Training(callbacks=(Tripwire(),)))
    with pytest.raises(error, match=phrase):
        estimator.partial_fit(X, **bad)
    assert set(estimator.__dict__) == set(estimator.get_params(deep=False))


def test_steps_with_another_number_of_targets(backend):
    estimator = fitted(Regressor, backend)
    with unchanged(estimator), pytest.raises(DataError, match="of fit is needed"):
        estimator.partial_fit(X, np.c_[NUMBERS, NUMBERS])


EPOCHS = (ParameterError, "epochs >= 1")
BATCH = (ParameterError, "batch_size >= 1")
RATE = (ParameterError, "0 < learning_rate < inf must hold")
HIDDEN = (ParameterError, r"hidden is a tuple of whole numbers >= 1.*hidden=\(64,\)")
DROPOUT = (ParameterError, "0 <= dropout < 1 must hold")
ACTIVATION = (UnknownNameError, "unknown activation.*known: elu, gelu")
DEVICE = (DeviceError, r'devices here: .*use device="auto"')
SEED = (ParameterError, "random_state must be None, an int >= 0")
TRAINING = (DataTypeError, "a unifml.Training or None")
STOPPING = "training__early_stopping"
PARAMETERS = {
    "epochs=0": ({"training__epochs": 0}, *EPOCHS),
    "epochs=-1": ({"training__epochs": -1}, *EPOCHS),
    "epochs=1.5": ({"training__epochs": 1.5}, *EPOCHS),
    "epochs=int64(0)": ({"training__epochs": np.int64(0)}, *EPOCHS),
    "batch_size=0": ({"training__batch_size": 0}, *BATCH),
    "batch_size='auto'": ({"training__batch_size": "auto"}, *BATCH),
    "learning_rate=nan": ({"training__learning_rate": NAN}, *RATE),
    "learning_rate<0": ({"training__learning_rate": -1e-3}, *RATE),
    "learning_rate=0": ({"training__learning_rate": 0}, *RATE),
    "learning_rate='fast'": ({"training__learning_rate": "fast"}, *RATE),
    "l2<0": ({"training__l2": -1}, ParameterError, "0 <= l2 < inf must hold"),
    "l1=nan": ({"training__l1": NAN}, ParameterError, "0 <= l1 < inf must hold"),
    "weight_decay without adamw": (
        {"training__weight_decay": 0.1},
        ParameterError,
        "weight_decay=0.1 with optimizer 'adam'.*set optimizer=\"adamw\", or use l2",
    ),
    "dropout=1": ({"model__dropout": 1.0}, *DROPOUT),
    "dropout<0": ({"model__dropout": -0.1}, *DROPOUT),
    "dropout=nan": ({"model__dropout": NAN}, *DROPOUT),
    "dropout='half'": ({"model__dropout": "half"}, *DROPOUT),
    "hidden=64": ({"model__hidden": 64}, *HIDDEN),
    "hidden=(0,)": ({"model__hidden": (0,)}, *HIDDEN),
    "hidden=('a',)": ({"model__hidden": ("a",)}, *HIDDEN),
    "hidden=(2.5,)": ({"model__hidden": (2.5,)}, *HIDDEN),
    "hidden=(True,)": ({"model__hidden": (True,)}, *HIDDEN),
    "hidden=None": ({"model__hidden": None}, *HIDDEN),
    "activation='relux'": ({"model__activation": "relux"}, *ACTIVATION),
    "activation=None": ({"model__activation": None}, *ACTIVATION),
    "norm='bach'": ({"model__norm": "bach"}, UnknownNameError, "did you mean 'batch'"),
    "loss": ({"training__loss": "cross-entropy"}, UnknownNameError, "did you mean 'cross_entropy'"),
    "loss of a regression": ({"training__loss": "mse"}, UnknownNameError, "for classification"),
    "optimizer": ({"training__optimizer": "adm"}, UnknownNameError, "did you mean 'adam'"),
    "optimizer's class": ({"training__optimizer": Adam}, DataTypeError, "a name, an Optimizer"),
    "beta_1=2": ({"training__optimizer": Adam(beta_1=2)}, ParameterError, "0 <= beta_1 < 1"),
    "momentum<0": ({"training__optimizer": SGD(momentum=-1)}, ParameterError, "0 <= momentum < 1"),
    "rho=7": ({"training__optimizer": RMSprop(rho=7)}, ParameterError, "0 <= rho < 1"),
    "schedule": ({"training__schedule": "cos"}, UnknownNameError, "did you mean 'cosine'"),
    "final=nan": ({"training__schedule": Cosine(final=NAN)}, ParameterError, "0 <= final <= 1"),
    "validation=1": ({"training__validation": 1}, ParameterError, "0 < validation < 1"),
    "validation='some'": ({"training__validation": "some"}, ParameterError, "0 < validation < 1"),
    "metric to stop by": ({STOPPING: EarlyStopping("auc")}, UnknownNameError, "known: loss"),
    "patience=0": ({STOPPING: EarlyStopping(patience=0)}, ParameterError, "patience >= 1"),
    "patience='a'": ({STOPPING: EarlyStopping(patience="a")}, ParameterError, "patience >= 1"),
    "min_delta=nan": ({STOPPING: EarlyStopping(min_delta=NAN)}, ParameterError, "min_delta"),
    "early_stopping=3": ({STOPPING: 3}, ParameterError, "EarlyStopping, True or False"),
    "early_stopping's class": ({STOPPING: EarlyStopping}, ParameterError, "EarlyStopping, True"),
    "refit='a'": ({"training__refit": "a"}, ParameterError, "refit in"),
    "precision": ({"training__precision": "float16"}, ParameterError, "precision in"),
    "callbacks": ({"training__callbacks": (len,)}, ParameterError, "tuple of unifml.Callback"),
    "callback's class": ({"training__callbacks": (Tripwire,)}, ParameterError, "unifml.Callback"),
    "device='cuda:9'": ({"device": "cuda:9"}, *DEVICE),
    "device='tpu'": ({"device": "tpu"}, *DEVICE),
    "device=''": ({"device": ""}, *DEVICE),
    "device=0": ({"device": 0}, *DEVICE),
    "backend='pytorch'": ({"backend": "pytorch"}, UnknownNameError, "did you mean 'torch'"),
    "backend='tf'": ({"backend": "tf"}, UnknownNameError, "did you mean 'keras'"),
    "backend='sklern'": ({"backend": "sklern"}, UnknownNameError, "did you mean 'sklearn'"),
    "backend=''": ({"backend": ""}, UnknownNameError, "known: keras, sklearn, torch"),
    "backend=['torch']": ({"backend": ["torch"]}, DataTypeError, "the name of a backend"),
    "model='mpl'": ({"model": "mpl"}, UnknownNameError, "did you mean 'mlp'"),
    "model=3": ({"model": 3}, DataTypeError, "a model of unifml, its name, or a native"),
    "random_state='abc'": ({"random_state": "abc"}, *SEED),
    "random_state=-1": ({"random_state": -1}, *SEED),
    "random_state=1.5": ({"random_state": 1.5}, *SEED),
    "training='fast'": ({"training": "fast"}, *TRAINING),
    "training={}": ({"training": {"epochs": 3}}, *TRAINING),
    "verbose=3": ({"verbose": 3}, ParameterError, "verbose in"),
    "verbose='yes'": ({"verbose": "yes"}, ParameterError, "verbose in"),
}


@cases(PARAMETERS)
def test_parameters(backend, bad, error, phrase):
    bad = {"training__callbacks": (Tripwire(),)} | bad if "training" not in bad else bad
    estimator = fitted(Classifier, backend).set_params(**bad)
    with unchanged(estimator), pytest.raises(error, match=f"(?s){phrase}"):
        estimator.fit(X, LABELS)


NAMES = {
    "training__epoch": (3, UnknownNameError, "unknown parameter of Training 'epoch'.*'epochs'"),
    "model__hiden": (3, UnknownNameError, "unknown parameter of MLP 'hiden'.*'hidden'"),
    "modle": (3, UnknownNameError, "Invalid parameter 'modle'.*did you mean 'model'"),
    "hidden": (3, UnknownNameError, "Invalid parameter 'hidden'.*did you mean 'model__hidden'"),
    "backend__x": (3, UnknownNameError, "no parameters of its own"),
}


@pytest.mark.parametrize("name", NAMES)
def test_names_of_parameters(backend, name):
    value, error, phrase = NAMES[name]
    estimator = fitted(Classifier, backend)
    with unchanged(estimator), pytest.raises(error, match=f"(?s){phrase}"):
        estimator.set_params(**{"random_state": 7, name: value})


@pytest.mark.sklearn
@pytest.mark.parametrize("model", ["random_forest", "linear"])
def test_settings_that_a_model_does_not_use(model):
    estimator = Classifier(model, backend="sklearn").fit(X, LABELS)
    estimator.set_params(training=Training(epochs=3))
    phrase = rf"Training\(epochs=...\) for model '{model}'.*leave epochs out"
    with unchanged(estimator), pytest.raises(CapabilityError, match=phrase):
        estimator.fit(X, LABELS)


@pytest.mark.sklearn
@pytest.mark.parametrize(
    "params",
    [{"model__dropout": 0.3}, {"model__norm": "batch"}, {"model__activation": "gelu"}],
    ids=str,
)
def test_what_a_backend_lacks(params):
    estimator = fitted(Classifier, "sklearn", **params)
    ((name, value),) = params.items()
    asked = re.escape(f"backend 'sklearn' cannot fit model 'mlp' with {name[7:]}={value!r}")
    able = 'use backend="keras", or use backend="torch", or set'
    with unchanged(estimator), pytest.raises(CapabilityError, match=f"{asked}.*{able}"):
        estimator.fit(X, LABELS)


@BOTH
@pytest.mark.parametrize("rate", [1e6, 1e300])
def test_a_diverging_loss(backend, kind, rate):
    settings = Training(learning_rate=rate, optimizer="sgd", epochs=60)
    estimator = fitted(kind, backend, training=settings)
    phrase = r"in epoch \d+.*the estimator is as it was.*Training\(learning_rate=1e"
    with unchanged(estimator), pytest.raises(DivergedError, match=phrase.replace("1e", r"\d")):
        estimator.fit(X, LABELS)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_rows_beyond_the_precision(backend):
    estimator = fitted(Classifier, backend, training=Training(epochs=2, precision="float32"))
    estimator.fit(X, LABELS)
    with unchanged(estimator), pytest.raises(DataError, match="predictions are NaN or infinite"):
        estimator.predict(with_cell(1e100))
    with unchanged(estimator), pytest.raises(DivergedError, match=r"validation loss.*in epoch 1"):
        estimator.fit(X, LABELS, X_val=with_cell(1e100), y_val=LABELS)


def test_an_estimator_that_was_not_fitted(backend):
    from sklearn.exceptions import NotFittedError

    estimator = Classifier("mlp", backend=backend)
    for read in (estimator.predict, estimator.predict_proba, lambda X: estimator.model_):
        with pytest.raises(NotFittedError, match="is not fitted yet"):
            read(X)


def torch_probabilities(n_features):
    from torch import nn

    return nn.Sequential(nn.Linear(n_features, 3), nn.Softmax(1))


def torch_broken(n_features):
    import torch
    from torch import nn

    layer = nn.Linear(n_features, 2)
    nn.init.constant_(layer.weight, torch.nan)
    return layer


def torch_lost(n_features, width):
    raise AssertionError("must not be called")


def torch_layer(n_features):
    from torch import nn

    return nn.Linear(n_features, 3)


NATIVES = {
    "wrong width": (torch_layer, DataError, r"\(24, 3\).*\(n, 1 or 2\) is needed for 2 classes"),
    "NaN from the start": (torch_broken, DataError, "NaN or infinite outputs"),
    "missing argument": (torch_lost, ParameterError, r"unifml.Native\(torch_lost, width=...\)"),
    "no module": (lambda n_features: 3, DataTypeError, "a torch.nn.Module is needed"),
}


@pytest.mark.torch
@pytest.mark.parametrize("name", NATIVES)
def test_native_modules(name):
    factory, error, phrase = NATIVES[name]
    estimator = Classifier(factory, backend="torch", training=Training(callbacks=(Tripwire(),)))
    with pytest.raises(error, match=phrase):
        estimator.fit(X, LABELS)
    assert set(estimator.__dict__) == set(estimator.get_params(deep=False))


@pytest.mark.torch
@pytest.mark.parametrize("output", ["probabilities", "log_probabilities"])
def test_claimed_probabilities_that_are_none(output):
    native = Native(torch_layer, output=output)
    training = Training(callbacks=(Tripwire(),))
    with pytest.raises(DataError, match=r"lie in \[0, 1\] and sum to 1.*output=\"logits\""):
        Classifier(native, backend="torch", training=training).fit(X, np.arange(N) % 3)


@pytest.mark.torch
def test_a_softmax_twice():
    training = Training(callbacks=(Tripwire(),))
    with pytest.raises(DataError, match=r'softmax would be applied twice.*output="probabilities"'):
        Classifier(torch_probabilities, backend="torch", training=training).fit(X, np.arange(N) % 3)


@pytest.mark.torch
def test_an_output_that_is_no_output():
    with pytest.raises(ParameterError, match="output in"):
        Native(torch_layer, output="softmax")


@pytest.mark.torch
def test_a_model_of_another_backend():
    from torch import nn

    estimator = Classifier(nn.Linear(3, 2), backend="sklearn")
    with pytest.raises(CapabilityError, match='set backend="torch"'):
        estimator.fit(X, LABELS)


def test_a_spec_of_wrong_values_can_be_made_and_shown(backend):
    assert "hidden=64" in repr(Classifier(MLP(hidden=64), backend=backend))

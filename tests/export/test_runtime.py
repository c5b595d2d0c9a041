"""A loaded file is an estimator, and refuses what the model would refuse."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from export.data import codes, mixed, numbers, preparation, prices
from unifml import Estimator, export_onnx, load_onnx
from unifml.errors import DataError, DeviceError, UnknownNameError
from unifml.runtime import scores
from unifml.runtime.feeding import numbers as as_floats
from unifml.runtime.feeding import strings

pytestmark = pytest.mark.sklearn


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    X = numbers()
    model = LogisticRegression(max_iter=500).fit(X, np.array(["a", "b", "c"])[codes()])
    return export_onnx(model, tmp_path_factory.mktemp("file") / "m.onnx", X).path


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    X = mixed()
    model = make_pipeline(preparation(), LogisticRegression()).fit(X, prices(X) > 60)
    file = tmp_path_factory.mktemp("file") / "m.onnx"
    return model, load_onnx(export_onnx(model, file, X).path)


def test_it_is_an_estimator_as_scikit_learn_knows_them(path):
    onnx, X, y = load_onnx(path), numbers(), np.array(["a", "b", "c"])[codes()]
    assert isinstance(onnx, Estimator)
    assert is_classifier(onnx)
    assert onnx.fit(X, y) is onnx
    assert onnx.n_features_in_ == 4
    assert clone(onnx).score(X, y) == onnx.score(X, y) == accuracy_score(y, onnx.predict(X))
    assert len(cross_val_score(onnx, X, y, cv=3, scoring="roc_auc_ovr")) == 3
    again = pickle.loads(pickle.dumps(onnx))
    np.testing.assert_array_equal(again.predict(X), onnx.predict(X))


def test_a_regressor_has_no_probabilities(tmp_path):
    X = numbers()
    model = LinearRegression().fit(X, X[:, 0])
    onnx = load_onnx(export_onnx(model, tmp_path / "m.onnx", X).path)
    assert is_regressor(onnx)
    assert not hasattr(onnx, "predict_proba")
    assert not hasattr(onnx, "classes_")


def test_parameters(path):
    onnx = load_onnx(path)
    assert onnx.get_params() == {"path": path, "device": None, "threads": None}
    assert onnx.set_params(device="cpu").predict(numbers()[:1]).shape == (1,)
    with pytest.raises(UnknownNameError, match="device"):
        onnx.set_params(devise="cpu")


def test_a_device_that_is_not_there(path):
    with pytest.raises(DeviceError, match="tpu"):
        load_onnx(path, device="tpu")


def test_files_that_are_not_ours(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_onnx(tmp_path / "none.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"not a model")
    with pytest.raises(DataError, match="no ONNX model"):
        load_onnx(tmp_path / "bad.onnx")


def test_a_file_without_our_description_is_refused(path, tmp_path):
    import onnx

    proto = onnx.load(path)
    del proto.metadata_props[:]
    onnx.save(proto, tmp_path / "foreign.onnx")
    with pytest.raises(DataError, match="InferenceSession"):
        load_onnx(tmp_path / "foreign.onnx").predict(numbers())


@pytest.mark.parametrize(
    ("X", "words"),
    [
        (numbers(k=3), "X has 3 features, but OnnxEstimator is expecting 4"),
        (numbers()[0], "Expected 2D array, got 1D array"),
        (numbers()[:0], "0 sample"),
        (np.full((2, 4), np.nan), "Input X contains NaN"),
        (np.full((2, 4), np.inf), "Input X contains infinity"),
        (np.full((2, 4), "a"), "could not convert"),
    ],
)
def test_tables_that_do_not_fit(path, X, words):
    with pytest.raises(ValueError, match=words):
        load_onnx(path).predict(X)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64, object])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_any_number(path, dtype, order):
    onnx, X = load_onnx(path), np.round(numbers())
    expected = onnx.predict_proba(X)
    found = onnx.predict_proba(np.asarray(X.astype(dtype), order=order))
    np.testing.assert_allclose(found, expected, atol=1e-3)
    np.testing.assert_allclose(onnx.predict_proba(X.tolist()), expected)


def test_many_rows_are_computed_in_parts(path):
    onnx = load_onnx(path)
    X = np.tile(numbers(), (1000, 1))
    found = onnx.predict_proba(X)
    assert len(found) == len(X) > 1 << 16
    np.testing.assert_allclose(found[-90:], onnx.predict_proba(numbers()), atol=1e-6)


def test_frames_by_pandas_and_polars(table):
    import polars

    model, onnx = table
    X = mixed(seed=5)
    expected = model.predict_proba(X)
    np.testing.assert_allclose(onnx.predict_proba(X), expected, atol=1e-5)
    np.testing.assert_allclose(onnx.predict_proba(X.convert_dtypes()), expected, atol=1e-5)
    plain = {k: [None if v != v else v for v in X[k].tolist()] for k in X}
    other = polars.DataFrame(plain).with_columns(polars.col("place").fill_null("nan"))
    np.testing.assert_allclose(onnx.predict_proba(other), expected, atol=1e-5)
    np.testing.assert_allclose(onnx.predict_proba(X.to_numpy()), expected, atol=1e-5)
    assert onnx.predict(X).dtype == bool


def test_columns_are_known_by_name(table):
    model, onnx = table
    X = mixed()
    others = X[X.columns[::-1]].assign(more=0.0)  # a ColumnTransformer takes them, and so does it
    assert np.array_equal(onnx.predict(others), model.predict(others))
    with pytest.raises(ValueError, match="unseen at fit time:\n- zooms"):
        onnx.predict(X.rename(columns={"rooms": "zooms"}))
    with pytest.raises(ValueError, match="now missing:\n- rooms"):
        onnx.predict(X.drop(columns="rooms"))
    with pytest.raises(ValueError, match="column 'rooms'"):
        onnx.predict(X.assign(rooms="many"))
    assert onnx.feature_names_in_.tolist() == X.columns.tolist()


def test_missing_values_have_names():
    import pandas as pd

    assert strings(pd.Series(["a", None, np.nan], dtype=object)).tolist() == ["a", "None", "nan"]
    values = np.array([1, None, np.nan, pd.NA], dtype=object)
    assert np.isnan(as_floats(values, "x", np.float32)).tolist() == [False, True, True, True]


@pytest.mark.parametrize("weight", [None, np.arange(1, 7)])
def test_scores_are_scikit_learns(weight):
    rng = np.random.default_rng(0)
    y, p = rng.normal(size=(6, 2)), rng.normal(size=(6, 2))
    assert scores.r2(y, p, weight) == pytest.approx(r2_score(y, p, sample_weight=weight))
    flat = np.ones(6)
    assert scores.r2(flat, flat, weight) == r2_score(flat, flat, sample_weight=weight) == 1.0
    assert scores.r2(flat, y[:, 0]) == r2_score(flat, y[:, 0]) == 0.0
    a, b = rng.integers(0, 2, 6), rng.integers(0, 2, 6)
    assert scores.accuracy(a, b, weight) == pytest.approx(
        accuracy_score(a, b, sample_weight=weight)
    )


def test_it_needs_numpy_and_onnxruntime_only(path):
    """Fresh process: whatever else is installed is not loaded."""
    code = (
        "import sys, numpy as np\n"
        "from unifml.runtime import load_onnx\n"
        f"print(load_onnx({path!r}).predict(np.zeros((1, 4)))[0])\n"
        "heavy = {'sklearn', 'scipy', 'onnx', 'skl2onnx', 'torch', 'keras', 'pandas'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1] == "[]"

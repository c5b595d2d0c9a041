"""Images, sequences and several inputs: a whole file, and the X that it takes.

The models here compute by the reference, so that no backend has a part in it.
"""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import onnx
import pytest

from export.nets import rows, weights_of
from unifml import Classifier, Regressor, export_onnx, load_onnx
from unifml.core.fitted import Fitted, Scaling
from unifml.core.plan import Plan
from unifml.core.seeds import Seeds
from unifml.core.signature import ANY, Feed, Signature
from unifml.core.task import Task
from unifml.errors import DataError, DataTypeError, ExportMismatchError
from unifml.layers import (
    GRU,
    LSTM,
    Activation,
    BatchNorm,
    Conv2D,
    Dense,
    Embedding,
    Flatten,
    GlobalAvgPool,
    Input,
    MaxPool,
    Network,
    Parallel,
    Sequential,
    Standardize,
    TransformerBlock,
)
from unifml.runtime.feeding import Feeder
from unifml.runtime.schema import Input as FileInput
from unifml.runtime.schema import Schema
from unifml.runtime.tensors import tensors
from unifml.testing import reference
from unifml.testing.reference import forward

LABELS = np.array(["cat", "dog", "owl"])


def padded(X):
    """What a gate makes of a list of sequences."""
    lengths = np.array([len(row) for row in X])
    values = np.zeros((len(X), lengths.max(), *np.shape(X[0])[1:]))
    for row, given in zip(values, X, strict=True):
        row[: len(given)] = given
    return values, lengths


def gate(feeds, X):
    given = X if isinstance(X, dict) else {"X": X}
    known = {}
    for feed in feeds:
        if feed.ragged:
            known[feed.name], known[feed.lengths] = padded(given[feed.name])
        else:
            known[feed.name] = np.asarray(given[feed.name], float)
    return known


def answers(estimator, X):
    plan = estimator._fitted.plan
    known = gate(plan.signature.feeds, X)
    return reference.run(plan.graph, estimator._fitted.weights, known)["outputs"]


class Sure(Classifier):
    def predict_proba(self, X):
        raw = answers(self, X)
        if raw.shape[1] == 1:
            raw = np.hstack([np.zeros_like(raw), raw])
        return forward.softmax(raw)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(1)]


class Numbers(Regressor):
    def predict(self, X):
        raw = self._fitted.target.invert(answers(self, X))
        return raw[:, 0] if raw.shape[1] == 1 else raw


def fitted(layers, feeds, task):
    network = Network((*layers, Dense(task.width, name="output")))
    named = feeds if len(feeds) > 1 or feeds[0].name != "X" else ()
    signature = Signature(feeds[0].shape, task.width, task.n_classes, named=named)
    plan = Plan(None, task, signature, None, Seeds(0), network=network)
    target = None if task.n_classes else Scaling(np.array(3.0), np.array(2.0))
    return Fitted(plan, "none", weights=weights_of(network, signature.feeds), target=target)


def classifier(layers, feeds, classes=3):
    model = Sure("mlp")
    model._fitted = fitted(layers, feeds, Task("classification", 1, classes))
    model.classes_ = LABELS[:classes]
    return model


def regressor(layers, feeds, targets=1):
    model = Numbers("mlp")
    model._fitted = fitted(layers, feeds, Task("regression", targets))
    return model


IMAGES = (Feed("X", (8, 6, 2)),)
SERIES = (Feed("X", (ANY, 3)),)
WORDS = (Feed("X", (ANY,)),)
SEVERAL = (Feed("picture", (8, 6, 2)), Feed("words", (ANY,)), Feed("label", (3,)))

CNN = (Standardize(), Conv2D(4, 3), BatchNorm(), Activation("relu"), MaxPool(2), Flatten())
RNN = (Standardize(), LSTM(5, bidirectional=True))
READER = (Embedding(9, 6), TransformerBlock(2), GlobalAvgPool())
MIXED = (
    Parallel(
        (
            Sequential((Input("picture"), Conv2D(3, 3), GlobalAvgPool())),
            Sequential((Input("words"), Embedding(9, 4), GRU(5))),
            Sequential((Input("label"), Standardize(), Dense(4))),
        )
    ),
)
LENGTHS = (3, 9, 1, 4, 12, 2, 7, 5, 5, 10)


def images(n=10):
    return rows(n, 8, 6, 2)


def series(n=10):
    return [rows(steps, 3) * 0.5 for steps in LENGTHS[:n]]


def words(n=10):
    rng = np.random.default_rng(0)
    return [rng.integers(0, 9, steps) for steps in LENGTHS[:n]]


def several(n=10):
    return {"picture": images(n), "words": words(n), "label": rows(n, 3)}


CASES = {
    "images": (CNN, IMAGES, images),
    "series": (RNN, SERIES, series),
    "words": (READER, WORDS, words),
    "several": (MIXED, SEVERAL, several),
}


@pytest.fixture(params=CASES)
def case(request):
    layers, feeds, X = CASES[request.param]
    return layers, feeds, X()


@pytest.mark.parametrize("classes", [2, 3])
def test_a_classifier(case, classes, tmp_path):
    layers, feeds, X = case
    model = classifier(layers, feeds, classes)
    export = export_onnx(model, tmp_path / "m.onnx", X)
    assert export.max_abs_diff < 2e-6
    assert export.exporter == "unifml"
    loaded = load_onnx(export.path)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    np.testing.assert_allclose(loaded.predict_proba(X), model.predict_proba(X), atol=1e-6)
    assert loaded.predict(X).dtype == LABELS.dtype
    onnx.checker.check_model(onnx.load(export.path), full_check=True)


@pytest.mark.parametrize("targets", [1, 2])
def test_a_regressor(case, targets, tmp_path):
    layers, feeds, X = case
    model = regressor(layers, feeds, targets)
    loaded = load_onnx(export_onnx(model, tmp_path / "m.onnx", X).path)
    assert loaded.predict(X).shape == ((10,) if targets == 1 else (10, 2))
    np.testing.assert_allclose(loaded.predict(X), model.predict(X), rtol=1e-5, atol=1e-5)


def file_of(layers, feeds, X, tmp_path):
    return load_onnx(export_onnx(classifier(layers, feeds), tmp_path / "m.onnx", X).path)


def test_the_file_says_what_it_takes(tmp_path):
    loaded = file_of(MIXED, SEVERAL, several(), tmp_path)
    starts = {i.name: (i.type, i.shape) for i in loaded.session.get_inputs()}
    assert starts == {
        "picture": ("tensor(float)", ["n", 8, 6, 2]),
        "words": ("tensor(float)", ["n", "words_steps"]),
        "words_lengths": ("tensor(int64)", ["n"]),
        "label_": ("tensor(float)", ["n", 3]),  # an output has the name
    }
    assert json.loads(loaded.metadata["unifml.schema"])["by_name"]


def test_padding_and_neighbours_change_nothing(tmp_path):
    X = series()
    loaded = file_of(RNN, SERIES, X, tmp_path)
    together = loaded.predict_proba(X)
    alone = np.vstack([loaded.predict_proba([row]) for row in X])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    values, lengths = padded(X)
    values[np.arange(12) >= lengths[:, None]] = 1e9
    by_lengths = loaded.predict_proba({"X": values, "X_lengths": lengths})
    np.testing.assert_array_equal(by_lengths, together)


def test_sequences_of_one_length_may_come_as_one_array(tmp_path):
    loaded = file_of(RNN, SERIES, series(), tmp_path)
    X = rows(4, 6, 3)
    np.testing.assert_array_equal(loaded.predict_proba(X), loaded.predict_proba(list(X)))
    apart = np.empty(4, dtype=object)
    apart[:] = list(X)
    np.testing.assert_array_equal(loaded.predict_proba(X), loaded.predict_proba(apart))


def test_numpy_and_onnxruntime_are_enough(tmp_path):
    path = file_of(MIXED, SEVERAL, several(), tmp_path).path
    code = (
        "import sys, numpy as np\nfrom unifml.runtime import load_onnx\n"
        "X = {'picture': np.zeros((2, 8, 6, 2)), 'words': [[1, 2], [3]], 'label': [[1] * 3] * 2}\n"
        f"print(len(load_onnx({path!r}).predict(X)))\n"
        "heavy = {'sklearn', 'scipy', 'onnx', 'skl2onnx', 'torch', 'keras', 'pandas'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["2", "[]"]


def test_large_inputs_are_computed_in_parts(tmp_path, monkeypatch):
    X = several()
    loaded = file_of(MIXED, SEVERAL, X, tmp_path)
    whole = loaded.predict_proba(X)
    monkeypatch.setattr("unifml.runtime.asking._CHUNK", 300)
    monkeypatch.setattr("unifml.runtime.asking._VALUES", 300)
    np.testing.assert_allclose(loaded.predict_proba(X), whole, atol=1e-6)


@pytest.mark.parametrize("strange", [-1, 9, 1000])
def test_ids_outside_the_range_are_refused(strange, tmp_path):
    loaded = file_of(READER, WORDS, words(), tmp_path)
    with pytest.raises(DataError, match="cannot compute"):
        loaded.predict([[0, 3, strange]])


def test_only_tables_have_a_number_of_columns(tmp_path):
    assert not hasattr(file_of(READER, WORDS, words(), tmp_path), "n_features_in_")
    assert not hasattr(file_of(MIXED, SEVERAL, several(), tmp_path), "n_features_in_")


def test_a_wrong_file_is_refused(tmp_path):
    model = classifier(RNN, SERIES)
    predict = model.predict_proba
    model.predict_proba = lambda X: predict([row[::-1] for row in X])
    with pytest.raises(ExportMismatchError):
        export_onnx(model, tmp_path / "m.onnx", series())
    assert not list(tmp_path.iterdir())


def schema(*inputs, by_name=False):
    return Schema("regression", inputs, ("prediction",), by_name=by_name)


ONE = schema(FileInput("X", "float", (4, 3)))
LISTS = schema(FileInput("X", "float", (-1, 3)), FileInput("X_lengths", "lengths", ()))
TWO = schema(
    FileInput("a", "float", (4, 3)),
    FileInput("b", "float", (-1,)),
    FileInput("b_lengths", "lengths", ()),
    by_name=True,
)


@pytest.mark.parametrize(
    ("taken", "X", "message"),
    [
        (ONE, rows(2, 5, 3), "shape .4, 3."),
        (ONE, rows(2, 12), "shape .4, 3."),
        (ONE, rows(0, 4, 3), "there are rows"),
        (ONE, np.full((2, 4, 3), np.nan), "NaN"),
        (ONE, [["a"] * 3] * 4, "numbers are needed"),
        (LISTS, [rows(2, 3), rows(2, 4)], r"X\[1\]"),
        (LISTS, [rows(2, 3), rows(0, 3)], r"X\[1\]"),
        (LISTS, [], "at least one row"),
        (LISTS, rows(2, 4, 2), "each row is a sequence of shape .steps, 3."),
        (LISTS, {"X": rows(2, 4, 3), "X_lengths": [1, 5]}, "from 1 to 4"),
        (LISTS, {"X": rows(2, 4, 3), "X_lengths": [0, 4]}, "from 1 to 4"),
        (LISTS, {"X": rows(2, 4, 3), "X_lengths": [1.5, 4]}, "whole numbers"),
        (TWO, {"a": rows(2, 4, 3)}, "missing: .'b'."),
        (TWO, {"a": rows(2, 4, 3), "b": [[1]] * 2, "c": 1}, "unknown: .'c'."),
        (TWO, {"a": rows(2, 4, 3), "b": [[1]] * 3}, "different numbers of rows"),
        (TWO, {"a": rows(2, 4, 3), "b": [[1], [[1]]]}, r"X\['b'\]\[1\]"),
    ],
)
def test_bad_tensors_are_refused(taken, X, message):
    with pytest.raises(DataError, match=message):
        Feeder(taken)(X)


def test_an_array_is_not_a_dict():
    with pytest.raises(DataTypeError, match="a dict of a, b"):
        tensors(TWO, rows(2, 4, 3))


def test_tensors_of_other_types():
    given = {"a": np.ones((2, 4, 3), np.int8), "b": [[True, False], [3]]}
    found = tensors(TWO, given)
    assert {name: str(values.dtype) for name, values in found.items()} == {
        "a": "float32",
        "b": "float32",
        "b_lengths": "int64",
    }
    np.testing.assert_array_equal(found["b"], [[1, 0], [3, 0]])
    np.testing.assert_array_equal(found["b_lengths"], [2, 1])


def test_one_column_may_come_as_one_axis():
    taken = schema(FileInput("a", "float", (1,)), by_name=True)
    np.testing.assert_array_equal(tensors(taken, {"a": [1, 2]})["a"], [[1], [2]])


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_a_frame_is_cut(library):
    columns = {"age": [1.0, 2.0], "size": [3, 4], "words": [[1, 2], [3]], "no": ["a", "b"]}
    frame = {
        "pandas": lambda: pytest.importorskip("pandas").DataFrame(columns),
        "polars": lambda: pytest.importorskip("polars").DataFrame(columns),
        "pyarrow": lambda: pytest.importorskip("pyarrow").table(columns),
    }[library]()
    starts = (
        FileInput("table", "float", (2,)),
        FileInput("words", "float", (-1,)),
        FileInput("words_lengths", "lengths", ()),
    )
    cut = {"table": ["age", "size"], "words": "words"}
    taken = Schema("regression", starts, ("prediction",), by_name=True, cut=cut)
    found = tensors(taken, frame)
    np.testing.assert_array_equal(found["table"], [[1, 3], [2, 4]])
    np.testing.assert_array_equal(found["words"], [[1, 2], [3, 0]])
    np.testing.assert_array_equal(found["words_lengths"], [2, 1])
    with pytest.raises(DataError, match="size"):
        tensors(taken, frame[["age", "words"]] if library != "pyarrow" else frame.drop(["size"]))

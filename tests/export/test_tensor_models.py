"""Fitted models of images, sequences and several inputs, on every backend that builds them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import unifml
from unifml import Classifier, Regressor, Training, export_onnx, load_onnx
from unifml.errors import DataTypeError
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
from unifml.models import Model

SHORT = Training(epochs=2)
ROWS = 30
RNG = np.random.default_rng(0)
LENGTHS = RNG.integers(1, 12, ROWS)
LABELS = np.array(["a", "b", "c"])[np.arange(ROWS) % 3]
NUMBERS = RNG.normal(size=ROWS)
IMAGES = RNG.normal(size=(ROWS, 8, 6, 2))
SERIES = [RNG.normal(size=(steps, 3)) for steps in LENGTHS]
WORDS = [RNG.integers(0, 9, steps) for steps in LENGTHS]
TABLE = RNG.normal(size=(ROWS, 3))


class Net(Model):
    uses = frozenset({"epochs"})

    def network(self, task, signature):
        return Network((*self.layers, Dense(task.width, name="output")))


class Images(Net):
    kind = "images"
    layers = (Standardize(), Conv2D(4, 3), BatchNorm(), Activation("relu"), MaxPool(2), Flatten())


class Series(Net):
    kind = "series"
    layers = (Standardize(), LSTM(5, bidirectional=True))


class Words(Net):
    kind = "words"
    layers = (Embedding(9, 6), TransformerBlock(2), GlobalAvgPool())


class Several(Net):
    kind = "several"
    layers = (
        Parallel(
            (
                Sequential((Input("picture"), Conv2D(3, 3), GlobalAvgPool())),
                Sequential((Input("words"), Embedding(9, 4), GRU(5))),
                Sequential((Input("table"), Standardize(), Dense(4))),
            )
        ),
    )


CASES = {
    "images": (Images(), IMAGES),
    "series": (Series(), SERIES),
    "words": (Words(), WORDS),
    "several": (Several(), {"picture": IMAGES, "words": WORDS, "table": TABLE}),
}


@pytest.fixture
def builder(backend):
    if unifml.get_adapter(backend).capabilities.one_activation:
        pytest.skip("it builds multilayer perceptrons only")
    return backend


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def test_a_classifier(builder, case, tmp_path):
    model, X = case
    fitted = Classifier(model, training=SHORT, backend=builder, random_state=0).fit(X, LABELS)
    export = export_onnx(fitted, tmp_path / "m.onnx", X)
    assert export.exporter == "unifml"
    loaded = load_onnx(export.path)
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))
    np.testing.assert_allclose(loaded.predict_proba(X), fitted.predict_proba(X), atol=1e-5)
    assert getattr(loaded, "n_features_in_", 0) == getattr(fitted, "n_features_in_", 0)


def test_a_regressor(builder, case, tmp_path):
    model, X = case
    fitted = Regressor(model, training=SHORT, backend=builder, random_state=0).fit(X, NUMBERS)
    loaded = load_onnx(export_onnx(fitted, tmp_path / "m.onnx", X).path)
    np.testing.assert_allclose(loaded.predict(X), fitted.predict(X), rtol=1e-5, atol=1e-5)


@pytest.mark.torch
def test_a_frame_that_is_cut(tmp_path):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(TABLE, columns=["a", "b", "c"])
    frame["words"], frame["picture"] = WORDS, list(IMAGES)
    cut = {"table": ["c", "a", "b"], "words": "words", "picture": "picture"}
    fitted = Classifier(Several(), training=SHORT, backend="torch", inputs=cut).fit(frame, LABELS)
    loaded = load_onnx(export_onnx(fitted, tmp_path / "m.onnx", frame).path)
    np.testing.assert_allclose(
        loaded.predict_proba(frame[::-1]), fitted.predict_proba(frame[::-1]), atol=1e-6
    )
    by_name = {"table": frame[["c", "a", "b"]], "words": WORDS, "picture": IMAGES}
    np.testing.assert_array_equal(loaded.predict_proba(by_name), loaded.predict_proba(frame))


@pytest.mark.torch
def test_pipelines_and_searches_of_images(tmp_path):
    model = Classifier(Images(), training=SHORT, backend="torch", random_state=0)
    search = GridSearchCV(model, {"training__epochs": [1, 2]}, cv=2)
    for whole in (make_pipeline(model), make_pipeline(FunctionTransformer(), model), search):
        export = export_onnx(whole.fit(IMAGES, LABELS), tmp_path / "m.onnx", IMAGES)
        loaded = load_onnx(export.path)
        np.testing.assert_array_equal(loaded.predict(IMAGES), whole.predict(IMAGES))


@pytest.mark.torch
def test_pipelines_of_sequences(tmp_path):
    model = Classifier(Series(), training=SHORT, backend="torch")
    alone = make_pipeline("passthrough", model).fit(SERIES, LABELS)
    assert export_onnx(alone, tmp_path / "m.onnx", SERIES).max_abs_diff < 1e-5
    behind = make_pipeline(FunctionTransformer(), model).fit(SERIES, LABELS)
    with pytest.raises(DataTypeError, match="alone"):
        export_onnx(behind, tmp_path / "other.onnx", SERIES)


@pytest.mark.torch
def test_tensors_of_a_framework(tmp_path):
    import torch

    model = Classifier(Images(), training=SHORT, backend="torch").fit(IMAGES, LABELS)
    X = torch.tensor(IMAGES, requires_grad=True)
    loaded = load_onnx(export_onnx(model, tmp_path / "m.onnx", X).path)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(IMAGES))

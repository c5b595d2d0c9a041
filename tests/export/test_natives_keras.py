"""Keras models of the user, by the road that the engine has, held against the models.

Off TensorFlow each export starts a second Python, so a few models have to do there.
"""

from __future__ import annotations

import importlib
import logging
import sys
import warnings

import numpy as np
import pytest
from conftest import RUNNING

from export.native_check import OPSET, check, plan_of
from export.natives_keras import OWN, OWN_TEXT, models
from unifml import get_adapter
from unifml.errors import ExportError, MissingDependencyError

pytest.importorskip("onnxruntime")

pytestmark = pytest.mark.keras

HERE, ELSEWHERE = "tf2onnx", "tf2onnx, loaded by Keras on TensorFlow"
AT_HOME = RUNNING == "keras-tensorflow"
at_home = pytest.mark.skipif(not AT_HOME, reason="the same graph: Keras on TensorFlow makes it")
abroad = pytest.mark.skipif(AT_HOME, reason="Keras on TensorFlow converts in its own process")
on_torch = pytest.mark.skipif(RUNNING != "keras-torch", reason="a road of the torch engine")
on_jax = pytest.mark.skipif(RUNNING != "keras-jax", reason="the only road of the JAX engine")
MODELS = ("dense", "conv", "causal", "batch norm", "gelu", "normalised", "attention", "mobile")
MODELS += ("lstm", "simple rnn", "words", "ragged both ways", "one number")


@pytest.fixture(scope="module")
def natives(tmp_path_factory):
    """The models, after Keras was loaded as it must be, and a module of a user was written."""
    get_adapter("keras").devices()
    folder = tmp_path_factory.mktemp("own")
    (folder / f"{OWN}.py").write_text(OWN_TEXT, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield models(importlib.import_module(OWN))
        del sys.modules[OWN]


def made(natives, name):
    """Return a model with weights, and statistics that say something."""
    import keras

    keras.utils.set_random_seed(0)
    model = natives.makes[name]()
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if not hasattr(layer, "adapt"):
            layer.set_weights([rng.uniform(0.2, 0.8, np.shape(w)) for w in layer.get_weights()])
    return model


def predicts(model, plan):
    from unifml.adapters.keras import engine
    from unifml.adapters.keras.natives import input_dtype

    def predict(arrays):
        own, dtype = engine.load(), plan.signature.dtype
        with own.place("cpu", dtype):
            rows = {n: own.tensor(v, input_dtype(model, dtype, n)) for n, v in arrays.items()}
            found = model(rows if len(rows) > 1 else rows["X"], training=False)
            return own.to_numpy(found).reshape(len(found), -1)

    return predict


def exported(model, plan, opset=OPSET):
    return get_adapter("keras").to_onnx(model, plan, opset)


def agrees(natives, name, opset=OPSET, **inputs):
    model = made(natives, name)
    plan = plan_of(model, natives.shapes.get(name, (4,)), **inputs)
    proto = exported(model, plan, opset)
    assert {entry.domain: entry.version for entry in proto.opset_import}[""] == opset
    return check(proto, plan, predicts(model, plan), ids=11 if name == "words" else 0)


@at_home
@pytest.mark.parametrize("name", MODELS)
def test_models_say_the_same(name, natives):
    assert agrees(natives, name) == HERE


def test_a_model_with_own_parts_says_the_same_on_every_engine(natives):
    assert agrees(natives, "ragged lstm") == (HERE if AT_HOME else ELSEWHERE)


@at_home
def test_inputs_go_in_by_name(natives):
    assert agrees(natives, "two", left=(4,), right=(3, 2)) == HERE


@at_home
@pytest.mark.parametrize("name", ["gelu", "mobile", "ragged lstm"])
@pytest.mark.parametrize("opset", [19, 21])
def test_other_opsets(name, opset, natives):
    agrees(natives, name, opset)


def wide(layer):
    """Return a model of float64."""
    import keras

    parts = [keras.layers.Flatten(dtype="float64"), keras.layers.Dense(2, dtype="float64")]
    return keras.Sequential([keras.Input((5, 3), dtype="float64"), layer, *parts])


@at_home
def test_float64_stays_where_onnxruntime_has_it(natives):
    from keras import layers

    model = wide(layers.Dense(3, "tanh", dtype="float64"))
    plan = plan_of(model, (5, 3), dtype="float64")
    proto = exported(model, plan)
    assert check(proto, plan, predicts(model, plan)) == HERE
    assert proto.graph.input[0].type.tensor_type.elem_type == 11


@at_home
@pytest.mark.parametrize("kind", ["Conv1D", "LSTM", "gelu"])
def test_float64_becomes_float32_elsewhere_and_the_road_says_so(kind, natives):
    from keras import layers

    makes = {
        "Conv1D": lambda: layers.Conv1D(2, 3, dtype="float64"),
        "LSTM": lambda: layers.LSTM(2, dtype="float64"),
        "gelu": lambda: layers.Dense(3, "gelu", dtype="float64"),
    }
    model = wide(makes[kind]())
    plan = plan_of(model, (5, 3), dtype="float64")
    road = check(exported(model, plan), plan, predicts(model, plan))
    assert road.startswith("tf2onnx, in float32, not float64; not tf2onnx: [ONNXRuntimeError]")


@at_home
def test_exports_are_quiet(natives, capfd):
    root = logging.getLogger()
    before = root.level, root.handlers[:]
    for name in ("normalised", "lstm"):
        model = made(natives, name)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            exported(model, plan_of(model, natives.shapes.get(name, (4,))))
    assert capfd.readouterr() == ("", "")
    assert (root.level, root.handlers) == before


def local():
    """Return a model with a class that no other Python finds."""
    import keras

    class Hidden(keras.layers.Layer):
        def call(self, X):
            return 3.0 * X

    return keras.Sequential([keras.Input((4,)), Hidden(), keras.layers.Dense(2)])


def lambdas():
    import keras

    own = keras.layers.Lambda(lambda X: 3.0 * X)
    return keras.Sequential([keras.Input((4,)), own, keras.layers.Dense(2)])


NAMES = {"Hidden": local, "a lambda": lambdas}


@at_home
@pytest.mark.parametrize("name", NAMES)
def test_parts_may_be_anywhere_where_the_model_is_converted(name, natives):
    model = NAMES[name]()
    plan = plan_of(model)
    assert check(exported(model, plan), plan, predicts(model, plan)) == HERE


@on_jax
@pytest.mark.parametrize("name", NAMES)
def test_parts_that_no_other_python_finds_are_refused(name, natives):
    rule = f"{name} cannot be imported.*define it in a module.*register_keras_serializable"
    with pytest.raises(ExportError, match=rule):
        exported(NAMES[name](), plan_of(None))


@on_torch
@pytest.mark.parametrize("name", NAMES)
def test_parts_that_no_other_python_finds_take_the_exporter_of_torch(name, natives):
    model = NAMES[name]()
    plan = plan_of(model)
    road = check(exported(model, plan), plan, predicts(model, plan))
    assert road.startswith(f"torch.onnx torchscript; not {ELSEWHERE}: {name} cannot be imported")


@on_jax
def test_without_tensorflow_there_is_no_road_from_jax(natives, monkeypatch):
    from unifml.adapters.keras import onnx_elsewhere

    monkeypatch.setattr(onnx_elsewhere, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"not installed: tensorflow.*unifml\[keras\]"):
        exported(made(natives, "dense"), plan_of(None))


@on_torch
def test_without_tensorflow_torch_exports_and_a_wrong_road_is_not_taken(natives, monkeypatch):
    from unifml.adapters.keras import onnx_elsewhere

    monkeypatch.setattr(onnx_elsewhere, "find_spec", lambda name: None)
    assert agrees(natives, "dense") == "torch.onnx torchscript"
    assert agrees(natives, "gelu").startswith("torch.onnx dynamo; not torch.onnx torchscript: ")
    with pytest.raises(ExportError, match="install tensorflow"):
        agrees(natives, "ragged lstm")


@abroad
def test_a_second_python_that_takes_too_long_is_stopped(natives, monkeypatch):
    from unifml.adapters.keras import onnx_elsewhere

    monkeypatch.setattr(onnx_elsewhere, "TIMEOUT", 0.05)
    with pytest.raises(ExportError, match=r"not done after 0\.05 seconds"):
        onnx_elsewhere.convert(made(natives, "dense"), (), False, OPSET)


@abroad
def test_the_last_words_of_a_second_python_are_told(natives, monkeypatch):
    from unifml.adapters.keras import onnx_elsewhere

    monkeypatch.setattr(onnx_elsewhere, "WORKER", "unifml.no_such_worker")
    monkeypatch.setattr(sys, "path", [*sys.path, ""])
    with pytest.raises(ExportError, match=r"No module named unifml\.no_such_worker"):
        onnx_elsewhere.convert(made(natives, "dense"), (), False, OPSET)

"""What Keras is set to run on, and what the engines share."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from unifml.adapters.keras import batches, engine
from unifml.adapters.keras.switches import Switch
from unifml.core.registry import get_adapter, require
from unifml.errors import CapabilityError, DeviceError, MissingDependencyError

pytestmark = pytest.mark.keras


@pytest.fixture
def unloaded(monkeypatch, tmp_path):
    """A process that has not loaded Keras yet, and a home of Keras without a file."""
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return tmp_path


def test_keras_alone_says_what_it_runs_on(unloaded, monkeypatch):
    assert engine.packages() == ("keras", "tensorflow")
    (unloaded / "keras.json").write_text(json.dumps({"backend": "torch"}))
    assert engine.packages() == ("keras", "torch")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert engine.packages() == ("keras", "jax")
    monkeypatch.setenv("KERAS_BACKEND", "openvino")
    assert engine.packages() == ("keras",)


@pytest.mark.parametrize("text", ["", "[]", "{}"])
def test_a_file_that_says_nothing_is_passed_over(unloaded, text):
    (unloaded / "keras.json").write_text(text)
    assert engine.packages() == ("keras", "tensorflow")


def test_only_what_keras_runs_on_is_needed(unloaded, monkeypatch):
    from unifml.core import registry

    monkeypatch.setenv("KERAS_BACKEND", "jax")
    here = {"keras", "jax"}
    monkeypatch.setattr(registry, "find_spec", lambda name: name if name in here else None)
    assert require(get_adapter("keras")).capabilities.packages == ("keras", "jax")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    with pytest.raises(
        MissingDependencyError, match=r"not installed: torch.*unifml\[keras-torch\]"
    ):
        require(get_adapter("keras"))


def test_a_factory_needs_no_backend_that_is_absent(monkeypatch):
    from unifml.core import registry
    from unifml.estimators.resolve import resolve_adapter
    from unifml.models import Native

    monkeypatch.setattr(registry, "find_spec", lambda name: None if name == "torch" else name)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    assert resolve_adapter(Native(lambda: None), None).name != "torch"


def test_another_backend_of_keras_is_refused(monkeypatch):
    import keras

    monkeypatch.setattr(keras.backend, "backend", lambda: "numpy")
    with pytest.raises(CapabilityError, match="KERAS_BACKEND=tensorflow"):
        engine.load.__wrapped__()


def test_a_device_that_is_not_there_is_refused():
    assert engine.check_device("cuda", ("cuda:0", "cuda:1", "cpu")) == ("cuda", 0)
    assert engine.check_device("cuda:1", ("cuda:0", "cuda:1", "cpu")) == ("cuda", 1)
    with pytest.raises(DeviceError, match="devices here: cpu"):
        engine.check_device("cuda", ("cpu",))


def test_float64_is_whole_inside_and_keras_is_as_it_was_after():
    import keras

    before = keras.backend.result_type("float64", "float64")
    with engine.whole_doubles(), engine.whole_doubles():
        assert keras.backend.result_type("float64", "float64") == "float64"
    assert keras.backend.result_type("float64", "float64") == before


def test_products_of_float64_are_exact_inside():
    import keras

    given = engine.load()
    left, right = np.random.default_rng(0).normal(size=(2, 40, 40))
    with given.place("cpu"):
        found = given.to_numpy(keras.ops.matmul(given.tensor(left), given.tensor(right)))
    np.testing.assert_allclose(found, left @ right, rtol=1e-12, atol=1e-12)


def test_batches_of_one_size_are_runs():
    assert batches.runs(np.array([0, 4, 8, 12, 13])) == [(0, 0, 3, 4), (12, 3, 1, 1)]
    assert batches.runs(np.array([0, 5])) == [(0, 0, 1, 5)]
    assert batches.runs(np.array([0, 4, 9])) == [(0, 0, 1, 4), (4, 1, 1, 5)]


def test_rows_are_filled_up_to_sizes_that_are_shared():
    found = [batches.up_to(n) for n in (0, 1, 2, 3, 1000, 1024, 1025, 3000)]
    assert found == [1, 1, 2, 4, 1024, 1024, 2048, 3072]
    filled = batches.filled({"X": np.ones((3, 2), "float32")}, 4)["X"]
    assert filled.dtype == np.float32
    np.testing.assert_array_equal(filled, [[1, 1], [1, 1], [1, 1], [0, 0]])


def test_a_switch_is_as_it_was_when_the_last_one_lets_go():
    held = {"on": "before"}
    switch = Switch(lambda: held["on"], lambda value: held.update(on=value))
    with switch.at("first"):
        with switch.at("second"):
            assert held["on"] == "first"
        assert held["on"] == "first"
    assert held["on"] == "before"
    with pytest.raises(ZeroDivisionError), switch.at("other"):
        held["on"] = 1 / 0
    assert held["on"] == "before"

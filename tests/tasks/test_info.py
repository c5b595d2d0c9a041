"""Lists, versions, translations."""

from __future__ import annotations

import numpy as np
import pytest
from estimators.factories import FACTORIES
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import unifml
from unifml import Classifier, Training
from unifml.core import registry
from unifml.errors import CapabilityError
from unifml.models import MLP
from unifml.tasks.installed import Need, extras


def test_the_lists_are_those_of_the_registry_and_show_themselves():
    backends, models = unifml.list_backends(), unifml.list_models()
    assert tuple(backends) == registry.names()
    assert tuple(models) == registry.models()
    assert "mlp" in models
    assert repr(models).count("\n") == len(models)
    assert "<table>" in backends._repr_html_()
    assert len(backends.to_frame()) == len(backends)


def test_a_missing_framework_is_named_with_its_pip_line(monkeypatch):
    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    assert 'pip install "unifml[' in repr(unifml.list_backends())


def test_versions_are_printed(capsys):
    unifml.show_versions()
    shown = capsys.readouterr().out
    for word in ("unifml", "python", "numpy", "scikit-learn"):
        assert word in shown


def test_extras_come_from_the_metadata():
    found = extras()
    assert {need.package for need in found[""]} == {"numpy", "scikit-learn"}
    assert {need.package for need in found["tune"]} == {"optuna"}
    assert not {"test", "dev", "docs", "lint"} & set(found)


@pytest.mark.parametrize(
    ("least", "found", "state"),
    [("2.5", "2.13.0+cpu", "ok"), ("2.5", "2.4.9", "too old"), ("2.5", "", "missing")],
)
def test_versions_are_compared_as_numbers(least, found, state):
    assert Need("torch", least, found).state == state


def test_translate_shows_the_native_words(backend):
    clf = Classifier(MLP(hidden=(7,)), backend=backend, training=Training(epochs=3))
    text = unifml.translate(clf)
    compile(text, "translated", "exec")
    assert "7" in text
    assert not clf.__sklearn_is_fitted__()
    assert unifml.translate(MLP(hidden=(7,)), task="classification", backend=backend)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
def test_translate_is_source_code_for_every_optimizer(backend, optimizer):
    training = Training(epochs=3, optimizer=optimizer)
    clf = Classifier("mlp", backend=backend, training=training)
    compile(unifml.translate(clf), "translated", "exec")


def test_translate_is_source_code_for_factories(backend):
    build = FACTORIES[backend]
    compile(unifml.translate(Classifier(build, backend=backend)), "translated", "exec")


@pytest.mark.keras
def test_translate_leaves_a_compiled_model_its_optimizer():
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "binary_crossentropy")
    text = unifml.translate(Classifier(model))
    assert "compiled with" in text
    assert "Adam" not in text


@pytest.mark.torch
def test_translate_names_the_loss_of_several_labels():
    on = np.tile([[0, 1, 1], [1, 0, 1]], (5, 1))
    text = unifml.translate(Classifier("mlp", backend="torch"), np.zeros((10, 2)), on)
    assert "binary_cross_entropy_with_logits(" in text


@pytest.mark.sklearn
def test_translate_takes_pipelines_apart():
    text = unifml.translate(make_pipeline(StandardScaler(), Classifier("linear")))
    assert "# standardscaler" in text
    assert "LogisticRegression(" in text


@pytest.mark.sklearn
def test_translate_refuses_what_fit_refuses():
    with pytest.raises(CapabilityError, match="dropout"):
        unifml.translate(Classifier(MLP(dropout=0.5), backend="sklearn"))

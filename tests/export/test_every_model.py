"""Every model of the registry, on every backend that has it, for every task, as one file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from unifml import Classifier, Regressor, Training, Transformer, export_onnx, load_onnx
from unifml.core import registry
from unifml.errors import CapabilityError
from unifml.models import CNN, Tabular, TransformerEncoder

ROWS = 40
RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=ROWS)
TARGETS = {
    "two classes": np.array(["no", "yes"])[np.arange(ROWS) % 2],
    "classes": np.array([3, 5, 9])[np.arange(ROWS) % 3],
    "labels": np.stack([np.arange(ROWS) % 2, np.arange(ROWS) % 3 > 0], axis=1).astype(int),
    "numbers": NUMBERS,
    "several numbers": np.stack([NUMBERS, 100 + NUMBERS**2], axis=1),
    "codes": None,
}
LENGTHS = np.r_[3, 9, RNG.integers(2, 12, ROWS - 2)]
TABLE = RNG.normal(50, [1, 20, 0.1, 5], size=(ROWS, 4))
SEQUENCES = [RNG.normal(size=(steps, 2)) for steps in LENGTHS]
IMAGES = RNG.normal(size=(ROWS, 8, 8, 1))
SMALL = {
    "cnn": CNN(filters=(4,)),
    "tabular": Tabular(hidden=(8, 8), members=2),
    "transformer": TransformerEncoder(max_length=64),
}
STEPS = {"rnn", "transformer"}
"""Models of sequences, whose number of steps is free."""


def rows(name):
    return IMAGES if name == "cnn" else SEQUENCES if name in STEPS else TABLE


def cases():
    for name in registry.models():
        tasks = registry.get_model(name).tasks
        for target, y in TARGETS.items():
            task = "transformation" if y is None else "regression"
            task = "classification" if y is not None and y.dtype.kind in "iU" else task
            if task in tasks:
                yield pytest.param(name, target, id=f"{name}, {target}")


def estimator(name, target, backend):
    y = TARGETS[target]
    model = SMALL.get(name, name)
    training = None if name in ("linear", "random_forest") else Training(epochs=2)
    settings = {"training": training, "backend": backend, "random_state": 0}
    if y is None:
        return Transformer(model, **settings)
    return (Regressor if y.dtype.kind == "f" else Classifier)(model, **settings)


@pytest.fixture
def fitted(request, backend):
    name, target = request.param
    try:
        return name, estimator(name, target, backend).fit(rows(name), TARGETS[target])
    except CapabilityError as error:
        pytest.skip(f"not on this backend: {error}")


def says(model, X):
    if hasattr(model, "transform") and not hasattr(model, "predict"):
        return {"transformed": model.transform(X)}
    said = {"predicted": np.asarray(model.predict(X))}
    if hasattr(model, "predict_proba"):
        said["probabilities"] = model.predict_proba(X)
    return said


@pytest.mark.parametrize(("name", "target"), [*cases()])
def test_a_file_says_what_the_model_says(name, target, backend, tmp_path):
    """In batches of 1, 2 and 7, of sequences of one length and of others, of new rows."""
    try:
        model = estimator(name, target, backend).fit(rows(name), TARGETS[target])
    except CapabilityError as error:
        pytest.skip(f"not on this backend: {error}")
    X = rows(name)
    loaded = load_onnx(export_onnx(model, tmp_path / "m.onnx", X).path)
    batches = [X[:1], X[:2], X[2:9]]
    if name in STEPS:
        rng = np.random.default_rng(1)
        batches += [[rng.normal(size=(steps, 2))] * 2 for steps in (1, 5, 30)]
    for batch in batches:
        wanted, found = says(model, batch), says(loaded, batch)
        for key, values in wanted.items():
            assert found[key].shape == np.shape(values)
            if values.dtype.kind == "f":
                np.testing.assert_allclose(found[key], values, rtol=2e-5, atol=1e-5)
            else:
                np.testing.assert_array_equal(found[key], values)


@pytest.mark.cross
@pytest.mark.parametrize(
    ("name", "target"),
    [case for case in cases() if case.values[0] == "mlp" or case.values[1] in ("classes", "codes")],
)
def test_the_same_weights_give_the_same_graph(name, target, tmp_path):
    """Byte for byte, names included, whoever trained them."""
    import onnx

    graphs = {}
    source = None
    for backend in sorted(registry.names(), key=lambda backend: backend == "sklearn"):
        try:
            model = estimator(name, target, backend).fit(rows(name), TARGETS[target])
        except CapabilityError:
            continue
        if model._fitted.weights is None:
            continue
        source = source or model
        weights, target_scaling = source._fitted.weights, source._fitted.target
        model._fitted = replace(
            model._fitted, weights=weights, target=target_scaling, bounds=source._fitted.bounds
        )
        proto = onnx.load(export_onnx(model, tmp_path / f"{backend}.onnx", rows(name)).path)
        graphs[backend] = proto.graph.SerializeToString(deterministic=True)
    assert len(graphs) >= (0 if name == "random_forest" else 2)
    assert len(set(graphs.values())) <= 1

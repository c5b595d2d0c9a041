"""Rows of any shape at the gate: images, sequences of unequal length, inputs by name, tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.model_selection import GridSearchCV

import unifml
from unifml import Classifier, Regressor, Training
from unifml.core.inputs import NamedRows
from unifml.data import check_inputs, feeds_of
from unifml.errors import CapabilityError, DataError, DataTypeError, ParameterError
from unifml.layers import (
    GRU,
    Conv2D,
    Dense,
    Embedding,
    Flatten,
    GlobalAvgPool,
    Input,
    Network,
    Parallel,
    Sequential,
    Standardize,
)
from unifml.models import MLP, Model

NETWORKS = pytest.mark.never(
    ["sklearn"], raises=CapabilityError, reason="its MLP takes tables only"
)
RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(40, 6, 6, 1))
TABLE = RNG.normal(size=(40, 3))
SEQUENCES = [RNG.normal(size=(length, 2)) for length in RNG.integers(2, 7, 40)]
CODES = np.arange(40) % 2
BRIEF = Training(epochs=2, batch_size=16)


@dataclass(frozen=True, repr=False)
class Stack(Model):
    """Any layers, and a dense one behind them."""

    kind: ClassVar[str] = "stack"
    uses: ClassVar[frozenset[str]] = MLP.uses
    layers: tuple = ()

    def network(self, task, signature):
        return Network((*self.layers, Dense(task.width, name="output")))


IMAGE = Stack((Standardize(), Conv2D(4, 3), GlobalAvgPool()))
SERIES = Stack((Standardize(), GRU(5)))
BOTH = Stack(
    (
        Parallel(
            (
                Sequential((Input("image"), Conv2D(2, 3), Flatten())),
                Sequential((Input("table"), Standardize(), Dense(3))),
            )
        ),
    )
)


def fitted(backend, model, X, estimator=Classifier, **params):
    return estimator(model, backend=backend, training=BRIEF, random_state=0, **params).fit(X, CODES)


# Images ------------------------------------------------------------------------------------------


@NETWORKS
def test_images_are_standardised_by_channel(backend):
    shifted = IMAGES * 100 + 1000
    one, other = (fitted(backend, IMAGE, X).predict_proba(X) for X in (IMAGES, shifted))
    np.testing.assert_allclose(one, other, atol=1e-4)


@NETWORKS
def test_images_of_another_size_are_refused(backend):
    clf = fitted(backend, IMAGE, IMAGES)
    with pytest.raises(DataError, match=r"rows of X: shape \(5, 6, 1\).*\(6, 6, 1\)"):
        clf.predict(IMAGES[:, :5])


def test_a_model_of_tables_refuses_images(backend):
    with pytest.raises(ValueError, match="dim 4"):
        Classifier("mlp", backend=backend).fit(IMAGES, CODES)


def test_rows_that_a_layer_cannot_take_name_it(backend):
    with pytest.raises(ParameterError, match=r"conv2d_0.*\(3,\).*height, width, features"):
        fitted(backend, Stack((Conv2D(4, 3),)), TABLE)


def test_nan_in_an_image_is_refused(backend):
    holed = IMAGES.copy()
    holed[3, 2, 2, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        fitted(backend, IMAGE, holed)


# Sequences ---------------------------------------------------------------------------------------


@NETWORKS
def test_padding_never_counts(backend):
    clf = fitted(backend, SERIES, SEQUENCES)
    together = clf.predict_proba(SEQUENCES)
    alone = np.concatenate([clf.predict_proba([sequence]) for sequence in SEQUENCES])
    np.testing.assert_allclose(alone, together, atol=1e-6)


@NETWORKS
def test_sequences_of_one_length_are_what_an_array_is(backend):
    clf = fitted(backend, SERIES, SEQUENCES)
    cube = RNG.normal(size=(4, 5, 2))
    np.testing.assert_array_equal(clf.predict_proba(cube), clf.predict_proba(list(cube)))


@NETWORKS
def test_their_statistics_are_those_of_the_steps_that_are_there(backend):
    weights = fitted(backend, SERIES, SEQUENCES)._fitted.weights
    steps = np.concatenate(SEQUENCES)
    np.testing.assert_allclose(weights["standardize_0.mean"], steps.mean(0), rtol=1e-12)
    np.testing.assert_allclose(weights["standardize_0.scale"], steps.std(0), rtol=1e-12)


@NETWORKS
def test_a_regressor_takes_them_too(backend):
    reg = fitted(backend, SERIES, SEQUENCES, Regressor)
    assert reg.predict(SEQUENCES[:3]).shape == (3,)


@NETWORKS
def test_ids_of_unequal_length(backend):
    ids = [RNG.integers(0, 9, length) for length in RNG.integers(1, 6, 40)]
    clf = fitted(backend, Stack((Embedding(9, 4), GlobalAvgPool())), ids)
    assert clf.predict_proba(ids).shape == (40, 2)
    with pytest.raises(DataError, match=r"ids of X.*9.*0 <= id < 9"):
        clf.predict([[1, 9]])
    with pytest.raises(DataError, match=r"0\.5"):
        clf.predict([[1, 0.5]])


@pytest.mark.parametrize(
    ("X", "words"),
    [
        ([np.ones((2, 2)), np.ones((0, 2))], "an empty one"),
        ([np.ones((2, 2)), np.ones((3, 1))], "steps of shapes"),
        ([np.ones((2, 2)), np.full((3, 2), np.inf)], "infinity"),
    ],
)
def test_strange_sequences_are_refused(X, words):
    with pytest.raises(ValueError, match=words):
        check_inputs(Classifier(), X, reset=True, axes=None)


# By name -----------------------------------------------------------------------------------------


@NETWORKS
def test_inputs_by_name(backend):
    X = {"image": IMAGES, "table": TABLE}
    clf = fitted(backend, BOTH, X)
    turned = {"table": TABLE, "image": IMAGES}
    np.testing.assert_array_equal(clf.predict_proba(X), clf.predict_proba(turned))
    with pytest.raises(DataError, match=r"\['image'\].*fit had \['image', 'table'\]"):
        clf.predict({"image": IMAGES})


@NETWORKS
@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame])
def test_a_frame_is_cut(backend, library):
    X = {"image": IMAGES, "table": TABLE}
    columns = {f"t{i}": TABLE[:, i] for i in range(3)}
    frame = pd.DataFrame({**columns, "pixels": list(IMAGES)})
    if library is pl.DataFrame:
        frame = pl.DataFrame({**columns, "pixels": IMAGES.tolist()})
    cut = {"image": "pixels", "table": ["t0", "t1", "t2"]}
    one = fitted(backend, BOTH, frame, inputs=cut).predict_proba(frame)
    np.testing.assert_array_equal(one, fitted(backend, BOTH, X).predict_proba(X))


def test_a_cut_of_columns_that_are_not_there():
    frame = pd.DataFrame({"a": [1.0, 2.0]})
    with pytest.raises(ParameterError, match=r"no columns \['b'\].*columns are \['a'\]"):
        check_inputs(Classifier(), frame, axes=None, cut={"x": ["b"]}, reset=True)


@pytest.mark.parametrize("name", ["not a name", "x_lengths", ""])
def test_names_that_no_network_has(name):
    with pytest.raises(DataError, match="names"):
        check_inputs(Classifier(), {name: TABLE}, axes=None, reset=True)


def test_arrays_by_name_are_equally_long():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        check_inputs(Classifier(), {"a": TABLE, "b": TABLE[1:]}, axes=None, reset=True)


def test_a_model_of_tables_refuses_a_dict(backend):
    with pytest.raises(DataTypeError, match="dict"):
        Classifier("mlp", backend=backend).fit({"a": TABLE}, CODES)


@NETWORKS
def test_verbs_and_searches_take_inputs_by_name(backend):
    X = {"image": IMAGES, "table": TABLE}
    clf = Classifier(BOTH, backend=backend, training=BRIEF, random_state=0)
    assert 0 <= unifml.evaluate(clf, X, CODES, cv=2).scores["accuracy"] <= 1
    search = GridSearchCV(clf, {"training__epochs": [1, 2]}, cv=2).fit(NamedRows(X), CODES)
    assert search.predict(NamedRows(X)).shape == (40,)


@NETWORKS
def test_validation_rows_have_the_shape_of_the_others(backend):
    clf = Classifier(IMAGE, backend=backend, training=BRIEF, random_state=0)
    clf.fit(IMAGES, CODES, X_val=IMAGES[:6], y_val=CODES[:6])
    assert len(clf.history_["val_loss"]) == 2
    with pytest.raises(DataError, match="fit had rows of shape"):
        clf.fit(IMAGES, CODES, X_val=IMAGES[:6, :4], y_val=CODES[:6])


@NETWORKS
def test_steps_of_images_go_on(backend):
    clf = Classifier(IMAGE, backend=backend, training=BRIEF, random_state=0)
    for _ in range(2):
        clf.partial_fit(IMAGES, CODES)
    with pytest.raises(DataError, match="fit had rows of shape"):
        clf.partial_fit(IMAGES[:, :4], CODES)


def test_feeds_tell_lengths_from_arrays():
    values = check_inputs(Classifier(), {"a": TABLE, "s": SEQUENCES}, axes=None, reset=True)
    assert [(feed.name, feed.shape) for feed in feeds_of(values)] == [("a", (3,)), ("s", (-1, 2))]
    np.testing.assert_array_equal(values["s_lengths"], [len(s) for s in SEQUENCES])


# Tensors -----------------------------------------------------------------------------------------


@pytest.mark.torch
def test_torch_tensors_are_arrays():
    import torch

    plain = Classifier("mlp", backend="torch", random_state=0).fit(TABLE, CODES)
    tensor = torch.tensor(TABLE, requires_grad=True)
    clf = Classifier("mlp", backend="torch", random_state=0).fit(tensor, torch.tensor(CODES))
    np.testing.assert_array_equal(clf.predict_proba(tensor), plain.predict_proba(TABLE))
    half = torch.tensor(TABLE, dtype=torch.bfloat16)
    assert clf.predict(half).shape == (40,)


@pytest.mark.keras
def test_tensorflow_and_jax_tensors_are_arrays():
    import jax.numpy as jnp

    from unifml.core.registry import get_adapter

    get_adapter("keras").devices()  # torch before TensorFlow
    import tensorflow as tf

    rows = TABLE.astype("float32")
    clf = Classifier("mlp", backend="keras", random_state=0).fit(tf.constant(rows), CODES)
    expected = clf.predict_proba(rows)
    for tensor in (tf.constant(rows), jnp.asarray(rows)):
        np.testing.assert_array_equal(clf.predict_proba(tensor), expected)

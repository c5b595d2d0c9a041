"""Rows whose shape is right and whose meaning is not; and rows that mean the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV, cross_val_score

from unifml import Classifier, Regressor, Training
from unifml.errors import CapabilityError, DataError, DataTypeError, ParameterError
from unifml.layers import Activation, Dense, Input, Network, Parallel, Sequential
from unifml.models import CNN, MLP, RNN, Model, TransformerEncoder

NETWORKS = pytest.mark.never(
    ["sklearn"], raises=CapabilityError, reason="its MLP takes tables only"
)
RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(40, 5))
CODES = np.arange(40) % 2
TOKENS = RNG.integers(1, 9, size=(40, 6))
BRIEF = Training(epochs=1)
READER = RNN(units=4, vocabulary=10, mask_id=0)


def made(model, backend, face=Classifier):
    return face(model, backend=backend, training=BRIEF, random_state=0)


@dataclass(frozen=True, repr=False)
class Own(Model):
    """Any layers, without a head."""

    kind: ClassVar[str] = "own"
    uses: ClassVar[frozenset[str]] = MLP.uses
    layers: tuple = ()

    def network(self, task, signature):
        return Network(self.layers)


# Padding -----------------------------------------------------------------------------------------


@NETWORKS
@pytest.mark.parametrize("place", [[0], [2], [0, 1, 2, 3, 4, 5]])
def test_padding_stands_at_the_end_behind_a_step(backend, place):
    padded = TOKENS.copy()
    padded[:, 5] = 0
    clf = made(READER, backend).fit(padded, CODES)
    wrong = padded[:3].copy()
    wrong[1, place] = 0
    with pytest.raises(DataError, match=r"padding before the end of rows \[1\].*behind the other"):
        clf.predict(wrong)
    with pytest.raises(DataError, match="padding before the end"):
        made(READER, backend).fit(wrong, CODES[:3])


@NETWORKS
def test_sequences_longer_than_there_are_positions(backend):
    model = TransformerEncoder(dim=8, depth=1, heads=2, max_length=4)
    ragged = [RNG.normal(size=(length, 2)) for length in (2, 3, 4, 4)]
    clf = made(model, backend).fit(ragged, CODES[:4])
    with pytest.raises(DataError, match=r"one of 5 steps.*places for 4.*max_length=5"):
        clf.predict([RNG.normal(size=(5, 2))])


@NETWORKS
def test_a_list_of_sequences_is_one_of_unequal_length_whatever_they_are(backend):
    equal = [RNG.normal(size=(5, 2)) for _ in range(12)]
    longer = [*equal[:-1], RNG.normal(size=(7, 2))]
    reader = made(RNN(units=3), backend)
    cross_val_score(reader, longer, CODES[:12], cv=2, error_score="raise")
    clf = made(RNN(units=3), backend)
    for row in longer:
        clf.partial_fit([row, row], CODES[:2])


# Codes -------------------------------------------------------------------------------------------


@NETWORKS
def test_fractions_are_no_codes(backend):
    frame = pd.DataFrame(TABLE[:, :2], columns=["a", "c"])
    frame["c"] = np.arange(40) % 4
    clf = made(MLP((4,), categorical=("c",)), backend).fit(frame, CODES)
    clf.partial_fit(frame, CODES)  # the names of the columns are known to later steps
    with pytest.raises(DataError, match=r"column 1 of X.*1\.5.*whole numbers"):
        clf.predict(frame.assign(c=1.5))
    unseen = clf.predict_proba(frame.assign(c=99))
    np.testing.assert_array_equal(unseen, clf.predict_proba(frame.assign(c=-1)))


@NETWORKS
def test_columns_of_frames_among_the_inputs_keep_their_order(backend):
    branches = Parallel(
        tuple(Sequential((Input(name), Dense(2))) for name in ("left", "right")), name="both"
    )
    model = Own((branches, Dense(1, name="output")))
    frame = pd.DataFrame(TABLE, columns=list("abcde"))
    clf = made(model, backend).fit({"left": frame, "right": TABLE}, CODES)
    turned = frame[list("edcba")]
    with pytest.raises(DataError, match=r"columns of the input 'left'.*fit had \['a', 'b'"):
        clf.predict({"left": turned, "right": TABLE})


@NETWORKS
def test_equal_weights_are_no_weights(backend):
    model = MLP((4,), numeric="piecewise")
    plain = made(model, backend).fit(TABLE, CODES).predict_proba(TABLE)
    weighed = made(model, backend).fit(TABLE, CODES, sample_weight=np.ones(40))
    np.testing.assert_allclose(weighed.predict_proba(TABLE), plain, atol=1e-6)
    absent = np.repeat([1.0, 0.0], [30, 10])
    some = made(model, backend).fit(TABLE, CODES, sample_weight=absent).predict_proba(TABLE)
    fewer = made(model, backend).fit(TABLE[:30], CODES[:30]).predict_proba(TABLE)
    np.testing.assert_allclose(some, fewer, atol=1e-6)


# Networks of one's own ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "face", "words"),
    [
        ((Dense(5),), Classifier, r"\(5,\).*1 output"),
        ((Dense(2),), Regressor, r"\(2,\).*1 output"),
        ((Activation("relu"), Activation("relu")), Classifier, r"\(5,\)"),
    ],
)
def test_a_network_gives_what_is_learned(layers, face, words):
    with pytest.raises(ParameterError, match=words):
        made(Own(layers), "torch", face).fit(TABLE, CODES)


def test_a_network_without_weights_learns_nothing():
    with pytest.raises(ParameterError, match="no weights to train"):
        made(Own((Activation("relu"),)), "torch").fit(TABLE[:, :1], CODES)


def test_what_network_returns_is_a_network():
    class Loose(Own):
        def network(self, task, signature):
            return (Dense(1),)

    with pytest.raises(DataTypeError, match=r"returned a tuple.*Network"):
        made(Loose(), "torch").fit(TABLE, CODES)


# NumPy's numbers ---------------------------------------------------------------------------------


@NETWORKS
def test_numpy_numbers_are_numbers(backend):
    grid = {"model__filters": [(2,), (3,)], "model__kernel_size": np.arange(2, 4)}
    images = RNG.normal(size=(20, 6, 6, 1))
    search = GridSearchCV(made(CNN(), backend), grid, cv=2, error_score="raise")
    search.fit(images, CODES[:20])
    units = RNN(units=np.int64(3), vocabulary=np.int64(10), mask_id=np.int64(0))
    assert type(units.units) is int
    made(units, backend).fit(TOKENS, CODES)


def test_the_batch_of_a_batch_norm_has_rows():
    training = Training(epochs=1, batch_size=1)
    clf = Classifier(MLP((4,), norm="batch"), training=training)
    with pytest.raises(ParameterError, match=r"batch_size=1.*BatchNorm.*batch_size >= 2"):
        clf.fit(TABLE, CODES)

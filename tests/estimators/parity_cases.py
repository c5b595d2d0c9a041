"""Every network of unifml on real rows: what two backends are compared on, once for all.

Tests hold the promises to these cases, ``benchmarks/parity.py`` prints the figures, and the
documentation shows those of the last test run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine

from unifml import Classifier, Regressor, Transformer
from unifml.layers import (
    Activation,
    Conv2D,
    Dense,
    Flatten,
    Input,
    Network,
    Parallel,
    Sequential,
    Standardize,
)
from unifml.models import CNN, MLP, RNN, Autoencoder, Linear, Model, Tabular, TransformerEncoder

ROWS = 300  # of digits: enough for a few batches
RECURRENT, OTHERS = 1e-4, 1e-5  # promised differences of predictions after training


@dataclass(frozen=True, repr=False)
class TwoInputs(Model):
    """A model of a user: an image, and the sums of its rows, as inputs by name."""

    kind = "own model"
    scales_target = True
    uses = MLP.uses

    def network(self, task, signature):
        image = (Input("image"), Standardize(), Conv2D(4, 3, strides=2), Flatten())
        sums = (Input("sums"), Standardize(), Dense(8), Activation("tanh"))
        both = Parallel((Sequential(image, name="seen"), Sequential(sums, name="summed")))
        return Network((both, Dense(task.width, name="output")))


def digits() -> tuple[Any, Any]:
    bunch = load_digits()
    return bunch.images[:ROWS], bunch.target[:ROWS]


def pixels() -> tuple[Any, Any]:
    """Return digits as 64 grey values in a row: a signal, or ids of tokens from 0 to 16."""
    images, y = digits()
    return images.reshape(len(images), -1), y


def strokes() -> tuple[Any, Any]:
    """Return digits read from left to right, a column a step, up to the last with ink."""
    images, y = digits()
    ends = 8 - images.any(axis=1)[:, ::-1].argmax(axis=1)
    return [image.T[:end] for image, end in zip(images, ends, strict=True)], y


def sums() -> tuple[Any, Any]:
    images, y = digits()
    return {"image": images[..., None], "sums": images.sum(axis=2)}, y


def coded() -> tuple[Any, Any]:
    """Return diabetes as it was measured; column 1 is 0 or 1."""
    X, y = load_diabetes(return_X_y=True, scaled=False)
    return X - np.eye(X.shape[1])[1], y


def diabetes() -> tuple[Any, Any]:
    return load_diabetes(return_X_y=True)


def cancer() -> tuple[Any, Any]:
    return load_breast_cancer(return_X_y=True)


def wine() -> tuple[Any, Any]:
    return load_wine(return_X_y=True)


@dataclass(frozen=True)
class Case:
    """A model, rows to learn, and the estimator for them."""

    model: Model
    data: Callable[[], tuple[Any, Any]]
    face: Callable[..., Any] = Classifier

    @property
    def promised(self) -> float:
        """The difference of predictions after training that is promised."""
        return RECURRENT if isinstance(self.model, RNN) else OTHERS

    @property
    def rows(self) -> tuple[Any, Any]:
        """The rows and targets, loaded once."""
        return _rows(self.data)


@cache
def _rows(data: Callable[[], tuple[Any, Any]]) -> tuple[Any, Any]:
    return data()


CASES: dict[str, Case] = {
    "linear, classes": Case(Linear(), wine),
    "linear, numbers": Case(Linear(), diabetes, Regressor),
    "mlp, classes": Case(MLP((32, 16)), wine),
    "mlp, numbers": Case(MLP((32, 16), activation="tanh"), diabetes, Regressor),
    "mlp, residual, batch norm": Case(MLP((24, 24), norm="batch", residual=True), cancer),
    "mlp, residual, layer norm": Case(MLP((24, 16), norm="layer", residual=True), cancer),
    "mlp, rms norm": Case(MLP((24,), norm="rms"), diabetes, Regressor),
    "mlp, periodic": Case(MLP((24,), numeric="periodic", numeric_dim=4), wine),
    "mlp, piecewise linear": Case(
        MLP((24,), numeric="piecewise", numeric_dim=4), diabetes, Regressor
    ),
    "mlp, categorical": Case(MLP((24,), categorical=(1,), categorical_dim=3), coded, Regressor),
    "tabular": Case(Tabular((24, 16), dropout=0.0), wine),
    "tabular, members": Case(
        Tabular((16,), dropout=0.0, members=2, categorical=(1,)), coded, Regressor
    ),
    "cnn, images": Case(CNN((8, 16), dims=2), digits),
    "cnn, images, residual, group norm": Case(
        CNN((8, 16), norm="group", residual=True, head="avg", hidden=(16,), dims=2), digits
    ),
    "cnn, signals": Case(CNN((8, 8), kernel_size=5, norm="layer", dims=1), pixels),
    "rnn, lstm": Case(RNN("lstm", units=16), digits),
    "rnn, gru": Case(RNN("gru", units=16), digits),
    "rnn, simple": Case(RNN("simple", units=16), digits),
    "rnn, lstm, bidirectional, depth 2": Case(
        RNN("lstm", units=8, bidirectional=True, depth=2, pool="avg"), digits
    ),
    "rnn, gru, unequal lengths": Case(RNN("gru", units=16, bidirectional=True), strokes),
    "rnn, gru, tokens": Case(RNN("gru", units=16, vocabulary=17, embedding_dim=16), pixels),
    "transformer, vectors": Case(TransformerEncoder(dim=16, depth=2, heads=2), digits),
    "transformer, tokens": Case(
        TransformerEncoder(dim=8, depth=1, heads=2, vocabulary=17, positions="sinusoidal"), pixels
    ),
    "transformer, unequal lengths": Case(
        TransformerEncoder(dim=16, depth=1, heads=2, max_length=8, pool="max"), strokes
    ),
    "transformer, patches": Case(
        TransformerEncoder(dim=16, depth=1, heads=2, patch=(2, 2)), digits
    ),
    "autoencoder": Case(Autoencoder((16,), code=4), wine, Transformer),
    "autoencoder, images": Case(Autoencoder((), code=8, filters=(4, 8)), digits, Transformer),
    "own model, inputs by name": Case(TwoInputs(), sums),
}

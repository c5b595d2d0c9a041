"""What one writes with Keras, on any of its own backends."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import keras
import numpy as np

from training.cases import Array, Case, outputs
from training.contender import Contender, decided


def network(case: Case, shape: tuple[int, ...], width: int) -> Any:
    layers = keras.layers
    if case.kind == "mlp":
        inside = [layers.Dense(units, activation="relu") for units in case.sizes]
    elif case.kind == "lstm":
        inside = [layers.LSTM(case.sizes[0])]
    else:
        inside = []
        for filters in case.sizes:
            inside += [layers.Conv2D(filters, 3, padding="same", activation="relu")]
            inside += [layers.MaxPooling2D()]
        inside += [layers.Flatten()]
    return keras.Sequential([keras.Input(shape), *inside, layers.Dense(width)])


def objective(width: int) -> Any:
    if width == 1:
        return keras.losses.BinaryCrossentropy(from_logits=True)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


class Fit(Contender):
    name = "model.fit"
    needs = ("keras",)
    options: ClassVar[dict[str, Any]] = {}

    def __init__(self, case: Case, X: Array, y: Array, rate: float = 1e-3) -> None:
        super().__init__(case, X, y, rate)
        self.width = outputs(y)
        self.model = network(case, X.shape[1:], self.width)
        self.loss, self.optimizer = objective(self.width), keras.optimizers.Adam(rate)
        self.model.compile(self.optimizer, self.loss, **self.compiled())

    def compiled(self) -> dict[str, Any]:
        return self.options

    def fit(self, epochs: int) -> None:
        self.model.fit(self.X, self.y, batch_size=self.case.batch, epochs=epochs, verbose=0)

    def predict(self, X: Array) -> Array:
        return decided(self.model.predict(X, verbose=0))


class JitFit(Fit):
    name = "fit, jit_compile"
    options: ClassVar[dict[str, Any]] = {"jit_compile": True}


class SeveralFit(Fit):
    name = "fit, steps_per_execution"

    def compiled(self) -> dict[str, Any]:
        return {"steps_per_execution": self.case.steps(len(self.X))}


class Scikeras(Contender):
    name = "scikeras"
    needs = ("scikeras",)

    def __init__(self, case: Case, X: Array, y: Array, rate: float = 1e-3) -> None:
        super().__init__(case, X, y, rate)
        self.net = self.estimator(1)
        self.net.set_params(warm_start=True)  # a second fit keeps what the first compiled

    def estimator(self, epochs: int) -> Any:
        from scikeras.wrappers import KerasClassifier

        case, shape, width, rate = self.case, self.X.shape[1:], outputs(self.y), self.rate

        def made() -> Any:
            model = network(case, shape, width)
            model.compile(keras.optimizers.Adam(rate), objective(width))
            return model

        return KerasClassifier(made, epochs=epochs, batch_size=case.batch, verbose=0)

    def fit(self, epochs: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.net.fit(self.X, self.y, epochs=epochs)

    def predict(self, X: Array) -> Array:
        return np.asarray(self.net.predict(X))


HAND = Fit

"""unifml, on the backend that the process is about."""

from __future__ import annotations

from typing import Any

import unifml
from training.cases import Array, Case
from training.contender import Contender
from unifml.models import CNN, MLP, RNN


def network(case: Case) -> Any:
    if case.kind == "mlp":
        return MLP(hidden=case.sizes)
    if case.kind == "cnn":
        return CNN(filters=case.sizes, norm=None)
    return RNN("lstm", units=case.sizes[0])


class Unifml(Contender):
    name = "unifml"
    backend = "torch"

    def __init__(self, case: Case, X: Array, y: Array, rate: float = 1e-3) -> None:
        super().__init__(case, X, y, rate)
        self.model = self.estimator(1)

    def estimator(self, epochs: int) -> Any:
        training = unifml.Training(
            epochs=epochs,
            batch_size=self.case.batch,
            optimizer="adam",
            learning_rate=self.rate,
            schedule="constant",
        )
        return unifml.Classifier(
            network(self.case),
            training=training,
            backend=self.backend,
            random_state=0,
            verbose=0,
        )

    def fit(self, epochs: int) -> None:
        self.model = self.estimator(epochs).fit(self.X, self.y)

    def predict(self, X: Array) -> Array:
        found: Array = self.model.predict(X)
        return found


class UnifmlKeras(Unifml):
    backend = "keras"

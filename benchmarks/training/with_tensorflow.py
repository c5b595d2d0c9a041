"""The fastest epoch that we know with Keras's layers on TensorFlow: one function, one call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from training.cases import Array, Case
from training.contender import Contender
from training.with_keras import Fit, JitFit, Scikeras, SeveralFit
from training.with_unifml import UnifmlKeras


class OwnEpoch(Fit):
    """All steps of an epoch in a loop of TensorFlow's; compiled by XLA but for convolutions."""

    name = "own tf.function epoch"

    def __init__(self, case: Case, X: Array, y: Array, rate: float = 1e-3) -> None:
        super().__init__(case, X, y, rate)
        self.optimizer.build(self.model.trainable_variables)
        self.tensors = tf.constant(X), tf.constant(y)
        self.epoch = tf.function(self.all_steps, jit_compile=case.kind != "cnn")

    def fit(self, epochs: int) -> None:
        for _ in range(epochs):
            float(self.epoch(*self.tensors, tf.random.shuffle(tf.range(len(self.X)))))

    def all_steps(self, X: Any, y: Any, order: Any) -> Any:
        size = self.case.batch
        whole, rest = divmod(len(self.X), size)
        X, y = tf.gather(X, order), tf.gather(y, order)
        total = tf.zeros(())
        for i in tf.range(whole):
            place = i * size
            total += self.step(
                tf.ensure_shape(
                    tf.slice(X, self.start(place), (size, *X.shape[1:])), (size, *X.shape[1:])
                ),
                tf.slice(y, [place], [size]),
            )
        if rest:
            total += self.step(X[whole * size :], y[whole * size :])
        return total / self.case.steps(len(self.X))

    def start(self, place: Any) -> Any:
        return tf.stack([place, *[0] * (self.X.ndim - 1)])

    def step(self, X: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = self.loss(y[:, None], self.model(X, training=True))
        variables = self.model.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return loss


CONTENDERS: tuple[type[Contender], ...] = (
    *(UnifmlKeras, Fit, JitFit, SeveralFit, OwnEpoch, Scikeras),
)


def calls(trained: dict[str, Any]) -> dict[str, Callable[[Array], Any]]:
    """Return the ways to predict, by name; the plain model answers with logits."""
    ours, model = trained["unifml"], trained[Fit.name].model
    rows = tf.TensorSpec((None, *model.input_shape[1:]), "float32")
    concrete = tf.function(lambda X: model(X, training=False)).get_concrete_function(rows)
    return {
        "unifml predict": ours.predict,
        "unifml predict_proba": ours.model.predict_proba,
        "concrete function": lambda X: concrete(tf.constant(X)).numpy(),
        "predict_on_batch": model.predict_on_batch,
        "model(x)": lambda X: keras.ops.convert_to_numpy(model(X, training=False)),
        "model.predict": lambda X: model.predict(X, verbose=0),
    }

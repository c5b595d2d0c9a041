"""The fastest epoch that we know with Keras's layers on JAX: a scan over batches."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import keras
import numpy as np

from training.cases import Array, Case
from training.contender import Contender
from training.with_keras import Fit, Scikeras
from training.with_unifml import UnifmlKeras


class Scan(Fit):
    name = "lax.scan epoch"

    def __init__(self, case: Case, X: Array, y: Array, rate: float = 1e-3) -> None:
        super().__init__(case, X, y, rate)
        self.optimizer.build(self.model.trainable_variables)
        values = (self.model.trainable_variables, self.model.non_trainable_variables)
        self.state = tuple([v.value for v in part] for part in (*values, self.optimizer.variables))
        self.state = jax.tree.map(lambda value: value.copy(), self.state)
        self.tensors = jax.device_put(X), jax.device_put(y)
        self.epoch = jax.jit(self.all_steps, donate_argnums=0)
        self.order = np.random.default_rng(0)

    def fit(self, epochs: int) -> None:
        for _ in range(epochs):
            self.state, loss = self.epoch(
                self.state, *self.tensors, self.order.permutation(len(self.X))
            )
            float(loss)

    def all_steps(self, state: Any, X: Any, y: Any, order: Any) -> Any:
        whole, rest = divmod(len(order), self.case.batch)
        parts = order[: len(order) - rest].reshape(whole, -1)
        state, losses = jax.lax.scan(partial(self.step, X, y), state, parts)
        if not rest:
            return state, losses.mean()
        state, last = self.step(X, y, state, order[-rest:])
        return state, (losses.sum() + last) / (whole + 1)

    def step(self, X: Any, y: Any, state: Any, rows: Any) -> Any:
        trained, fixed, slots = state

        def loss(trained: Any) -> Any:
            logits, after = self.model.stateless_call(trained, fixed, X[rows], training=True)
            return self.loss(y[rows][:, None], logits), after

        (value, fixed), slopes = jax.value_and_grad(loss, has_aux=True)(trained)
        trained, slots = self.optimizer.stateless_apply(slots, slopes, trained)
        return (trained, fixed, slots), value

    def predict(self, X: Array) -> Array:
        for variable, value in zip(self.model.trainable_variables, self.state[0], strict=True):
            variable.assign(value)
        return super().predict(X)


CONTENDERS: tuple[type[Contender], ...] = (UnifmlKeras, Fit, Scan, Scikeras)


def calls(trained: dict[str, Any]) -> dict[str, Callable[[Array], Any]]:
    """Return the ways to predict, by name; the plain model answers with logits."""
    ours, model = trained["unifml"], trained[Fit.name].model
    values = [
        [v.value for v in part]
        for part in (model.trainable_variables, model.non_trainable_variables)
    ]
    compiled = jax.jit(lambda X: model.stateless_call(*values, X, training=False)[0])
    return {
        "unifml predict": ours.predict,
        "unifml predict_proba": ours.model.predict_proba,
        "jitted function": lambda X: np.asarray(compiled(X)),
        "predict_on_batch": model.predict_on_batch,
        "model(x)": lambda X: keras.ops.convert_to_numpy(model(X, training=False)),
        "model.predict": lambda X: model.predict(X, verbose=0),
    }

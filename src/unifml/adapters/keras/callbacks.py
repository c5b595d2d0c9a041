"""Keras's own callbacks at the moments of unifml's loop."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from unifml.adapters.keras.native_steps import rules_rates
from unifml.adapters.keras.weights import read
from unifml.training.callbacks import Callback, Run


def wrapped(native: object) -> Callback | None:
    """Return a callback of Keras as one of unifml, or None for what is none of Keras's."""
    if not isinstance(native, keras.callbacks.Callback):
        return None
    steps = any(_overrides(native, name) for name in _BY_BATCH)
    return NativeSteps(native) if steps else NativeEpochs(native)


class NativeEpochs(Callback):
    """Tells a callback of Keras of the fit and its epochs.

    It sees a model with the present weights: a user's own model is the one that is trained; of a
    network of ours it gets a copy, made anew after each epoch. It stops the fit by
    ``model.stop_training``, a learning rate that it sets on the model's optimizer becomes that of
    the next step, and weights that it sets at the end are kept.

    Parameters
    ----------
    native : keras.callbacks.Callback
        One that overrides no moment of a batch.
    """

    def __init__(self, native: Any) -> None:
        self.native = native
        if getattr(native, "save_best_only", True):  # a file of each epoch asks for no metric
            self.monitor = getattr(native, "monitor", None)

    def on_fit_begin(self, run: Run) -> bool:
        self._show(run)
        self.native.set_params(
            {"epochs": run.epochs, "steps": None, "verbose": 0, "do_validation": False}
        )
        self.native.on_train_begin()
        return self._wishes(run)

    def on_epoch_begin(self, run: Run) -> bool:
        self.native.params["steps"] = run.batches
        self.native.on_epoch_begin(run.epoch - 1)
        return self._wishes(run)

    def on_epoch_end(self, run: Run) -> bool:
        self._show(run)
        self.native.on_epoch_end(run.epoch - 1, dict(run.logs))
        return self._wishes(run)

    def on_fit_end(self, run: Run) -> None:
        self._show(run)
        model = self.native.model
        before = model.get_weights()
        self.native.on_train_end(dict(run.logs))
        if not all(map(np.array_equal, before, model.get_weights())):
            _take_back(model, run)
        if isinstance(model.optimizer, _StandIn):
            del model.optimizer

    def _show(self, run: Run) -> None:
        """Give it the model, and the rate that it will look for there."""
        model, plan = run.model, run.plan
        assert plan is not None
        model.stop_training = False
        if getattr(model, "optimizer", None) is None:
            model.optimizer = _StandIn(run.learning_rate)
        rate: Any = model.optimizer.learning_rate
        self._shown = None
        follows = rules_rates(plan) or isinstance(model.optimizer, _StandIn)
        if follows and hasattr(rate, "assign"):
            rate.assign(run.learning_rate)
            self._shown = float(np.asarray(rate))
        self.native.set_model(model)

    def _wishes(self, run: Run) -> bool:
        """Take over a rate that it set; return whether it wants to stop."""
        model = self.native.model
        if self._shown is not None:
            rate = float(np.asarray(model.optimizer.learning_rate))
            if rate != self._shown:
                run.learning_rate = rate
                self._shown = rate
        return bool(getattr(model, "stop_training", False))


class NativeSteps(NativeEpochs):
    """Tells a callback of Keras of single steps as well."""

    def on_batch_begin(self, run: Run) -> bool:
        self.native.on_train_batch_begin(run.batch - 1)
        return self._wishes(run)

    def on_batch_end(self, run: Run) -> bool:
        self.native.on_train_batch_end(run.batch - 1, dict(run.logs))
        return self._wishes(run)


class _StandIn(keras.optimizers.SGD):
    """Where a callback looks for the rate of a model that is stepped without Keras's optimizers."""


def _take_back(model: Any, run: Run) -> None:
    """Let the weights of a copy that was shown be those of the network."""
    plan, program = run.plan, run.program
    assert plan is not None
    assert program is not None
    if plan.network is None:
        return  # it is the one that is trained
    state, found = program.state(), read(model, plan.graph)
    for name in state:
        part, _, weight = name.partition("/")
        if part in ("weights", "average") and weight in found:
            state[name] = found[weight]
    program.restore(state)


_BY_BATCH = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")


def _overrides(native: Any, name: str) -> bool:
    own, plain = getattr(type(native), name), getattr(keras.callbacks.Callback, name)
    return own is not plain

"""Keras's own callbacks at the moments of unifml's loop."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

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
    ``model.stop_training``, and a learning rate that it sets on the model's optimizer becomes that
    of the next step.

    Parameters
    ----------
    native : keras.callbacks.Callback
        One that overrides no moment of a batch.
    """

    def __init__(self, native: Any) -> None:
        self.native = native

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
        self.native.on_train_end(dict(run.logs))

    def _show(self, run: Run) -> None:
        """Give it the model, and the rate that it will look for there."""
        model = run.model
        model.stop_training = False
        rate = getattr(getattr(model, "optimizer", None), "learning_rate", None)
        self._shown = None
        if hasattr(rate, "assign") and _rules_the_rate(run):
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


def _rules_the_rate(run: Run) -> bool:
    """Whether the loop sets the rate; the optimizer of a compiled model may keep its own."""
    plan = run.plan
    assert plan is not None
    return plan.network is not None or bool({"learning_rate", "schedule"} & plan.settings.explicit)


_BY_BATCH = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")


def _overrides(native: Any, name: str) -> bool:
    own, plain = getattr(type(native), name), getattr(keras.callbacks.Callback, name)
    return own is not plain

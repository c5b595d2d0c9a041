"""A fit that dies: run as ``python killed.py backend checkpoint epoch``, with 0 for no death."""

from __future__ import annotations

import os
import sys

from sklearn.datasets import make_classification

from unifml import Callback, Classifier, Cosine, EarlyStopping, Training, get_adapter
from unifml.models import MLP

X, Y = make_classification(160, 6, n_informative=4, flip_y=0.2, random_state=0)


class Die(Callback):
    """Ends the process, as a power cut would."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, run):
        if run.epoch == self.epoch:
            os._exit(9)


def estimator(backend, checkpoint=None, *callbacks, random_state=3, **options):
    """Return an estimator with everything random or remembered that a backend has."""
    rich = backend != "sklearn"
    averages = "ema" in get_adapter(backend).capabilities.techniques
    settings = {
        "epochs": 12,
        "batch_size": 32,
        "optimizer": "adamw" if rich else "adam",
        "learning_rate": 0.02,
        "schedule": Cosine(),
        "warmup": 5,
        "ema": 0.9 if averages else None,
        "metrics": ("accuracy",),
        "early_stopping": EarlyStopping(patience=4, validation=0.25),
        "checkpoint": checkpoint,
        "callbacks": callbacks,
    }
    model = MLP(hidden=(16, 8), dropout=0.3 if rich else 0.0)
    training = Training(**(settings | options))
    return Classifier(model, training=training, backend=backend, random_state=random_state)


if __name__ == "__main__":
    name, path, epoch = sys.argv[1:4]
    estimator(name, path, Die(int(epoch))).fit(X, Y)

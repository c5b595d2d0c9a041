"""
Watch a fit, steer it, and let it go on after it was killed
===========================================================

Callbacks see every backend in the same way. A checkpoint lets a fit that was interrupted go on, to
the same last bit.
"""

# %%
# The history
# -----------
# Losses and metrics per epoch, and which epoch was kept.

import json
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import unifml
from unifml import Callback, Classifier, EarlyStopping, JSONLog, Training
from unifml.models import MLP

X, y = load_digits(return_X_y=True)
folder = Path(tempfile.mkdtemp())

training = Training(
    epochs=60,
    learning_rate=5e-3,
    metrics=("accuracy",),
    early_stopping=EarlyStopping(patience=3, min_delta=1e-3, validation=0.2),
)
clf = Classifier(MLP(hidden=(64,)), training=training, backend="torch", random_state=0)
clf.fit(X, y)
print(clf.history_)
clf.history_.plot()

# %%
# A callback of your own
# ----------------------
# It follows the size of the weights, and stops the fit when the loss is small enough. What it puts
# into the logs is written by those that come after it.


class Size(Callback):
    """Record the mean size of the weights, and stop at a loss."""

    def __init__(self, enough):
        self.enough = enough

    def on_epoch_end(self, run):
        kernels = [w.ravel() for name, w in run.weights.items() if name.endswith(".kernel")]
        run.logs["size"] = float(np.abs(np.concatenate(kernels)).mean())
        return run.logs["loss"] < self.enough


log = folder / "epochs.jsonl"
watched = Training(epochs=60, learning_rate=2e-3, callbacks=(Size(0.05), JSONLog(log)))
clf.set_params(training=watched).fit(X, y)
print(clf.history_)
print(json.loads(log.read_text().splitlines()[-1]))

# %%
# Which learning rate?
# --------------------
# A probe is trained with a rate that grows from step to step.

found = unifml.find_learning_rate(clf, X, y)
print(f"worth a try: {found.suggestion_:.2g}")
found.plot()

# %%
# Killed, and gone on
# -------------------
# This callback pulls the plug in the eighth epoch.


class Unplug(Callback):
    """End the fit as Ctrl-C would."""

    def on_epoch_end(self, run):
        if run.epoch == 8:
            raise KeyboardInterrupt


model = MLP(hidden=(64,), dropout=0.2)
plain = Training(epochs=20, schedule="cosine")
safe = plain.with_params(checkpoint=str(folder / "fit.ckpt"))

try:
    unplugged = safe.with_params(callbacks=(Unplug(),))
    Classifier(model, training=unplugged, backend="torch", random_state=0).fit(X, y)
except KeyboardInterrupt:
    print("killed;", [path.name for path in folder.glob("*.ckpt")], "is there")

# %%
# The same fit, started again, goes on. It ends with the same weights as one that was left alone.

resumed = Classifier(model, training=safe, backend="torch", random_state=0).fit(X, y)
alone = Classifier(model, training=plain, backend="torch", random_state=0).fit(X, y)
print(resumed.history_)
print("equal to the last bit:", np.array_equal(resumed.predict_proba(X), alone.predict_proba(X)))

# %%
# The curves lie on each other; the dotted part came from the file.

figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
axes.semilogy(alone.history_["loss"], lw=4, alpha=0.3, label="left alone")
axes.semilogy(resumed.history_["loss"], lw=1, label="killed, and gone on")
axes.axvline(resumed.history_.resumed_at - 1, ls=":", lw=0.8, color="black")
axes.set_xlabel("epoch")
axes.set_ylabel("loss on the training rows")
axes.legend()

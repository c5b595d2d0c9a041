"""
A model of your own
===================

A network is written once, in layers that no framework owns. It then runs on every backend, has a
search space, moves between backends with what it learned, is saved, and becomes a proven ONNX file.
"""

# %%
# Twenty lines
# ------------
# The fields are the parameters. ``network`` says the layers, ``space`` what a search may try.

import tempfile
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

import unifml
from unifml import Categorical, Classifier, Float, Training
from unifml.layers import (
    Activation,
    BatchNorm,
    Dense,
    Layer,
    Network,
    Parallel,
    Residual,
    Sequential,
    Standardize,
)
from unifml.models import MLP, Model


@dataclass(frozen=True, repr=False)
class WideDeep(Model):
    """A linear map and a deep network, side by side."""

    kind = "wide_deep"
    uses = MLP.uses
    scales_target = True
    units: int = 32
    depth: int = 2

    def network(self, task, signature):
        block = (Dense(self.units, bias=False), BatchNorm(), Activation("silu"))
        deep = Residual(block * self.depth, name="deep")
        wide = Dense(self.units, name="wide")
        last = Dense(task.width, name="output")
        return Network((Standardize(), Parallel((wide, deep)), last))

    def space(self):
        rates = Float(1e-3, 1e-1, log=True)
        return {"units": Categorical((8, 16, 32)), "learning_rate": rates}


# %%
# The same model on torch and on Keras
# ------------------------------------
# One seed, the same initial weights, the same batches: the probabilities agree to rounding.

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
training = Training(epochs=20, batch_size=64, learning_rate=3e-3, precision="float32")

fits = {
    backend: Classifier(WideDeep(16), backend=backend, training=training, random_state=0)
    for backend in ("torch", "keras")
}
for backend, clf in fits.items():
    print(f"{backend:6} {clf.fit(X_train, y_train).score(X_test, y_test):.3f}")
shares = [clf.predict_proba(X_test) for clf in fits.values()]
print(f"largest difference {np.abs(shares[0] - shares[1]).max():.1e}")

# %%
# Their losses lie on each other.

figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
for (backend, clf), style in zip(fits.items(), ("-", "o"), strict=True):
    axes.semilogy(clf.history_["loss"], style, label=backend)
axes.set_xlabel("epoch")
axes.set_ylabel("loss on the training rows")
axes.legend()

# %%
# What it is
# ----------
# The exact native construction. ``fits["torch"].model_`` is that module.

print(unifml.translate(fits["torch"]))

# %%
# Tune it
# -------
# In its own space, as nothing else is said.

clf = fits["torch"]
search = unifml.tune(clf, X_train, y_train, n_trials=6, cv=3, metric="log_loss", random_state=0)
print(search.best_params_, round(search.best_score_, 4))
print(f"{search.score(X_test, y_test):.3f} on rows it has not seen")

# %%
# Move it, save it, ship it
# -------------------------
# A file holds no code, so ``load`` is told that the class is trusted.

folder = Path(tempfile.mkdtemp())
there = unifml.to_backend(clf, "keras")
difference = np.abs(there.predict_proba(X_test) - shares[0]).max()
print(f"moved to keras: largest difference {difference:.1e}")

unifml.save(clf, folder / "wide_deep.unifml")
loaded = unifml.load(folder / "wide_deep.unifml", trusted=[WideDeep])
print("loaded: the same bits", (loaded.predict_proba(X_test) == shares[0]).all())

export = unifml.export_onnx(clf, folder / "wide_deep.onnx", X_test)
print(f"{export.rows} rows through the file, largest difference {export.max_abs_diff:.1e}")

# %%
# A layer of your own
# -------------------
# What can be said in other layers is a layer, with a name and parameters, wherever those run.


@dataclass(frozen=True, repr=False)
class Gated(Layer):
    """Half of the units switch the other half."""

    kind = "gated"
    units: int = 32

    def expand(self, shape):
        values = Dense(self.units, name="values")
        gates = Sequential((Dense(self.units), Activation("sigmoid")), name="gates")
        return Parallel((values, gates), join="multiply")


network = Network((Standardize(), Gated(8), Gated(8), Dense(1, name="output")))
print(network.summary((30,)))

"""
Native models by the same door
==============================

A torch module, a Keras model and a scikit-learn pipeline of your own come in as they are: the
same call trains, evaluates and exports them, and what was fitted is as native as before.
"""

# %%
# Three models in their own words
# -------------------------------
# A class or function is called for every fit, under the seed. It gets what it asks for by name:
# ``n_features``, ``n_outputs``, or everything as ``signature``.

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

import unifml
from unifml import Classifier, Native, Training

X, y = load_wine(return_X_y=True)
X = StandardScaler().fit_transform(X)


class Gated(nn.Module):
    """A module of the user: half of the units switch the other half."""

    def __init__(self, n_features, n_outputs, hidden=16):
        super().__init__()
        self.inner = nn.Linear(n_features, 2 * hidden)
        self.outer = nn.Linear(hidden, n_outputs)

    def forward(self, x):
        values, gates = self.inner(x).chunk(2, dim=1)
        return self.outer(values * torch.sigmoid(gates))


def keras_network(n_features, n_outputs):
    """Build a Keras model; its loss is chosen by unifml, as it is not compiled."""
    import keras

    return keras.Sequential(
        [
            keras.Input((n_features,)),
            keras.layers.Dense(32, activation="swish"),
            keras.layers.Dense(n_outputs),
        ]
    )


pipeline = make_pipeline(PCA(5), LogisticRegression())

# %%
# One call for all
# ----------------

training = Training(epochs=60, learning_rate=0.01, batch_size=32)
estimators = {
    "torch": Classifier(Gated, training=training, random_state=0),
    "keras": Classifier(keras_network, training=training, backend="keras", random_state=0),
    "pipeline": Classifier(pipeline, random_state=0),
}
for name, estimator in estimators.items():
    report = unifml.evaluate(estimator, X, y, random_state=0)
    print(f"{name:10} {report.scores['accuracy']:.3f}")

# %%
# What comes out is native
# ------------------------
# ``model_`` is a module of your class. It returns what it always did: logits.

clf = estimators["torch"].fit(X, y)
print(isinstance(clf.model_, Gated))
print(clf.model_(torch.tensor(X[:2], dtype=torch.float32)))

# %%
# Both networks went through the same loop, so their histories say the same things.

figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
for name in ("torch", "keras"):
    axes.semilogy(estimators[name].fit(X, y).history_["loss"], label=name)
axes.set_xlabel("epoch")
axes.set_ylabel("loss on the training rows")
axes.legend()

# %%
# Parameters of a factory
# -----------------------
# ``Native`` makes them parameters of the estimator, for searches and ``set_params``.

tuned = unifml.tune(
    Classifier(Native(Gated, hidden=8), training=training, random_state=0),
    X,
    y,
    space={"hidden": [4, 8, 16, 32]},
    n_trials=4,
    random_state=0,
)
print(tuned.best_params_, round(tuned.best_score_, 3))

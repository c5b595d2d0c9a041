"""
Images, sequences, and several inputs
=====================================

Rows need not be tables. Images and signals are arrays, sequences of unequal length a list, and a
network of several inputs takes a dict of arrays or cuts a frame.
"""

# %%
# Images
# ------
# 1797 handwritten digits of 8 by 8 pixels. An image has an axis of channels at its end; ``dims=2``
# says that these have none.

from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import train_test_split

import unifml
from unifml import Classifier, Training
from unifml.layers import (
    Activation,
    Conv2D,
    Dense,
    Flatten,
    Input,
    Network,
    Parallel,
    Sequential,
)
from unifml.models import CNN, MLP, RNN, Model

images, y = load_digits().images, load_digits().target
train, test = train_test_split(np.arange(len(y)), stratify=y, random_state=0)

cnn = Classifier(
    CNN(filters=(16, 32), dims=2),
    backend="torch",
    training=Training(epochs=10, learning_rate=5e-3),
    random_state=0,
)
cnn.fit(images[train], y[train])
print(f"cnn  {cnn.score(images[test], y[test]):.3f}")

flat = Classifier("mlp", training=cnn.training, random_state=0)
flat.fit(images[train].reshape(-1, 64), y[train])
print(f"mlp  {flat.score(images[test].reshape(-1, 64), y[test]):.3f}")

# %%
# Which digits it mistakes, and for which:

figure, axes = plt.subplots(figsize=(4.5, 4), layout="constrained")
ConfusionMatrixDisplay.from_predictions(
    y[test], cnn.predict(images[test]), ax=axes, colorbar=False, cmap="Blues"
)

# %%
# What was fitted is a plain torch module; channels go where torch wants them inside.

for name, layer in cnn.model_.named_children():
    print(f"{name:14}{type(layer).__name__}")

# %%
# Sequences of unequal length
# ---------------------------
# The same digits, read from left to right: a column of pixels is a step, and the end is the last
# column with ink. They are padded inside, and what is padded never counts.

ends = 8 - images.any(axis=1)[:, ::-1].argmax(axis=1)
strokes = [image.T[:end] for image, end in zip(images, ends, strict=True)]
print(pd.Series(ends).value_counts().sort_index().rename_axis("steps").rename("digits"))

rnn = Classifier(
    RNN("gru", units=32, bidirectional=True),
    backend="torch",
    training=Training(epochs=20, learning_rate=5e-3),
    random_state=0,
)
rnn.fit([strokes[i] for i in train], y[train])
print(f"rnn  {rnn.score([strokes[i] for i in test], y[test]):.3f}")

shortest = int(np.argmin(ends))
alone = rnn.predict_proba([strokes[shortest]])
print("alone as among others:", np.allclose(alone, rnn.predict_proba(strokes)[shortest]))

# %%
# What it thinks while it reads: the probability of each digit after each column.

row = test[np.argmax(ends[test])]
seen = [strokes[row][:step] for step in range(1, ends[row] + 1)]
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3), layout="constrained")
left.imshow(images[row], cmap="gray_r")
left.set_title(f"a {y[row]}")
shown = right.imshow(rnn.predict_proba(seen).T, aspect="auto", cmap="Blues", vmin=0, vmax=1)
right.set(xlabel="columns read", ylabel="digit", yticks=range(10), xticks=range(len(seen)))
right.set_xticklabels(range(1, len(seen) + 1))
figure.colorbar(shown, label="probability")

# %%
# Several inputs by name
# ----------------------
# A model of two branches: one sees the image, one a table of how much ink each row and column has.
# A branch says by ``Input`` what it takes.


@dataclass(frozen=True, repr=False)
class Both(Model):
    """An image and a table, side by side."""

    kind = "both"
    uses = MLP.uses

    def network(self, task, signature):
        image = (Input("image"), Conv2D(8, 3, strides=2), Activation("relu"), Flatten())
        table = (Input("ink"), Dense(16), Activation("relu"))
        both = Parallel((Sequential(image), Sequential(table)))
        return Network((both, Dense(task.width, name="output")))


frame = pd.DataFrame(images.sum(axis=1), columns=[f"column_{i}" for i in range(8)])
frame[[f"row_{i}" for i in range(8)]] = images.sum(axis=2)
frame /= frame.to_numpy().max()
frame["pixels"] = list(images[..., None] / 16)
ink = [name for name in frame if name != "pixels"]

both = Classifier(
    Both(),
    backend="keras",
    inputs={"image": "pixels", "ink": ink},
    training=Training(epochs=15, batch_size=64, learning_rate=5e-3),
    random_state=0,
)
both.fit(frame.iloc[train], y[train])
print(f"both {both.score(frame.iloc[test], y[test]):.3f}")

# %%
# The same as a dict of arrays; verbs take either.

X = {"image": images[..., None] / 16, "ink": frame[ink].to_numpy()}
print((both.predict(X) == both.predict(frame)).all())
unseen = {name: values[test] for name, values in X.items()}
print(unifml.evaluate(both, unseen, y[test], metrics="accuracy"))

"""
Fit here, predict there
=======================

A fitted network is its weights, under names and in layouts that belong to no framework. So it moves
to another backend with the same predictions, and the plain model can be taken away, trained by your
own code, and brought back.
"""

# %%
# From torch to Keras
# -------------------
# Nothing is fitted again: the weights go over bit for bit, and predictions agree to rounding.

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import unifml
from unifml import Classifier, Training
from unifml.models import MLP

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

training = Training(epochs=15, learning_rate=0.01, batch_size=64)
clf = Classifier(MLP((32,)), backend="torch", training=training, random_state=0)
clf.fit(X_train, y_train)
for backend in ("keras", "sklearn"):
    moved = unifml.to_backend(clf, backend)
    difference = np.abs(moved.predict_proba(X_test) - clf.predict_proba(X_test)).max()
    print(f"{backend:8} {type(moved.model_).__name__:12} {difference:.1e}")

# %%
# From scikit-learn
# -----------------
# A perceptron or a linear model that scikit-learn fitted by itself is a network too. Its scaler
# becomes the first layer.

own = make_pipeline(StandardScaler(), MLPClassifier((32,), max_iter=500, random_state=0))
own.fit(X_train[:600], y_train[:600])
adopted = unifml.to_backend(own, "torch")
print(adopted)
print(np.abs(adopted.predict_proba(X_test) - own.predict_proba(X_test)).max())

# %%
# Weights by name
# ---------------
# The same names on every backend. Weights of two fits can be mixed: here along the line through
# those of two networks, one fitted on each half of the rows from the same initial weights.

halves = [Classifier(MLP((32,)), training=training, random_state=0) for _ in range(2)]
one, other = (half.fit(X_train[i::2], y_train[i::2]) for i, half in enumerate(halves))
for name, weight in clf.get_weights().items():
    print(f"{name:20} {weight.shape}")

start, end = one.get_weights(), other.get_weights()
shares = np.linspace(0.0, 1.0, 21)
mixed = unifml.to_backend(one, "torch")
scores = [
    mixed.set_weights({k: (1 - s) * start[k] + s * end[k] for k in start}).score(X_test, y_test)
    for s in shares
]
figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
axes.plot(shares, scores, marker="o")
axes.set_xlabel("share of the second network")
axes.set_ylabel("accuracy on new rows")

# %%
# Away and back
# -------------
# ``to_native`` gives the plain ``nn.Module``; unifml is not needed where it goes. Any loop may
# train it.

module = unifml.to_native(clf)
print(module)

rows = torch.tensor(X_train, dtype=next(module.parameters()).dtype)
targets = torch.tensor(y_train)
optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
torch.manual_seed(0)
module.train()
for _ in range(5):
    for batch in torch.randperm(len(rows)).split(64):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(module(rows[batch]), targets[batch]).backward()
        optimizer.step()
module.eval()

# %%
# ``from_native`` reads the weights into a copy of the estimator, which is a classifier again: with
# labels, probabilities, cross-validation and ONNX.

back = unifml.from_native(clf, module)
print(f"before {clf.score(X_test, y_test):.3f}, after {back.score(X_test, y_test):.3f}")

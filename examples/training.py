"""
One training, three backends
============================

Everything that `Training` says means the same on scikit-learn, Keras and torch.
"""

# %%
# The same words
# --------------
# Warm-up, cosine, accumulated batches, clipped gradients, averaged weights, noisy rows.

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

import unifml
from unifml import Classifier, Noise, Training
from unifml.models import MLP

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0, stratify=y)
training = Training(
    epochs=30,
    batch_size=32,
    optimizer="adamw",
    learning_rate=5e-3,
    weight_decay=1e-2,
    schedule="cosine",
    warmup=0.1,
    accumulate=2,
    clip_norm=1.0,
    ema=0.98,
    augment=(Noise(0.1),),
    metrics=("accuracy",),
)

# %%
# Three fits
# ----------
# From the same initial weights, over the same rows, to the same losses.

for backend in ("sklearn", "torch", "keras"):
    clf = Classifier(MLP(hidden=(32,)), training=training, backend=backend, random_state=0)
    clf.fit(X_train, y_train, X_val=X_test, y_val=y_test)
    print(
        f"{backend:8} loss {clf.history_['loss'][-1]:.6f}  accuracy {clf.score(X_test, y_test):.3f}"
    )
    plt.plot(clf.history_["val_loss"], label=backend, linewidth=6 - 2 * len(plt.gca().lines))
plt.xlabel("epoch")
plt.ylabel("loss on the rows held out")
plt.legend()
plt.show()

# %%
# The strong default for tables
# -----------------------------
# `tabular` brings its own training; four members are trained at once and averaged.

report = unifml.evaluate("tabular", X, y, task="classification", cv=3, random_state=0)
print(report)

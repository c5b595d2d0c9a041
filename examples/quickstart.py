"""
Quickstart: one network, three backends, one proven file
========================================================

You say once what to learn. scikit-learn, Keras and PyTorch run it with the same result, it is
evaluated and tuned like any scikit-learn estimator, and it ships as one ONNX file.
"""

# %%
# Data
# ----
# Breast cancer has 569 rows of 30 numbers. The labels may be words.

import tempfile
from pathlib import Path

import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import unifml
from unifml import Classifier, Float, Training
from unifml.models import MLP

bunch = load_breast_cancer()
X, y = bunch.data, bunch.target_names[bunch.target]
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# The same model on every backend
# -------------------------------
# ``backend`` is one word. Initial weights and the order of rows are drawn from the seed in NumPy,
# so the scores agree.

network = MLP(hidden=(64, 32))
training = Training(epochs=30, batch_size=64, learning_rate=3e-3)

for backend in unifml.list_backends():
    clf = Classifier(network, training=training, backend=backend, random_state=0)
    print(backend, clf.fit(X_train, y_train).score(X_test, y_test))

# %%
# What would a backend be told? Nothing is fitted here.

print(unifml.translate(Classifier(network, training=training, backend="sklearn")))

# %%
# Evaluate
# --------
# Five folds, with an interval that knows that folds share rows.

clf = Classifier(network, training=training, backend="torch", random_state=0)
report = unifml.evaluate(clf, X_train, y_train, random_state=0)
print(report)

# %%
# A picture of it:

report.plot()

# %%
# Tune
# ----
# Short names are enough. Folds of hopeless trials are not run to the end.

search = unifml.tune(
    clf,
    X_train,
    y_train,
    space={"hidden": [(32,), (64, 32)], "learning_rate": Float(1e-3, 1e-1, log=True)},
    metric="log_loss",
    cv=3,
    n_trials=10,
    random_state=0,
)
print(search)

# %%
# A search is an estimator. The rows held back at the start were not seen by it:

print(unifml.evaluate(search, X_test, y_test, metrics=["accuracy", "roc_auc"], random_state=0))

# %%
# A table with words and holes
# ----------------------------
# Wine, with one column given as words and every tenth value of another one missing. The network
# stands at the end of a scikit-learn Pipeline.

wine = load_wine(as_frame=True)
frame = wine.data.copy()
frame["hue"] = pd.qcut(frame["hue"], 3, labels=["brick", "ruby", "purple"]).astype(object)
frame.loc[frame.index[::10], "alcohol"] = float("nan")

model = make_pipeline(
    make_column_transformer(
        (SimpleImputer(), make_column_selector(dtype_include=float)),
        (OneHotEncoder(), ["hue"]),
        sparse_threshold=0.0,
    ),
    Classifier("mlp", training=training, backend="keras", random_state=0),
)
model.fit(frame, wine.target)

# %%
# Ship
# ----
# The whole pipeline becomes one file. It is compared with the model on these rows before it is
# put in place, and runs with onnxruntime and NumPy alone.

path = Path(tempfile.mkdtemp(), "wine.onnx")
print(unifml.export_onnx(model, path, frame))

onnx = unifml.load_onnx(path)
print(onnx.predict(frame)[:5])

"""
Evaluate, look inside, decide
=============================

How good is a model on rows that it has not seen, what does it look at, and from which probability
on should it say yes?
"""

# %%
# Scores that can be trusted
# --------------------------
# 569 tumours, 30 measures of each. Five folds are scored on rows that they did not learn from; the
# intervals are those of the corrected resampled t.

import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

import unifml
from unifml import Classifier, Training

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
y = np.where(y == 0, "malignant", "benign")
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

clf = Classifier("mlp", backend="torch", training=Training(epochs=20), random_state=0)
report = unifml.evaluate(clf, X_train, y_train, cv=5, by="mean radius", random_state=0)
print(report)

# %%
# Small tumours are rarely malignant, and missed more often:

report.plot("slices", metrics=["accuracy", "recall"])

# %%
# The curve of all rows, each said by a model that had not seen it; pale are the folds. Other kinds
# are ``pr``, ``calibration``, ``confusion``, ``learning_curve``. ``report.to_html("report.html")``
# writes all of them into one page.

report.plot("roc")

# %%
# What it looks at
# ----------------
# How much worse does the log loss become when a column is shuffled?

found = unifml.permutation_importance(
    clf, X_train, y_train, cv=3, metrics="log_loss", n_repeats=2, random_state=0
)
print(*found.features[:5], sep="\n")

# %%
# And what does it make of those columns?

clf.fit(X_train, y_train)
unifml.partial_dependence(clf, X_train, found.features[:3], grid=20).plot()

# %%
# Where to draw the line
# ----------------------
# A tumour that is missed shall cost as much as twenty false alarms. Of "benign" and "malignant" the
# second in sorted order is the one that is looked for.

wrong = {"false_positive": 1, "false_negative": 20}
tuned = unifml.tune_threshold(clf, X_train, y_train, cost=wrong, random_state=0)
print(f"malignant from {tuned.best_threshold_:.2f} on")

tuned.plot()

# %%
# On rows that nobody has seen:

for name, model in {"0.5": clf, "tuned": tuned}.items():
    said = model.predict(X_test)
    missed = np.sum((y_test == "malignant") & (said == "benign"))
    alarms = np.sum((y_test == "benign") & (said == "malignant"))
    print(f"{name:6} missed {missed}, false alarms {alarms}")

# %%
# Probabilities that mean what they say
# -------------------------------------

calibrated = unifml.calibrate(clf, X_train, y_train, cv=5, random_state=0)
for name, model in {"plain": clf, "calibrated": calibrated}.items():
    scores = unifml.evaluate(model, X_test, y_test, metrics=["brier", "log_loss"]).scores
    print(f"{name:11} " + ", ".join(f"{metric} {value:.4f}" for metric, value in scores.items()))

# %%
# Threshold and calibration go into the ONNX file like any other step.

path = Path(tempfile.mkdtemp(), "tuned.onnx")
unifml.export_onnx(tuned, path, X_train)
print((unifml.load_onnx(path).predict(X_test) == tuned.predict(X_test)).all())

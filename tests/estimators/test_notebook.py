"""Classes that a notebook defines, in ``__main__``, go where importable ones go."""

from __future__ import annotations

import subprocess
import sys

CLASSES = {
    "torch": """
from torch import nn

class Net(nn.Module):
    def __init__(self, n_features, n_outputs, hidden=8):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, hidden), nn.ReLU(), nn.Linear(hidden, n_outputs))

    def forward(self, x):
        return self.layers(x)
""",
    "keras": """
import unifml
unifml.get_adapter("keras").devices()  # imports torch before tensorflow
import keras

class Net(keras.Model):
    def __init__(self, n_outputs, hidden=8):
        super().__init__()
        self.inner = keras.layers.Dense(hidden, activation="relu")
        self.outer = keras.layers.Dense(n_outputs)

    def call(self, x):
        return self.outer(self.inner(x))
""",
    "sklearn": """
from sklearn.tree import DecisionTreeClassifier

class Net(DecisionTreeClassifier):
    pass
""",
}

WORK = """
import sys
import joblib
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
import unifml

X, y = load_iris(return_X_y=True)
clf = unifml.Classifier(Net, random_state=0)
pipeline = make_pipeline(StandardScaler(), clf).fit(X, y)
joblib.dump(pipeline, sys.argv[1])
same = joblib.load(sys.argv[1])
np.testing.assert_array_equal(same.predict_proba(X), pipeline.predict_proba(X))
assert clone(clf).model is Net
search = GridSearchCV(clf, {"class_weight": [None, "balanced"]}, cv=2, n_jobs=2,
                      error_score="raise").fit(X, y)
print("score", search.best_score_ > 0.3, search.best_estimator_.backend_)
"""


def test_a_class_of_main_is_dumped_cloned_and_searched(backend, tmp_path):
    script = tmp_path / "notebook.py"
    script.write_text(CLASSES[backend] + WORK)
    command = [sys.executable, str(script), str(tmp_path / "model.joblib")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["score", "True", backend]

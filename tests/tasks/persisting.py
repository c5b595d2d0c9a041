"""What the tests of `save` and `load` share."""

from __future__ import annotations

import json
import zipfile

import numpy as np
from sklearn.datasets import load_iris

import unifml
from unifml import Classifier, Training
from unifml.tasks.persist import archive as archive_room

X, CODES = load_iris(return_X_y=True)
TEXT = np.array(["setosa", "versicolor", "virginica"])[CODES]
NUMBERS = X[:, 0] * 2 + X[:, 1]
SHORT = Training(epochs=3)


def net(backend, **kwargs):
    return Classifier("mlp", backend=backend, random_state=0, training=SHORT, **kwargs)


def same_predictions(left, right, rows=X):
    for method in ("predict", "predict_proba", "decision_function", "transform"):
        if hasattr(left, method):
            a, b = getattr(left, method)(rows), getattr(right, method)(rows)
            assert np.array_equal(a, b)
            assert np.asarray(a).dtype == np.asarray(b).dtype


def again(estimator, path, rows=X, **asked):
    """Save and load, and hold the two against each other."""
    loaded = unifml.load(unifml.save(estimator, path), **asked)
    assert type(loaded) is type(estimator)
    same_predictions(estimator, loaded, rows)
    return loaded


def rewritten(path, change, *, listed=True):
    """Write the file anew with changed entries; with `listed` the manifest knows of it."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(entries.pop("manifest.json"))
    change(manifest, entries)
    if listed:
        manifest["files"] = archive_room.inventory(entries)
    content = json.dumps(manifest).encode()
    archive_room.write_archive(path, {"manifest.json": content} | entries)

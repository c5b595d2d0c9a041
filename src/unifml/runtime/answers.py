"""What a loaded file says of rows, as columns of text or JSON."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.errors import CapabilityError
from unifml.runtime.estimator import OnnxEstimator
from unifml.runtime.schema import LABEL, PREDICTION, TRANSFORMED

Columns = dict[str, npt.NDArray[Any]]


def answered(model: OnnxEstimator, rows: Any, proba: bool) -> Columns:
    """Return what a model says of rows, one array (n,) by the name of each column.

    Parameters
    ----------
    model : OnnxEstimator
        The loaded file.
    rows : table
        As it takes them.
    proba : bool
        Whether probabilities are wanted as well.

    Raises
    ------
    CapabilityError
        If they are, and the file has none.
    """
    if not hasattr(model, "predict"):
        return _each(TRANSFORMED, model.transform(rows))
    name = PREDICTION if model.schema.task == "regression" else LABEL
    columns = _each(name, model.predict(rows))
    if not proba:
        return columns
    if not hasattr(model, "predict_proba"):
        raise CapabilityError(
            f"probabilities of {model.path}",
            found=f"a file for {model.schema.task} with the outputs "
            f"{', '.join(model.schema.outputs)}",
            rule="only classifiers that have probabilities give them",
            fix="leave --proba out",
        )
    shares = model.predict_proba(rows)
    return columns | _shares(shares, model.schema.class_labels())


def as_csv(columns: Columns) -> str:
    """Return columns as a text file with names in its first line."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(_plain(values) for values in columns.values()), strict=True))
    return out.getvalue()


def as_json(columns: Columns) -> str:
    """Return columns as JSON: an object of lists."""
    return json.dumps({name: _plain(values) for name, values in columns.items()}) + "\n"


def _plain(values: npt.NDArray[Any]) -> list[Any]:
    """Return Python's values; a float32 by its own digits, not by those of the nearest float64."""
    if values.dtype == np.float32:
        values = values.astype(str).astype(np.float64)
    found: list[Any] = values.tolist()
    return found


def _each(name: str, values: npt.NDArray[Any]) -> Columns:
    if values.ndim == 1:
        return {name: values}
    flat = values.reshape(len(values), -1)
    return {f"{name}_{i}": flat[:, i] for i in range(flat.shape[1])}


def _shares(shares: Any, classes: list[npt.NDArray[Any]]) -> Columns:
    """Name probabilities by their classes; those of several outputs by their number too."""
    if not isinstance(shares, list):
        names = classes[0] if len(classes[0]) == shares.shape[1] else np.arange(shares.shape[1])
        return {f"probability_{label}": shares[:, i] for i, label in enumerate(names)}
    return {
        f"probability_{k}_{label}": share[:, i]
        for k, (share, labels) in enumerate(zip(shares, classes, strict=True))
        for i, label in enumerate(labels)
    }

"""The proof: onnxruntime and the native model agree on real rows, or there is no file.

The policy: probabilities within 1e-5; predicted numbers within
``1e-5 * max(|y|, std(y)) + 1e-6``; labels equal wherever the two most probable classes of the
native model differ by more than twice the tolerance, and one of the tied classes elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import _safe_indexing

from unifml.errors import DataError, ExportError, ExportMismatchError
from unifml.runtime import OnnxEstimator

Array = npt.NDArray[Any]

RELATIVE, ABSOLUTE = 1e-5, 1e-6
_WORST = 5
_BATCHES = (1, 7)


@dataclass(frozen=True)
class Answers:
    """What a model says of some rows.

    Attributes
    ----------
    predicted : array of shape (n,) or (n, outputs)
        Labels or numbers.
    probabilities : array of shape (n, classes) or None
        Of classes, where the model gives them.
    """

    predicted: Array
    probabilities: Array | None = None

    @classmethod
    def of(cls, model: Any, X: Any) -> Answers:
        """Ask a model."""
        predicted = np.asarray(model.predict(X))
        has = hasattr(model, "predict_proba")
        return cls(predicted, np.asarray(model.predict_proba(X)) if has else None)

    def rows(self, size: int) -> Answers:
        """Return the first rows."""
        share = self.probabilities
        return Answers(self.predicted[:size], None if share is None else share[:size])


@dataclass(frozen=True)
class Proof:
    """What was compared, and how far it differs.

    Attributes
    ----------
    max_abs_diff : float
        Largest difference of a probability or a predicted number; 0 for a model of labels only.
    rows : int
        Number of rows compared.
    label_flips : int
        Rows where the labels differ, within the policy: ties that rounding decides.
    differences : array of shape (n,)
        Largest difference in each row.
    """

    max_abs_diff: float
    rows: int
    label_flips: int
    differences: Array


def native_answers(model: Any, X: Any, *, classifier: bool) -> Answers:
    """Ask the native model, twice.

    Raises
    ------
    ExportError
        If it does not give the same answer again.
    """
    first, second = Answers.of(model, X), Answers.of(model, X)
    if classifier:
        same = np.array_equal(first.predicted, second.predicted)
        same = same and _excess(first.probabilities, second.probabilities, RELATIVE) <= 0
    else:
        same = _excess(first.predicted, second.predicted, tolerance(first.predicted)) <= 0
    if not same:
        raise ExportError(
            f"exporting {type(model).__name__}",
            found="it predicts something else each time",
            rule="only a model that gives the same answer for the same rows can be proven",
            fix="switch off what is random in prediction (dropout, sampling)",
        )
    return first


def prove(content: bytes, native: Answers, X: Any) -> Proof:
    """Compare a file with the native model on all rows, and on the first 1 and 7 alone.

    Parameters
    ----------
    content : bytes
        The file.
    native : Answers
        What the native model says.
    X : table
        The rows; the file gets them through the feeding layer that ships with it.

    Raises
    ------
    ExportError
        If the file cannot be run.
    ExportMismatchError
        If they differ by more than the policy allows, with the worst rows.
    """
    try:
        loaded = OnnxEstimator.from_bytes(content)
        return _prove(loaded, native, X)
    except DataError as error:
        raise ExportError(
            "proving the ONNX file", found=f"it cannot be run on these rows: {error}"
        ) from error


def _prove(loaded: OnnxEstimator, native: Answers, X: Any) -> Proof:
    n = len(native.predicted)
    classes = loaded.schema.task == "classification"
    allowed = np.full(n, RELATIVE) if classes else tolerance(native.predicted)
    whole = _compare(native, Answers.of(loaded, X), loaded, allowed)
    for size in (size for size in _BATCHES if size < n):
        rows = Answers.of(loaded, first_rows(X, size))
        _compare(native.rows(size), rows, loaded, allowed[:size])
    return whole


def _compare(native: Answers, onnx: Answers, loaded: OnnxEstimator, allowed: Any) -> Proof:
    _same_shapes(native, onnx)
    if loaded.schema.task == "regression":
        none = np.zeros(len(native.predicted), dtype=bool)
        return _numbers(native.predicted, onnx.predicted, allowed, none)
    wrong = (native.predicted != onnx.predicted).reshape(len(native.predicted), -1)
    flips = wrong.any(axis=1)
    if native.probabilities is None or onnx.probabilities is None:
        _refuse_labels(native, onnx, flips)
        return Proof(0.0, len(flips), 0, np.zeros(len(flips)))
    proof = _numbers(native.probabilities, onnx.probabilities, allowed, flips)
    _refuse_labels(native, onnx, flips & ~_tied(native, onnx, wrong, loaded.classes_))
    return proof


def _tied(native: Answers, onnx: Answers, wrong: Array, classes: Array) -> Array:
    """Say in which rows rounding may decide: two classes as probable, and the label one of them."""
    share = np.asarray(native.probabilities)
    if native.predicted.ndim == 2:
        return np.asarray((~wrong | (np.abs(share - 0.5) <= RELATIVE)).all(axis=1))
    if share.shape[1] < 2:
        return np.zeros(len(share), dtype=bool)
    columns = {label: column for column, label in enumerate(classes.tolist())}
    named = np.array([columns[label] for label in onnx.predicted.tolist()])
    top = np.sort(share, axis=1)
    lost = top[:, -1] - share[np.arange(len(share)), named]
    return np.asarray((top[:, -1] - top[:, -2] <= 2 * RELATIVE) & (lost <= 2 * RELATIVE))


def first_rows(X: Any, size: int) -> Any:
    """Return the first rows of a table, an array, a list of sequences or a dict of these."""
    if isinstance(X, Mapping):
        return {name: first_rows(values, size) for name, values in X.items()}
    return _safe_indexing(X, np.arange(size))


def tolerance(values: Array) -> Array:
    """Return the difference that is allowed at each predicted number."""
    wide = np.asarray(values, dtype=np.float64)
    return np.asarray(RELATIVE * np.maximum(np.abs(wide), wide.std(axis=0)) + ABSOLUTE)


def _numbers(native: Array, onnx: Array, allowed: Any, flips: Array) -> Proof:
    difference = np.abs(np.asarray(native, np.float64) - np.asarray(onnx, np.float64))
    over = (difference.T / allowed.T).T.reshape(len(native), -1).max(axis=1)
    if not (over <= 1).all():
        _refuse(native, onnx, over, "values differ")
    worst = difference.reshape(len(native), -1).max(axis=1)
    return Proof(float(worst.max()), len(native), int(flips.sum()), worst)


def _excess(a: Array | None, b: Array | None, allowed: Any) -> float:
    if a is None or b is None:
        return 0.0
    return float(np.max(np.abs(a - b) - allowed))


def _same_shapes(native: Answers, onnx: Answers) -> None:
    pairs = [(native.predicted, onnx.predicted)]
    if native.probabilities is not None and onnx.probabilities is not None:
        pairs.append((native.probabilities, onnx.probabilities))
    for ours, theirs in pairs:
        if ours.shape != theirs.shape:
            raise ExportMismatchError(
                "the ONNX file does not agree with the model",
                found=f"shape {theirs.shape} where the model gives {ours.shape}",
            )


def _refuse_labels(native: Answers, onnx: Answers, false: Array) -> None:
    if false.any():
        _refuse(native.predicted, onnx.predicted, 2.0 * false, "labels differ")


def _refuse(native: Array, onnx: Array, badness: Array, what: str) -> None:
    """Show the worst rows; what is wrong by more than allowed has a badness above 1."""
    badness = np.where(np.isnan(badness), np.inf, badness)
    bad = int((badness > 1).sum())
    worst = np.argsort(-badness, kind="stable")[: min(bad, _WORST)]
    lines = [f"  row {i}: model {_shown(native[i])}, ONNX {_shown(onnx[i])}" for i in worst]
    raise ExportMismatchError(
        "the ONNX file does not agree with the model, and was not written",
        found="\n".join([f"{what} in {bad} of {len(native)} rows; the worst", *lines]) + "\n",
        rule="probabilities within 1e-5, numbers within 1e-5 * max(|y|, std(y)) + 1e-6, labels "
        "equal where the model is sure",
    )


def _shown(value: Any) -> str:
    return np.array2string(np.asarray(value), precision=7, threshold=8)

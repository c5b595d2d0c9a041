"""When two answers agree.

The policy: probabilities within 1e-5; numbers within ``1e-5 * max(|y|, std(y)) + 1e-6``; labels
equal wherever the two most probable classes of the native model differ by more than twice the
tolerance, and one of the tied classes elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unifml.export.proof.said import MARGIN, Array, Said
from unifml.runtime.schema import LABEL, PROBABILITIES, SCORES, TRANSFORMED

RELATIVE, ABSOLUTE = 1e-5, 1e-6


@dataclass(frozen=True)
class Verdict:
    """What came of a comparison.

    Attributes
    ----------
    over : array of shape (n,)
        In each row, the worst difference as a multiple of what is allowed: at most 1 is right.
    differences : array of shape (n,)
        The worst difference of a number in each row; 0 where there are labels alone.
    flips : array of bool, shape (n,)
        Where labels differ, and may.
    output : str
        The output that is worst.
    """

    over: Array
    differences: Array
    flips: Array
    output: str

    @property
    def right(self) -> bool:
        """Whether all rows are right."""
        return bool((self.over <= 1).all())


def compare(
    native: Said,
    onnx: Said,
    spread: Said | None = None,
    scale: float = 1.0,
    classes: Sequence[Any] = (),
) -> Verdict:
    """Compare what the native model says with what the file says.

    Parameters
    ----------
    native, onnx : dict of str to array
        Answers, as `ask` returns them.
    spread : dict of str to array, or None
        Native answers from whose spread the tolerance of numbers is taken; None takes `native`.
    scale : float
        By how much the tolerances are wider; above 1 for files that are smaller by rounding.
    classes : sequence of array
        For each output of a classifier its labels, in the order of their columns. Without them no
        label may differ: it cannot be told which classes are tied.
    """
    n = len(next(iter(native.values())))
    over, differences = np.zeros(n), np.zeros(n)
    worst, output = 0.0, next(iter(native))
    for name, values in native.items():
        if name in (LABEL, MARGIN):
            continue
        theirs = onnx.get(name)
        if theirs is None or theirs.shape != values.shape:
            return _all_wrong(n, name)
        allowed = scale * _allowed(name, (spread or native)[name], values)
        lost, difference = _numbers(values, theirs, allowed)
        over, differences = np.maximum(over, lost), np.maximum(differences, difference)
        if lost.max(initial=0.0) > worst:
            worst, output = float(lost.max()), name
    flips = np.zeros(n, dtype=bool)
    if LABEL in native:
        if onnx[LABEL].shape != native[LABEL].shape:
            return _all_wrong(n, LABEL)
        wrong = (native[LABEL] != onnx[LABEL]).reshape(n, -1)
        flips = wrong.any(axis=1)
        false = flips & ~_tied(native, onnx, wrong, scale * RELATIVE, classes)
        if false.any():
            over, output = np.maximum(over, 2.0 * false), LABEL if worst <= 1 else output
    return Verdict(over, differences, flips, output)


def tolerance(values: Array, spread: Array | None = None) -> Array:
    """Return the difference that is allowed at each predicted number."""
    wide = np.abs(np.asarray(values, dtype=np.float64))
    of = np.asarray(values if spread is None else spread, dtype=np.float64)
    with np.errstate(all="ignore"):
        deviation = np.nan_to_num(np.nanstd(of, axis=0)) if of.size else 0.0
    return np.asarray(RELATIVE * np.maximum(np.nan_to_num(wide), deviation) + ABSOLUTE)


def _allowed(name: str, spread: Array, values: Array) -> Any:
    if name.startswith(PROBABILITIES):
        return np.full(values.shape, RELATIVE)
    if values.dtype.kind not in "fiub":
        return np.zeros(values.shape)
    return tolerance(values, spread)


def _numbers(native: Array, onnx: Array, allowed: Array) -> tuple[Array, Array]:
    """Return, row by row, how far numbers are over what is allowed, and how far apart."""
    n = len(native)
    if native.dtype.kind not in "fiub":
        wrong = (native != onnx).reshape(n, -1).any(axis=1)
        return 2.0 * wrong, np.zeros(n)
    a, b = np.asarray(native, np.float64), np.asarray(onnx, np.float64)
    with np.errstate(invalid="ignore"):
        difference = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
    difference = np.where(np.isnan(difference), np.inf, difference).reshape(n, -1)
    over = (difference / allowed.reshape(n, -1)).max(axis=1, initial=0.0)
    return over, difference.max(axis=1, initial=0.0)


def _tied(native: Said, onnx: Said, wrong: Array, allowed: float, classes: Sequence[Any]) -> Array:
    """Say in which rows rounding may decide: two classes are tied, and the label is one of them."""
    if SCORES in native and PROBABILITIES not in native and MARGIN not in native:
        return np.asarray(np.abs(native[SCORES]) <= tolerance(native[SCORES]))
    if PROBABILITIES in native and wrong.shape[1] > 1:  # multilabel
        off = np.abs(np.asarray(native[PROBABILITIES]) - 0.5)
        return np.asarray((~wrong | (off <= allowed)).all(axis=1))
    lags, known = _lags(native), classes or _numbered(native)
    labels = np.asarray(onnx[LABEL]).reshape(len(wrong), -1)
    if not lags or not len(lags) == len(known) == labels.shape[1]:
        return np.zeros(len(wrong), dtype=bool)
    outputs = zip(lags, labels.T, known, strict=True)
    each = [_one_of_tied(lag, said, names, allowed) for lag, said, names in outputs]
    return np.asarray((~wrong | np.stack(each, axis=1)).all(axis=1))


def _lags(native: Said) -> list[Array]:
    """Return for each output how far each class is behind the first one."""
    if MARGIN in native:
        return [native[MARGIN]]
    shares = [np.asarray(v, np.float64) for k, v in native.items() if k.startswith(PROBABILITIES)]
    if shares:
        return [share.max(axis=1, keepdims=True) - share for share in shares]
    if TRANSFORMED not in native:
        return []
    far = np.asarray(native[TRANSFORMED], np.float64)  # distances to centres
    near = far.min(axis=1, keepdims=True)
    return [(far - near) / np.maximum(1, near)]


def _numbered(native: Said) -> list[Array]:
    """Return the numbers of clusters, where each is the number of the nearest centre."""
    if TRANSFORMED not in native:
        return []
    far = np.asarray(native[TRANSFORMED])
    return [np.arange(far.shape[1])] if (far.argmin(axis=1) == native[LABEL]).all() else []


def _one_of_tied(lag: Array, labels: Array, classes: Any, allowed: float) -> Array:
    names = np.asarray(classes).tolist()
    columns = {name: column for column, name in enumerate(names)}
    if lag.shape[1] != len(columns) or lag.shape[1] < 2:
        return np.zeros(len(lag), dtype=bool)
    place = np.array([columns.get(label, -1) for label in labels.tolist()])
    own = np.where(place < 0, np.inf, lag[np.arange(len(lag)), place])
    return np.asarray((np.sort(lag, axis=1)[:, 1] <= 2 * allowed) & (own <= 2 * allowed))


def _all_wrong(n: int, name: str) -> Verdict:
    nothing = np.zeros(n, dtype=bool)
    return Verdict(np.full(n, np.inf), np.full(n, np.inf), nothing, name)

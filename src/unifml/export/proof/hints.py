"""What kind of difference it is: causes that show in the numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from unifml.export.proof.compare import RELATIVE
from unifml.export.proof.lockstep import Names
from unifml.export.proof.parts import TEXT
from unifml.export.proof.said import Array, Said
from unifml.export.proof.stages import Difference
from unifml.runtime.schema import LABEL, PROBABILITIES

_SHOWN = 5
_CLOSE = 10 * RELATIVE


def hint(native: Said, onnx: Said, classes: Any, names: Names) -> str:
    """Return what the answers of a part have to do with the right ones; "" if nothing is plain.

    Parameters
    ----------
    native, onnx : dict of str to array
        What the part says, and what the file makes of it.
    classes : array or None
        Labels of a classifier in their order.
    names : list of str or None
        Names of the columns.
    """
    for key, right in native.items():
        found = onnx.get(key)
        if found is None or found.shape != right.shape or key == TEXT:
            continue
        if key == LABEL:
            continue
        said = _of_numbers(right, found, classes if key.startswith(PROBABILITIES) else names)
        if said:
            return said
    if LABEL in native and LABEL in onnx and onnx[LABEL].shape == native[LABEL].shape:
        return _of_labels(native[LABEL], onnx[LABEL])
    return ""


def worst_column(difference: Difference) -> str:
    """Return the name of the column that differs most: of a feature, a class, or a number."""
    if difference.verdict is None:
        return ""
    key = difference.verdict.output
    right, found = difference.native[key], difference.onnx[key]
    if right.ndim != 2 or right.shape != found.shape or right.shape[1] < 2 or key == LABEL:
        return ""
    if right.dtype.kind not in "fiub":
        return f"column {int((right != found).sum(axis=0).argmax())} of text"
    with np.errstate(all="ignore"):
        lost = np.abs(right.astype(float) - found) / (np.nanstd(right.astype(float), axis=0) + 1e-6)
    lost = np.where(np.isnan(lost), np.isnan(right) != np.isnan(found), lost)
    i = int(lost.sum(axis=0).argmax())
    if key.startswith(PROBABILITIES):
        classes = difference.stage.answers.classes
        return f"class {i if classes is None else classes.tolist()[i]!r}"
    names = difference.names
    return f"column {names[i]!r}" if names and len(names) == right.shape[1] else f"column {i}"


def _of_numbers(right: Array, found: Array, names: Any) -> str:
    if right.dtype.kind not in "fiub" or found.dtype.kind not in "fiub":
        return ""
    a, b = right.reshape(len(right), -1).astype(float), found.reshape(len(found), -1).astype(float)
    lost = np.isnan(b) & ~np.isnan(a)
    if lost.any():
        rows = int(lost.any(axis=1).sum())
        return f"the file gives NaN in {rows} rows where the model gives none"
    if np.isnan(a).any() and not np.isnan(b).any():
        return "the file gives numbers where the model gives NaN"
    return _order(a, b, names) or _line(a, b)


def _order(a: Array, b: Array, names: Any) -> str:
    """Say so, if the file's columns are the model's in another order."""
    if a.shape[1] < 2 or a.shape[1] > 256:
        return ""
    free: set[int] = set(range(a.shape[1]))
    order: list[int] = []
    for column in b.T:
        near = [i for i in free if _close(a[:, i], column)]
        if not near:
            return ""
        place = len(order) if len(order) in near else near[0]
        order.append(place)
        free.discard(place)
    moved = [i for i, place in enumerate(order) if place != i]
    if not moved:
        return ""
    known = list(range(a.shape[1])) if names is None else np.asarray(names).tolist()
    pairs = [f"{known[order[i]]!r} stands where {known[i]!r} should" for i in moved[:_SHOWN]]
    return f"columns in another order: {', '.join(pairs)}"


def _line(a: Array, b: Array) -> str:
    """Say so, if the file's numbers are the model's, shifted and stretched."""
    for i in range(a.shape[1]):
        x, y = a[:, i], b[:, i]
        if _close(x, y) or len(np.unique(x)) < 4:
            continue
        slope, shift = np.polyfit(x, y, 1)
        if _close(slope * x + shift, y):
            return f"the file's numbers are {_of_line(slope, shift, x)}"
        return ""
    return ""


def _of_line(slope: float, shift: float, x: Array) -> str:
    small = _CLOSE * max(float(np.std(x)), 1e-6)
    times = "the model's" if abs(slope - 1) < _CLOSE else f"{slope:.4g} times the model's"
    return times if abs(shift) < small else f"{times} plus {shift:.4g}"


def _of_labels(right: Array, found: Array) -> str:
    """Say so, if each label always comes as the same other one."""
    if right.ndim != 1:
        return ""
    pairs = set(zip(right.tolist(), found.tolist(), strict=True))
    swapped = len({a for a, _ in pairs}) == len(pairs) == len({b for _, b in pairs})
    wrong = sorted((str(a), str(b)) for a, b in pairs if a != b)
    if not swapped or not wrong:
        return ""
    shown = [f"{a!r} comes as {b!r}" for a, b in wrong[:_SHOWN]]
    return f"classes in another order: {', '.join(shown)}"


def _close(a: Array, b: Array) -> bool:
    scale = max(float(np.nanstd(a)), float(np.nanmax(np.abs(a), initial=0.0)) * 1e-3, 1e-6)
    return bool((np.abs(a - b) <= _CLOSE * scale + 1e-7).all())

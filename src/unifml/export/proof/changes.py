"""One column, tensor, list of sequences or list of texts, changed into what was not given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from unifml.export.proof.said import Array
from unifml.runtime.feeding import is_missing

_STRANGERS = ("", "never seen")
_SHARE = 0.3
_BEYOND = 0.1


@dataclass(frozen=True)
class Part:
    """What is known of a part of X.

    Attributes
    ----------
    single : bool
        Whether the file takes it in float32: new numbers are such numbers.
    takes_nan : bool
        Whether the model takes missing numbers.
    network : bool
        Whether a network is in the model: whole numbers may be ids, which end where they end.
    lengths : bool
        Whether it holds lengths of sequences.
    documents : bool
        Whether each row is one text.
    closed : bool
        Whether the file refuses what it has not seen.
    """

    single: bool = False
    takes_nan: bool = False
    network: bool = False
    lengths: bool = False
    documents: bool = False
    closed: bool = False


def recombined(values: Any, part: Part, rng: np.random.Generator) -> Any:
    """Return a column or a tensor whose values stand in other rows, each place by itself."""
    if is_sequences(values):
        return None
    if part.documents:
        return _mixed(values, rng)
    if values.ndim == 1 or (part.network and _whole(values)):  # padding stays at the ends
        return values[rng.permutation(len(values))]
    return rng.permuted(values, axis=0)


def between(values: Any, part: Part, rng: np.random.Generator) -> Any:
    """Return numbers between two that there are."""
    if not _numbers(values):
        return None
    a, b = rng.permuted(values, axis=0), rng.permuted(values, axis=0)
    share = rng.uniform(0.05, 0.95, values.shape)
    with np.errstate(invalid="ignore"):  # infinity less infinity is left as it was
        middle = a + share * (b - a)
    return _rounded(np.where(np.isnan(middle), a, middle), values, part)


def outside(values: Any, part: Part, rng: np.random.Generator) -> Any:
    """Return numbers of which some are a little below or above all others."""
    if not _numbers(values) or not np.isfinite(values).any(axis=0).all():
        return None
    low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
    step = _BEYOND * (high - low) * rng.uniform(0.0, 1.0, values.shape)
    below = np.where(low > 0, np.maximum(low - step, low / 2), low - step)
    below = np.where(low == 0, 0.0, below)
    above = np.where(high < 0, np.minimum(high + step, high / 2), high + step)
    above = np.where(high == 0, 0.0, above)
    beyond = np.where(rng.random(values.shape) < 0.5, below, above)
    chosen = (rng.random(values.shape) < _SHARE) & ~np.isnan(values)
    return _rounded(np.where(chosen, beyond, values), values, part)


def missing(values: Any, part: Part, rng: np.random.Generator) -> Any:
    """Return values of which some are missing, as others are already, or where numbers may be."""
    if is_sequences(values) or part.documents:
        return None
    gaps = _gaps(values)
    if not gaps and not (part.takes_nan and values.dtype.kind == "f"):
        return None
    changed = values.copy()
    chosen = rng.random(values.shape) < _SHARE
    changed[chosen] = gaps[0] if gaps else np.nan
    return changed


def unseen(values: Any, part: Part, rng: np.random.Generator) -> Any:
    """Return text and whole numbers of which some are in no row."""
    if is_sequences(values) or part.closed:
        return None
    if _is_text(values):
        return _with_strangers(values, rng)
    if values.ndim > 1 or part.lengths or values.dtype.kind not in "iuf" or not _whole(values):
        return None
    return _with_new_numbers(values, part, rng)


def shorter(values: Any, part: Part, rng: np.random.Generator) -> Any:
    """Return sequences that end earlier, the first of them after one step."""
    if part.lengths:
        return _first_is_one(rng.integers(1, values.max() + 1, len(values))).astype(values.dtype)
    if not is_sequences(values):
        return None
    stops = _first_is_one([int(rng.integers(1, len(row) + 1)) for row in values])
    return [row[:stop] for row, stop in zip(values, stops, strict=True)]


def longer(values: Any, part: Part, rng: np.random.Generator) -> Any:
    """Return sequences that go on with another one."""
    if not is_sequences(values):
        return None
    others = [values[i] for i in rng.permutation(len(values))]
    return [np.concatenate(pair) for pair in zip(values, others, strict=True)]


def nudged(values: Any, part: Part, rng: np.random.Generator) -> Any:
    """Return numbers moved by one step of float32, some up and some down."""
    if is_sequences(values) or values.dtype.kind != "f" or (part.network and _whole(values)):
        return None
    single = values.astype(np.float32)
    to = np.where(rng.random(values.shape) < 0.5, -np.inf, np.inf).astype(np.float32)
    return np.nextafter(single, to).astype(values.dtype)


KINDS = {
    "recombined": recombined,
    "between": between,
    "outside": outside,
    "missing": missing,
    "unseen": unseen,
    "shorter": shorter,
    "longer": longer,
}


def is_sequences(values: Any) -> bool:
    """Say whether a part is a list of arrays, or an array of such objects."""
    if isinstance(values, list):
        return True
    return values.dtype.kind == "O" and values.ndim == 1 and np.ndim(values[0]) > 0


def _is_text(values: Any) -> bool:
    if values.dtype.kind in "UT":
        return True
    return values.dtype.kind == "O" and any(isinstance(v, str) for v in values.ravel().tolist())


def _numbers(values: Any) -> bool:
    """Say whether a part holds numbers with decimals."""
    if is_sequences(values) or values.dtype.kind != "f":
        return False
    return not _whole(values)


def _whole(values: Any) -> bool:
    if values.dtype.kind in "iub":
        return True
    if values.dtype.kind != "f":
        return False
    known = values[np.isfinite(values)]
    return bool((known == np.round(known)).all())


def _rounded(new: Array, values: Array, part: Part) -> Array:
    with np.errstate(over="ignore"):
        return (new.astype(np.float32) if part.single else new).astype(values.dtype)


def _gaps(values: Array) -> list[Any]:
    if values.dtype.kind not in "fO":
        return []
    return [value for value in values.ravel().tolist() if is_missing(value)]


def _with_strangers(values: Array, rng: np.random.Generator) -> Array:
    changed = values.astype(object)
    there = [i for i, value in enumerate(values.tolist()) if isinstance(value, str)]
    known = set(values[there].tolist())
    strangers = [s for s in (*_STRANGERS, f"{values[there[0]]}?") if s not in known]
    for i in there:
        if rng.random() < _SHARE:
            changed[i] = strangers[int(rng.integers(len(strangers)))]
    return changed


def _with_new_numbers(values: Array, part: Part, rng: np.random.Generator) -> Any:
    """Return numbers in gaps between others, and beyond them where they cannot be ids."""
    known = np.unique(values[np.isfinite(values)])
    if not len(known) or known[-1] - known[0] > 10 * len(values):
        return None
    new = np.setdiff1d(np.arange(known[0], known[-1] + 1), known)
    if not part.network:
        beyond = [known[-1] + 1, *([known[0] - 1] if known[0] != 0 else [])]
        new = np.append(new, beyond)
    if not len(new):
        return None
    changed = values.copy()
    chosen = (rng.random(len(values)) < _SHARE) & np.isfinite(values)
    changed[chosen] = rng.choice(new, int(chosen.sum()))
    return changed


def _mixed(texts: Array, rng: np.random.Generator) -> Array:
    """Return texts whose second halves come from others."""
    words = [text.split(" ") for text in texts.tolist()]
    others = [words[i] for i in rng.permutation(len(words))]
    mixed = np.empty(len(words), dtype=object)
    mixed[:] = [
        " ".join(a[: len(a) // 2] + b[len(b) // 2 :]) for a, b in zip(words, others, strict=True)
    ]
    return mixed


def _first_is_one(stops: Any) -> Array:
    return np.concatenate([[1], np.asarray(stops)[1:]])

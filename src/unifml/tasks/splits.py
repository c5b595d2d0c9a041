"""Which rows are learned from and which are scored, and in what words to say it."""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import (
    GroupShuffleSplit,
    ShuffleSplit,
    StratifiedShuffleSplit,
    check_cv,
)
from sklearn.utils import indexable
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import _num_samples

from unifml.core.inputs import as_rows
from unifml.errors import DataError, ParameterError
from unifml.metrics import Measured
from unifml.tasks.splitters import FOLDS, NAMES, Asked, k_fold, named

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """One fold. ``train`` is None where nothing is learned."""

    train: IntArray | None
    test: IntArray


@dataclass(frozen=True)
class Splits:
    """All folds of an evaluation.

    Attributes
    ----------
    folds : tuple of Split
        In the order in which they are run.
    title : str
        What is done, in words.
    """

    folds: tuple[Split, ...]
    title: str


def as_given(n_rows: int) -> Splits:
    """Return the one fold of a fitted estimator: all rows are scored."""
    title = "scored as fitted, nothing was fitted again"
    return Splits((Split(None, np.arange(n_rows)),), title)


def make_splits(cv: Any, X: Any, y: Any, kind: Measured, groups: Any, seed: int) -> Splits:
    """Return the folds that `cv` means.

    Parameters
    ----------
    cv : None, int, float, str, splitter or iterable of (train, test)
        None is 5 folds, a whole number that many, a fraction a hold-out of that share; all are
        shuffled, stratified for classes, and keep groups together where `groups` are given.
        Names are those of `unifml.tasks.splitters`.
    seed : int
        Shuffles.
    """
    X, y, groups = indexable(as_rows(X), y, groups)
    strata = kind == "classification" and type_of_target(y) in ("binary", "multiclass")
    splitter, title = _splitter(cv, y, Asked(_num_samples(X), strata, groups, seed))
    folds = tuple(Split(train, test) for train, test in splitter.split(X, y, groups))
    if not folds or any(not len(fold.train) or not len(fold.test) for fold in folds):  # type: ignore[arg-type]
        raise DataError(f"cv={cv!r}", rule="every fold needs rows to learn from and to score")
    return Splits(folds, title or f"{len(folds)} folds of {splitter!r}")


def _splitter(cv: Any, y: Any, asked: Asked) -> tuple[Any, str]:
    if isinstance(cv, str):
        return named(cv, asked)
    if cv is None or (isinstance(cv, numbers.Integral) and not isinstance(cv, bool)):
        return k_fold(FOLDS if cv is None else int(cv), asked)
    if isinstance(cv, numbers.Real) and not isinstance(cv, bool):
        share = float(cv)
        return _hold_out(share, asked), f"hold-out of {share:.0%}, {asked.kept}"
    if not hasattr(cv, "split") and not hasattr(cv, "__iter__"):
        raise _not_a_cv(cv)
    given = "" if hasattr(cv, "split") else "cross-validation on the folds given"
    return check_cv(cv, y, classifier=asked.strata), given


def _hold_out(share: float, asked: Asked) -> Any:
    if not 0 < share < 1:
        raise ParameterError(f"cv={share}", rule="0 < cv < 1 for a hold-out")
    if asked.groups is not None:
        kind = GroupShuffleSplit
    else:
        kind = StratifiedShuffleSplit if asked.strata else ShuffleSplit
    return kind(n_splits=1, test_size=share, random_state=asked.seed)


def _not_a_cv(cv: Any) -> ParameterError:
    return ParameterError(
        f"cv={cv!r}",
        rule="a number of folds, a share to hold out, a scikit-learn splitter, folds of rows, or "
        f"one of {', '.join(NAMES)}",
    )

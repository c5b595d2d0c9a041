"""Which rows are learned from and which are scored, and in what words to say it."""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
    check_cv,
)
from sklearn.utils import indexable
from sklearn.utils.multiclass import type_of_target

from unifml.core.inputs import as_rows
from unifml.core.task import Kind
from unifml.errors import DataError, ParameterError

IntArray = npt.NDArray[np.int64]
FOLDS = 5


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


def make_splits(cv: Any, X: Any, y: Any, kind: Kind, groups: Any, seed: int) -> Splits:
    """Return the folds that `cv` means.

    Parameters
    ----------
    cv : None, int, float, splitter or iterable of (train, test)
        None is 5 folds, a whole number that many, a fraction a hold-out of that share; all are
        shuffled, stratified for classes, and keep groups together where `groups` are given.
    seed : int
        Shuffles.
    """
    X, y, groups = indexable(as_rows(X), y, groups)
    splitter, title = _splitter(cv, y, kind, groups, seed)
    folds = tuple(Split(train, test) for train, test in splitter.split(X, y, groups))
    if not folds or any(not len(fold.train) or not len(fold.test) for fold in folds):  # type: ignore[arg-type]
        raise DataError(f"cv={cv!r}", rule="every fold needs rows to learn from and to score")
    return Splits(folds, title or f"{len(folds)} folds of {splitter!r}")


def _splitter(cv: Any, y: Any, kind: Kind, groups: Any, seed: int) -> tuple[Any, str]:
    if isinstance(cv, bool | str):
        raise _not_a_cv(cv)
    strata = kind == "classification" and type_of_target(y) in ("binary", "multiclass")
    how = {"stratified": strata, "by groups": groups is not None}
    words = ", ".join([*(word for word in how if how[word]), f"shuffled (random_state={seed})"])
    if cv is None or isinstance(cv, numbers.Integral):
        folds = FOLDS if cv is None else int(cv)
        return _k_fold(folds, strata, groups, seed), f"{folds}-fold cross-validation, {words}"
    if isinstance(cv, numbers.Real):
        share = float(cv)
        return _hold_out(share, strata, groups, seed), f"hold-out of {share:.0%}, {words}"
    if not hasattr(cv, "split") and not hasattr(cv, "__iter__"):
        raise _not_a_cv(cv)
    given = "" if hasattr(cv, "split") else "cross-validation on the folds given"
    return check_cv(cv, y, classifier=strata), given


def _k_fold(folds: int, strata: bool, groups: Any, seed: int) -> Any:
    if folds < 2:
        raise ParameterError(f"cv={folds}", rule="cv >= 2 folds, or a share between 0 and 1")
    if groups is not None:
        kind = StratifiedGroupKFold if strata else GroupKFold
    else:
        kind = StratifiedKFold if strata else KFold
    return kind(folds, shuffle=True, random_state=seed)


def _hold_out(share: float, strata: bool, groups: Any, seed: int) -> Any:
    if not 0 < share < 1:
        raise ParameterError(f"cv={share}", rule="0 < cv < 1 for a hold-out")
    if groups is not None:
        kind = GroupShuffleSplit
    else:
        kind = StratifiedShuffleSplit if strata else ShuffleSplit
    return kind(n_splits=1, test_size=share, random_state=seed)


def _not_a_cv(cv: Any) -> ParameterError:
    return ParameterError(
        f"cv={cv!r}",
        rule="a number of folds, a share to hold out, a scikit-learn splitter, or folds of rows",
    )

"""Ways to split rows, by name: scikit-learn's splitters, and the words for what they do."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    LeaveOneOut,
    RepeatedKFold,
    RepeatedStratifiedKFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
)

from unifml.errors import DataError, ParameterError, UnknownNameError

FOLDS, REPEATS = 5, 10


@dataclass(frozen=True)
class Asked:
    """What a splitter is made for.

    Attributes
    ----------
    rows : int
        How many there are.
    strata : bool
        Whether every row has one class.
    groups : array-like or None
        Which rows belong together.
    seed : int
        Shuffles.
    """

    rows: int
    strata: bool
    groups: Any
    seed: int

    @property
    def shuffled(self) -> str:
        """How the rows are shuffled, in words."""
        return f"shuffled (random_state={self.seed})"

    @property
    def kept(self) -> str:
        """Which of classes and groups are minded, in words."""
        how = {"stratified": self.strata, "by groups": self.groups is not None}
        return ", ".join([*(word for word in how if how[word]), self.shuffled])


Made = tuple[Any, str]
"""A splitter, and what it does in words."""


def k_fold(folds: int, asked: Asked) -> Made:
    """Return shuffled folds, stratified for classes, that keep groups together."""
    if folds < 2:
        raise ParameterError(f"cv={folds}", rule="cv >= 2 folds, or a share between 0 and 1")
    if asked.groups is not None:
        kind = StratifiedGroupKFold if asked.strata else GroupKFold
    else:
        kind = StratifiedKFold if asked.strata else KFold
    made = kind(folds, shuffle=True, random_state=asked.seed)
    return made, f"{folds}-fold cross-validation, {asked.kept}"


def repeated(folds: int, repeats: int, asked: Asked) -> Made:
    """Return folds that are drawn several times, stratified for classes."""
    if folds < 2 or repeats < 1:
        raise ParameterError(f"cv='{folds}x{repeats}'", rule="at least 2 folds, at least once")
    kind = RepeatedStratifiedKFold if asked.strata else RepeatedKFold
    made = kind(n_splits=folds, n_repeats=repeats, random_state=asked.seed)
    return made, f"{folds}-fold cross-validation repeated {repeats} times, {asked.kept}"


def named(name: str, asked: Asked) -> Made:
    """Return the splitter of a name, checked against what there is to split.

    Raises
    ------
    UnknownNameError
        For a name that there is not.
    ParameterError
        For groups that it would pass over, or classes that there are not.
    DataError
        If it needs groups, and there are none.
    """
    times = _TIMES.fullmatch(name)
    if times is None and name not in NAMES:
        raise UnknownNameError.among("cv", name, (*NAMES, "5x10"))
    if (asked.groups is not None) != (name in _OF_GROUPS) and name not in _WITH_OR_WITHOUT:
        raise _groups_wrong(name, asked)
    if times is not None:
        return repeated(int(times[1]), int(times[2]), asked)
    return NAMES[name](asked)


def _plain(asked: Asked) -> Made:
    made = KFold(FOLDS, shuffle=True, random_state=asked.seed)
    return made, f"{FOLDS}-fold cross-validation, {asked.shuffled}"


def _stratified(asked: Asked) -> Made:
    if not asked.strata:
        raise ParameterError(
            "cv='stratified'",
            found="y does not give each row one class",
            fix='take cv="k_fold"',
        )
    return k_fold(FOLDS, asked)


def _group(asked: Asked) -> Made:
    made = GroupKFold(FOLDS, shuffle=True, random_state=asked.seed)
    return made, f"{FOLDS}-fold cross-validation, by groups, {asked.shuffled}"


def _one_group_out(asked: Asked) -> Made:
    return LeaveOneGroupOut(), f"leave-one-group-out, {len(np.unique(asked.groups))} groups"


def _time_series(asked: Asked) -> Made:
    words = f"{FOLDS} splits in order of time, each learns from all rows before"
    return TimeSeriesSplit(FOLDS), words


def _sliding(asked: Asked) -> Made:
    window = max(asked.rows // (FOLDS + 1), 1)  # as long as the rows that each split scores
    words = f"{FOLDS} splits in order of time, each learns from the {window} rows before"
    return TimeSeriesSplit(FOLDS, max_train_size=window), words


NAMES: dict[str, Callable[[Asked], Made]] = {
    "k_fold": _plain,
    "stratified": _stratified,
    "repeated": lambda asked: repeated(FOLDS, REPEATS, asked),
    "group": _group,
    "leave_one_group_out": _one_group_out,
    "leave_one_out": lambda asked: (LeaveOneOut(), "leave-one-out"),
    "time_series": _time_series,
    "sliding": _sliding,
}
_TIMES = re.compile(r"([0-9]+)x([0-9]+)")
_OF_GROUPS = frozenset({"group", "leave_one_group_out"})
_WITH_OR_WITHOUT = frozenset({"stratified"})


def _groups_wrong(name: str, asked: Asked) -> DataError | ParameterError:
    if asked.groups is None:
        return DataError(f"cv={name!r}", found="groups is None", fix="say groups=, one a row")
    return ParameterError(
        f"cv={name!r} with groups",
        found="it would not keep the rows of a group together",
        fix='take cv="group" or a number of folds',
    )

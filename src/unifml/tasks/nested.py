"""Searches for parameters inside an evaluation: nested cross-validation."""

from __future__ import annotations

from inspect import signature
from typing import Any

from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    LeaveOneGroupOut,
    LeavePGroupsOut,
    StratifiedGroupKFold,
)

NAME = "groups"
_ENDINGS = ("SearchCV", "Tuning", "TuneSearch")  # those of other packages are called so as well
_BY_GROUPS = (
    *(GroupKFold, GroupShuffleSplit, LeaveOneGroupOut, LeavePGroupsOut),
    StratifiedGroupKFold,
)


def searches(estimator: Any) -> bool:
    """Say whether an estimator, or a part of it, looks for its parameters when it is fitted."""
    parts = [estimator, *estimator.get_params(deep=True).values()]
    return any(map(_is_search, parts))


def fit_groups(estimator: Any, groups: Any) -> dict[str, Any]:
    """Return the argument of ``fit`` by which a search keeps groups together in its own folds.

    Searches of unifml take groups always; scikit-learn's where their splitter is one by groups.
    """
    if groups is None or not _is_search(estimator):
        return {}
    takes = NAME in signature(estimator.fit).parameters
    return {NAME: groups} if takes or isinstance(estimator.cv, _BY_GROUPS) else {}


def _is_search(part: Any) -> bool:
    return any(cls.__name__.endswith(_ENDINGS) for cls in type(part).__mro__)

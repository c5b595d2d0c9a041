"""Decisions -> parts of a ColumnTransformer, columns of one treatment together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from unifml.columns import Dates, Texts, Words
from unifml.columns.words import ASCII
from unifml.tasks.preprocess.decision import Decision
from unifml.tasks.preprocess.looking import Rules

MOST_WORDS = 200
_SEED = 0  # of the folds that TargetEncoder makes, so that a fit can be repeated

Part = tuple[str, Any, list[str | int]]
Group = list[Decision]


def parts_of(decisions: tuple[Decision, ...], rules: Rules, target: str) -> list[Part]:
    """Return the parts of a ColumnTransformer: name, transformer, columns.

    Parameters
    ----------
    decisions : tuple of Decision
        One a column; those without a block are left out.
    rules : Rules
        What was known when they were made.
    target : str
        What y is, in TargetEncoder's words.
    """
    taken: set[str] = set()
    found: list[Part] = []
    for group in _groups(decisions):
        step = _MAKERS[group[0].block](group, rules, target)
        found.append((_name(group, taken), step, [d.column for d in group]))
    return found


def _groups(decisions: tuple[Decision, ...]) -> Iterator[Group]:
    """Put columns of one treatment together whose outputs cannot have one name."""
    by_key: dict[Any, Group] = {}
    for decision in decisions:
        if decision.block:
            by_key.setdefault(_key(decision), []).append(decision)
    for group in by_key.values():
        yield from _apart(group)


def _key(decision: Decision) -> Any:
    if decision.block == "words":  # a vectorizer takes one column
        return decision.block, decision.column
    settings = decision.settings
    return decision.block, settings[:1] if decision.block == "ordered" else settings


def _apart(group: Group) -> Iterator[Group]:
    """Split a group where the name of a column is how another's output may be called.

    `a_b` is a column, and the category `b` of a column `a`; scikit-learn puts the name of the
    part before both.
    """
    names = {str(decision.column) for decision in group}
    alike = [_is_output(str(decision.column), names) for decision in group]
    yield [decision for decision, is_output in zip(group, alike, strict=True) if not is_output]
    if any(alike):
        yield from _apart([decision for decision, yes in zip(group, alike, strict=True) if yes])


def _is_output(name: str, names: set[str]) -> bool:
    """Say whether another column may give an output of that name; the shortest never is one."""
    marked = name.removeprefix("missingindicator_")
    if marked != name and marked in names:
        return True
    return any(letter == "_" and name[:i] in names for i, letter in enumerate(name))


def _name(group: Group, taken: set[str]) -> str:
    block = group[0].block
    if block == "words":
        block = f"words_{str(group[0].column).replace('__', '_')}".strip("_")
    name, number = block, 2
    while name in taken:
        name, number = f"{block}_{number}", number + 1
    taken.add(name)
    return name


def _numbers(group: Group, rules: Rules, target: str) -> Any:
    return Pipeline([("impute", _median(marked=True)), ("scale", StandardScaler())])


def _median(*, marked: bool) -> SimpleImputer:
    """Fill gaps, also in rows to come; columns that are empty in a fold stay."""
    return SimpleImputer(strategy="median", add_indicator=marked, keep_empty_features=True)


def _flags(group: Group, rules: Rules, target: str) -> Any:
    return OneHotEncoder(drop="if_binary", handle_unknown="ignore", sparse_output=False)


def _categories(group: Group, rules: Rules, target: str) -> Any:
    return _from_text(group, _one_hot(min_frequency=rules.rare))


def _one_hot(**limits: Any) -> OneHotEncoder:
    return OneHotEncoder(handle_unknown="infrequent_if_exist", sparse_output=False, **limits)


def _from_text(group: Group, *steps: Any) -> Any:
    """Return steps one after another, with `Texts` before where columns hold text."""
    texts = [Texts()] if group[0].settings[:1] == ("text",) else []
    named = [(type(step).__name__.lower(), step) for step in [*texts, *steps]]
    return named[0][1] if len(named) == 1 else Pipeline(named)


def _many(group: Group, rules: Rules, target: str) -> Any:
    if not rules.target:
        return _from_text(group, _one_hot(max_categories=rules.max_one_hot))
    return _from_text(group, _means(target), StandardScaler())


def _means(target: str) -> TargetEncoder:
    if TargetEncoder().get_params().get("random_state", "") is None:  # scikit-learn before 1.9
        return TargetEncoder(target_type=target, random_state=_SEED)
    folds = KFold if target == "continuous" else StratifiedKFold
    return TargetEncoder(target_type=target, cv=folds(5, shuffle=True, random_state=_SEED))


def _ordered(group: Group, rules: Rules, target: str) -> Any:
    encoder = OrdinalEncoder(
        categories=[list(decision.settings[1:]) for decision in group],
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
    )
    return _from_text(group, encoder, _median(marked=True), StandardScaler())


def _dates(group: Group, rules: Rules, target: str) -> Any:
    return Pipeline(
        [
            ("dates", Dates(parts=group[0].settings)),
            ("impute", _median(marked=False)),
            ("scale", StandardScaler()),
        ]
    )


def _words(group: Group, rules: Rules, target: str) -> Any:
    words = Words(max_features=MOST_WORDS, sublinear_tf=True)
    if group[0].settings == ("ascii",):
        words.set_params(token_pattern=ASCII)
    return words


_MAKERS: dict[str, Callable[[Group, Rules, str], Any]] = {
    "numbers": _numbers,
    "flags": _flags,
    "categories": _categories,
    "many": _many,
    "ordered": _ordered,
    "dates": _dates,
    "words": _words,
}

"""Short names: ``dropout`` for the one nested parameter of that name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from unifml.errors import ParameterError, UnknownNameError
from unifml.models import Native
from unifml.tasks.preprocess.decision import Preprocessor


def resolve(estimator: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return `params` with every short name replaced by the full one.

    Parameters
    ----------
    estimator : Estimator
        Whose parameters are meant; a Pipeline's steps count as well.
    params : mapping
        Values by short or full name.

    Raises
    ------
    UnknownNameError
        For a name that no parameter has, with the nearest one.
    ParameterError
        For a short name of several parameters, or two names of the same one.
    """
    found = {name: full_name(estimator, name) for name in params}
    twice = [full for full, count in Counter(found.values()).items() if count > 1]
    if twice:
        short = [name for name, full in found.items() if full == twice[0]]
        raise ParameterError(f"{' and '.join(short)}", found=f"both mean {twice[0]}")
    return {found[name]: value for name, value in params.items()}


def full_name(estimator: Any, name: str) -> str:
    """Return the full name of the one parameter that `name` means."""
    found = full_names(estimator, name)
    if len(found) == 1:
        return found[0]
    kind = f"parameter of {type(estimator).__name__}"
    if found:
        raise ParameterError(
            f"{kind} {name!r} is ambiguous",
            found=f"{len(found)} have that name",
            fix=f"write one of {', '.join(found)}",
        )
    raise UnknownNameError.among(kind, name, short_names(estimator))


def full_names(estimator: Any, name: str) -> list[str]:
    """Return the full names of all parameters that `name` may mean, an exact match alone."""
    params = estimator.get_params(deep=True)
    if name in params:
        return [name]
    nested = [full for full in params if full.endswith(f"__{name}")]
    # What was put before a model by itself is meant by its full name only.
    aside = [full for full in nested if not isinstance(params[full.split("__")[0]], Preprocessor)]
    nested = aside or nested
    return nested or [
        f"{owner}__{name}" for owner, value in params.items() if _factory_takes(value, name)
    ]


def short_names(estimator: Any) -> list[str]:
    """Return the names that mean something: short ones where they are enough."""
    full = list(estimator.get_params(deep=True))
    ends = Counter(name.rpartition("__")[2] for name in full)
    return sorted(
        {end if ends[end] == 1 else name for name in full for end in [name.rpartition("__")[2]]}
    )


def _factory_takes(value: Any, name: str) -> bool:
    """Whether a factory of the user has an argument that was left to its default."""
    if not isinstance(value, Native) or "__" in name:
        return False
    try:
        value.with_params(**{name: None})
    except UnknownNameError:
        return False
    return True

"""What a hyperparameter may be: the types of search spaces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from unifml.errors import ParameterError


@dataclass(frozen=True)
class Float:
    """A real number between `low` and `high`.

    Parameters
    ----------
    low, high : float
        Bounds, both included.
    log : bool, default=False
        Search on a logarithmic scale.
    step : float or None, default=None
        Search only multiples of it above `low`.

    Examples
    --------
    >>> from unifml import Float
    >>> Float(1e-4, 1e-1, log=True)
    Float(low=0.0001, high=0.1, log=True, step=None)
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None

    def __post_init__(self) -> None:
        _check_range(self)


@dataclass(frozen=True)
class Int:
    """A whole number between `low` and `high`, both included.

    Parameters
    ----------
    low, high : int
        Bounds, both included.
    log : bool, default=False
        Search on a logarithmic scale.
    step : int, default=1
        Search only multiples of it above `low`.

    Examples
    --------
    >>> from unifml import Int
    >>> Int(1, 3)
    Int(low=1, high=3, log=False, step=1)
    """

    low: int
    high: int
    log: bool = False
    step: int = 1

    def __post_init__(self) -> None:
        _check_range(self)


@dataclass(frozen=True)
class Categorical:
    """One of the given values, of any type.

    Parameters
    ----------
    choices : tuple
        The values to choose among.

    Examples
    --------
    >>> from unifml import Categorical
    >>> Categorical(("relu", "tanh"))
    Categorical(choices=('relu', 'tanh'))
    """

    choices: tuple[Any, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "choices", tuple(self.choices))
        if not self.choices:
            raise ParameterError("Categorical(())", rule="there must be at least one choice")


Dimension = Float | Int | Categorical
Space = dict[str, Dimension]


def _check_range(dimension: Float | Int) -> None:
    if not dimension.low <= dimension.high:
        raise ParameterError(repr(dimension), rule="low <= high must hold")
    if dimension.log and dimension.low <= 0:
        raise ParameterError(repr(dimension), rule="log=True needs low > 0")

"""One batch of a user's stream: what of it is X, what y, and what the weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from unifml.core.inputs import by_name
from unifml.data.tensors import from_tensor
from unifml.errors import DataError

TARGETS = ("y", "label", "labels", "target", "targets")
WEIGHTS = ("sample_weight", "weight", "weights")


class Batch(NamedTuple):
    """What a stream yields, taken apart; what it does not have is None."""

    X: Any
    y: Any = None
    weight: Any = None

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays, so far as they say."""
        parts = (*by_name(self.X).values(), self.y, self.weight)
        return sum(int(getattr(part, "nbytes", 64)) for part in parts if part is not None)


def as_batch(found: Any) -> Batch:
    """Take a batch of a user apart.

    Parameters
    ----------
    found : tuple or list of one to three, dict, array or tensor
        ``(X, y, weight)``; or a dict with targets under ``y``, ``label``, ``labels``, ``target``
        or ``targets``, weights under ``weight``, ``weights`` or ``sample_weight``, and inputs
        under all other names (one is X itself, several are inputs by name).

    Raises
    ------
    DataError
    """
    if isinstance(found, Mapping):
        return _from_names(found)
    if not isinstance(found, tuple | list):
        return Batch(_plain(found))
    if not 1 <= len(found) <= 3:
        raise DataError(
            f"a batch of {len(found)} parts", rule="a batch is X, (X, y), (X, y, weight) or a dict"
        )
    return Batch(*map(_plain, found))


def _from_names(found: Mapping[Any, Any]) -> Batch:
    y, weight = (_one(found, names) for names in (TARGETS, WEIGHTS))
    inputs = {
        str(name): _plain(part) for name, part in found.items() if name not in (*TARGETS, *WEIGHTS)
    }
    if not inputs:
        raise DataError(
            f"a batch with {sorted(map(str, found))}",
            rule="some part of it is no target and no weight: the input",
        )
    X = next(iter(inputs.values())) if len(inputs) == 1 else inputs
    return Batch(X, _plain(y), _plain(weight))


def _one(found: Mapping[Any, Any], names: tuple[str, ...]) -> Any:
    there = [name for name in names if name in found]
    if len(there) > 1:
        raise DataError(f"a batch with {there}", rule="only one of them may be in it")
    return found[there[0]] if there else None


def _plain(part: Any) -> Any:
    if isinstance(part, Mapping):
        return {str(name): from_tensor(values) for name, values in part.items()}
    if isinstance(part, list | tuple) and part and hasattr(type(part[0]), "__dlpack__"):
        return [np.asarray(from_tensor(value)) for value in part]
    return from_tensor(part)

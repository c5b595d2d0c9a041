"""Frozen, hashable parameter objects: the base of models, layers, training and optimizers."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Self

import numpy as np

from unifml.errors import UnknownNameError


@dataclasses.dataclass(frozen=True)
class Spec:
    """A frozen dataclass that scikit-learn can read, and that never changes in place.

    Lists given for a field become tuples, so that every spec can be hashed and cached; NumPy's
    numbers become Python's.
    """

    kind: ClassVar[str] = "spec"

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            plain = _plain(value)
            if plain is not value:
                object.__setattr__(self, field.name, plain)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the fields by name; with `deep`, those of nested specs as ``outer__inner``."""
        params = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.init}
        if deep:
            params.update(nested_params(params))
        return params

    def with_params(self, **params: Any) -> Self:
        """Return a changed copy; ``outer__inner`` reaches into nested specs.

        Raises
        ------
        UnknownNameError
            For a name that is not a field, with the nearest one.
        """
        own, nested = split_nested(params)
        known = self.get_params(deep=False)
        for name in (*own, *nested):
            if name not in known:
                raise UnknownNameError.among(f"parameter of {type(self).__name__}", name, known)
        for name, inner in nested.items():
            own[name] = changed(own.get(name, known[name]), name, inner)
        return dataclasses.replace(self, **own)

    def __sklearn_clone__(self) -> Self:
        return self

    def __repr__(self) -> str:
        shown = [
            f"{f.name}={getattr(self, f.name)!r}"
            for f in dataclasses.fields(self)
            if f.init and f.repr and not same(getattr(self, f.name), default_of(f))
        ]
        return f"{type(self).__name__}({', '.join(shown)})"


def default_of(field: dataclasses.Field[Any]) -> object:
    """Return a field's default, or `dataclasses.MISSING`."""
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def same(left: object, right: object) -> bool:
    """Compare two parameter values without being misled by arrays or exotic ``__eq__``."""
    if left is right:
        return True
    return type(left) is type(right) and isinstance(left, _PLAIN) and left == right


def split_nested(params: dict[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Split ``{"a": 1, "b__c": 2}`` into ``{"a": 1}`` and ``{"b": {"c": 2}}``."""
    own: dict[str, Any] = {}
    nested: dict[str, dict[str, Any]] = {}
    for key, value in params.items():
        head, separator, tail = key.partition("__")
        if separator:
            nested.setdefault(head, {})[tail] = value
        else:
            own[key] = value
    return own, nested


def nested_params(params: dict[str, Any]) -> dict[str, Any]:
    """Return ``outer__inner`` entries for every value that has parameters of its own."""
    return {
        f"{name}__{inner}": value
        for name, outer in params.items()
        if hasattr(outer, "get_params") and not isinstance(outer, type)
        for inner, value in outer.get_params(deep=True).items()
    }


def changed(outer: Any, name: str, params: dict[str, Any]) -> Any:
    """Return a copy of the parameter object `outer` with `params` changed."""
    if not hasattr(outer, "with_params"):
        raise UnknownNameError(
            f"cannot set {', '.join(f'{name}__{key}' for key in params)}",
            found=f"{name}={outer!r} has no parameters of its own",
        )
    return outer.with_params(**params)


_PLAIN = (str, bytes, int, float, bool, tuple, frozenset, type(None), Spec)


def _plain(value: Any) -> Any:
    """Return lists as tuples, and NumPy's numbers as Python's; anything else as it is."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list):
        return tuple(_plain(item) for item in value)
    if type(value) is tuple:
        plain = tuple(_plain(item) for item in value)
        return value if all(a is b for a, b in zip(plain, value, strict=True)) else plain
    return value

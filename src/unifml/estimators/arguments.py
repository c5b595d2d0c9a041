"""Which arguments a method has, asked before it is called."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper, wraps
from inspect import Parameter, signature
from types import MethodType
from typing import Any, TypeVar, cast

Method = TypeVar("Method", bound=Callable[..., Any])
_WEIGHT = "sample_weight"


def shows_weights_it_takes(method: Method) -> Method:
    """Let the signature of an instance's method name ``sample_weight`` only where it is taken.

    Ensembles and scikit-learn's checks read it there before they pass weights. Weights that come
    nevertheless are refused as ever.
    """
    return cast(Method, _Shown(method))


class _Shown:
    def __init__(self, method: Callable[..., Any]) -> None:
        self._method = method
        update_wrapper(cast(Any, self), method)

    def __get__(self, estimator: Any, owner: type[Any] | None = None) -> Callable[..., Any]:
        if estimator is None:
            return self._method
        bound = MethodType(self._method, estimator)
        native = estimator._untouched()
        if native is None or _takes_weights(getattr(native, self._method.__name__)):
            return bound

        @wraps(bound)
        def method(*args: Any, **kwargs: Any) -> Any:
            return bound(*args, **kwargs)

        whole = signature(bound)
        kept = [p for p in whole.parameters.values() if p.name != _WEIGHT]
        method.__signature__ = whole.replace(parameters=kept)  # type: ignore[attr-defined]
        return method


def _takes_weights(method: Callable[..., Any]) -> bool:
    parameters = signature(method).parameters
    return _WEIGHT in parameters or any(
        p.kind is Parameter.VAR_KEYWORD for p in parameters.values()
    )

"""The parameters of an estimator: stored, read, changed, copied and shown."""

from __future__ import annotations

import copy
from inspect import signature
from typing import Any, Self

from sklearn.base import BaseEstimator, clone

from unifml.core.aside import aside
from unifml.core.fitted import Fitted
from unifml.core.spec import changed, nested_params, same, split_nested
from unifml.errors import UnifmlError, UnknownNameError, closest
from unifml.estimators.resolve import resolve_adapter, resolve_model, unknown
from unifml.models import Model
from unifml.training import Training

_NESTED = ("model", "training")


class Parameters(BaseEstimator):
    """Stores parameters, and nothing else, when it is made."""

    _fitted: Fitted

    def __init__(
        self,
        model: Any = "mlp",
        *,
        training: Training | None = None,
        backend: str | None = None,
        device: str | None = None,
        inputs: Any = None,
        random_state: Any = None,
        verbose: int | None = None,
    ) -> None:
        self.model = model
        self.training = training
        self.backend = backend
        self.device = device
        self.inputs = inputs
        self.random_state = random_state
        self.verbose = verbose

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name.

        Parameters
        ----------
        deep : bool, default=True
            Also those of the model and of the training, as ``model__hidden`` and
            ``training__epochs``, whether they were given as an object, a name, or not at all.
        """
        params: dict[str, Any] = super().get_params(deep=False)
        if not deep:
            return params
        return params | nested_params({name: self._nested(name) for name in _NESTED})

    def set_params(self, **params: Any) -> Self:
        """Change parameters; a nested one replaces its owner by a changed copy.

        Raises
        ------
        UnknownNameError
            For a name that does not exist, with the nearest one.
        """
        own, nested = split_nested(params)
        known = self.get_params(deep=False)
        for name in (*own, *nested):
            if name not in known:
                raise self._unknown_parameter(name)
        values = {name: own.get(name, known[name]) for name in (*own, *nested)}
        for name, inner in nested.items():
            values[name] = with_changes(resolved(name, values[name]), name, inner)
        for name, value in values.items():
            setattr(self, name, value)
        return self

    def _unknown_parameter(self, name: str) -> UnknownNameError:
        known = sorted(self.get_params())
        short = [full for full in known if full.endswith(f"__{name}")]
        close = short[0] if short else closest(name, known)
        return UnknownNameError(
            f"Invalid parameter {name!r} for estimator {self!r}",
            rule=f"Valid parameters are: {', '.join(known)}",
            fix=f"did you mean {close!r}?" if close else "",
        )

    def __sklearn_clone__(self) -> Self:
        params = {k: cloned(v) for k, v in self.get_params(deep=False).items()}
        twin = type(self)(**params)
        for name in ("_metadata_request", "_sklearn_output_config"):
            if name in self.__dict__:
                setattr(twin, name, copy.deepcopy(self.__dict__[name]))
        return twin

    def __getstate__(self) -> dict[str, Any]:
        taker = aside()
        return taker.put(self) if taker else super().__getstate__()

    def __setstate__(self, state: dict[str, Any]) -> None:
        taker = aside()
        if taker:
            taker.take(self, state)
        else:
            super().__setstate__(state)

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:  # noqa: N803  (scikit-learn's name)
        params = super().get_params(deep=False)
        if "backend" in params:
            params["backend"] = self._backend_name() or self.backend
        shown = [
            f"{name}={params[name]!r}"
            for name, parameter in signature(type(self)).parameters.items()
            if name in params and (name == "model" or not same(params[name], parameter.default))
        ]
        text = ", ".join(shown)
        return f"{type(self).__name__}({text})"

    def _nested(self, name: str) -> Any:
        return resolved(name, getattr(self, name))

    def _backend_name(self) -> str | None:
        if "_fitted" in self.__dict__ and self.backend is None:
            return self._fitted.backend
        try:
            model = resolve_model(self.model)
            return resolve_adapter(model, self.backend).name if not unknown(model) else None
        except UnifmlError:
            return None


def resolved(name: str, value: Any) -> Any:
    """Return a nested parameter object, with names and None resolved; as it is if unknown."""
    if name == "training":
        return Training() if value is None else value
    if isinstance(value, str) or (isinstance(value, type) and issubclass(value, Model)):
        try:
            return resolve_model(value)
        except UnifmlError:
            return value
    return value


def cloned(value: Any) -> Any:
    """Clone what scikit-learn would; native models and specs go by reference."""
    is_estimator = hasattr(value, "get_params") and not isinstance(value, type)
    return clone(value) if is_estimator and hasattr(value, "fit") else value


def with_changes(value: Any, name: str, params: dict[str, Any]) -> Any:
    """Return a copy of a nested parameter object with `params` changed."""
    if hasattr(value, "fit") and hasattr(value, "set_params"):
        return clone(value).set_params(**params)
    return changed(value, name, params)

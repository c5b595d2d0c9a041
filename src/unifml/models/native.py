"""Native models of the user, and how their factories are called."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from unifml.core.plan import Output
from unifml.core.signature import Signature
from unifml.errors import DataTypeError, ParameterError, UnknownNameError

_FILLED = ("n_features", "n_outputs", "n_classes", "input_shape", "signature")
_OUTPUTS = ("logits", "probabilities", "log_probabilities")


class Native:
    """A native model with parameters of its own, for tuning and `set_params`.

    Parameters
    ----------
    factory : class, callable or instance
        What builds a ``torch.nn.Module``, a ``keras.Model`` or a scikit-learn estimator.
    output : {"logits", "probabilities", "log_probabilities"} or None
        What the network returns, where it cannot be told.
    **params
        Arguments of the factory. ``n_features``, ``n_outputs``, ``n_classes``, ``input_shape``
        and ``signature`` are filled from the data where the factory asks for them.

    Raises
    ------
    ParameterError
        For an `output` that is not one of those named.

    Examples
    --------
    >>> import unifml
    >>> def build(n_features, n_outputs, hidden=16):
    ...     import torch
    ...     return torch.nn.Sequential(
    ...         torch.nn.Linear(n_features, hidden), torch.nn.ReLU(),
    ...         torch.nn.Linear(hidden, n_outputs))
    >>> clf = unifml.Classifier(unifml.Native(build, hidden=32))
    >>> clf.get_params()["model__hidden"]
    32
    """

    kind = "native"

    def __init__(self, factory: Any, output: Output | None = None, **params: Any) -> None:
        if output is not None and output not in _OUTPUTS:
            raise ParameterError(f"output={output!r}", rule=f"output in {_OUTPUTS} or None")
        self.factory, self.output = factory, output
        self.params: Mapping[str, Any] = dict(params)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return factory, output and the factory's arguments."""
        return {"factory": self.factory, "output": self.output, **self.params}

    def with_params(self, **params: Any) -> Native:
        """Return a changed copy; arguments that the factory does not take are an error."""
        known = {*self.get_params(), *_arguments(self.factory)} - set(_FILLED)
        for name in params:
            if name not in known and not _takes_any(self.factory):
                raise UnknownNameError.among("parameter of the factory", name, known)
        return Native(**{**self.get_params(), **params})

    def __sklearn_clone__(self) -> Native:
        return self

    def __repr__(self) -> str:
        name = getattr(self.factory, "__name__", type(self.factory).__name__)
        given = {"output": self.output} if self.output else {}
        shown = [name, *(f"{key}={value!r}" for key, value in (given | dict(self.params)).items())]
        return f"Native({', '.join(shown)})"


def is_factory(obj: object) -> bool:
    """Say whether `obj` is a class or function that builds a model, not a model."""
    return inspect.isclass(obj) or inspect.isroutine(obj) or type(obj).__name__ == "partial"


def call_factory(factory: Callable[..., Any], params: Mapping[str, Any], sig: Signature) -> Any:
    """Call a factory with its own parameters and those that the data fill.

    Raises
    ------
    ParameterError
        For required arguments that nobody gives, with the line to write.
    """
    filled = {f.name: getattr(sig, f.name) for f in fields(sig)}
    filled |= {"n_features": sig.n_features, "signature": sig}
    arguments = _arguments(factory)
    given = {name: filled[name] for name in arguments if name in _FILLED} | dict(params)
    missing = [n for n, p in arguments.items() if p.default is p.empty and n not in given]
    if len(missing) == 1 and len(given) == len(params) and not inspect.isclass(factory):
        return factory(sig, **given)
    if missing:
        name = getattr(factory, "__name__", repr(factory))
        values = ", ".join(f"{argument}=..." for argument in missing)
        raise ParameterError(
            f"building {name}",
            found=f"no value for {', '.join(missing)}",
            rule=f"{', '.join(_FILLED)} are filled from the data",
            fix=f"write unifml.Native({name}, {values})",
        )
    return factory(**given)


def refuse_params(native: Native) -> None:
    """Raise for parameters given to a network that is built already."""
    if native.params:
        raise ParameterError(
            f"{', '.join(native.params)} for {native!r}",
            rule="only a class or a function takes parameters",
            fix="pass a function that builds the network with them",
        )


def _arguments(factory: Any) -> dict[str, inspect.Parameter]:
    return {
        n: p
        for n, p in _signature(factory).items()
        if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    }


def _takes_any(factory: Any) -> bool:
    return any(p.kind is p.VAR_KEYWORD for p in _signature(factory).values())


def _signature(factory: Any) -> Mapping[str, inspect.Parameter]:
    if not is_factory(factory):
        return {}
    try:
        return inspect.signature(factory).parameters
    except ValueError as error:
        raise DataTypeError(
            f"the factory {factory!r}", found="its arguments cannot be read", fix="wrap it in a def"
        ) from error

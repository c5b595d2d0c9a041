"""Settings that hold where an estimator or a verb does not say: backend, device, verbosity."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

from unifml.errors import ParameterError, UnknownNameError

__all__ = ["config_context", "get_config", "set_config"]

_ENVIRONMENT = {"backend": "UNIFML_BACKEND", "device": "UNIFML_DEVICE", "verbose": "UNIFML_VERBOSE"}
_settings: ContextVar[Mapping[str, object]] = ContextVar("unifml_config")
_process: dict[str, object] = {}


def get_config() -> Mapping[str, object]:
    """Return the settings in force.

    Returns
    -------
    mapping
        ``backend`` (str or None), ``device`` (str or None) and ``verbose`` (int or None).

    Examples
    --------
    >>> import unifml
    >>> with unifml.config_context(device="cpu"):
    ...     unifml.get_config()["device"]
    'cpu'
    """
    return MappingProxyType({**_from_environment(), **_process, **_settings.get({})})


def set_config(**settings: object) -> None:
    """Set defaults for the whole process.

    Parameters
    ----------
    **settings
        Any of ``backend`` (str or None), ``device`` (str or None), ``verbose`` (0, 1, 2 or
        None). None takes a setting back.

    Raises
    ------
    UnknownNameError
        For a setting that does not exist.

    Examples
    --------
    >>> import unifml
    >>> unifml.set_config(verbose=0)
    >>> unifml.set_config(verbose=None)
    """
    _process.update(_checked(settings))


@contextmanager
def config_context(**settings: object) -> Iterator[None]:
    """Set defaults inside a ``with`` block, in this thread or task only.

    Parameters
    ----------
    **settings
        As in `set_config`.

    Examples
    --------
    >>> import unifml
    >>> with unifml.config_context(backend="sklearn"):
    ...     unifml.Classifier("mlp")
    Classifier(model='mlp', backend='sklearn')
    """
    token = _settings.set({**_settings.get({}), **_checked(settings)})
    try:
        yield
    finally:
        _settings.reset(token)


def _checked(settings: Mapping[str, object]) -> Mapping[str, object]:
    for name, value in settings.items():
        if name not in _ENVIRONMENT:
            raise UnknownNameError.among("setting", name, _ENVIRONMENT)
        wanted = int if name == "verbose" else str
        if value is not None and not isinstance(value, wanted):
            raise ParameterError(
                f"{name}={value!r}", rule=f"{name} must be {wanted.__name__} or None"
            )
    return settings


def _from_environment() -> dict[str, object]:
    values: dict[str, object] = dict.fromkeys(_ENVIRONMENT)
    for name, variable in _ENVIRONMENT.items():
        text = os.environ.get(variable)
        if text:
            values[name] = _integer(variable, text) if name == "verbose" else text
    return values


def _integer(variable: str, text: str) -> int:
    if not text.isdigit():
        raise ParameterError(f"{variable}={text!r}", rule="it must be 0, 1 or 2")
    return int(text)

"""Which model, which backend, which device: decided in one place."""

from __future__ import annotations

from contextlib import ExitStack

from unifml.config import get_config
from unifml.core.adapter import Adapter
from unifml.core.registry import adapters, get_adapter, get_model, missing_packages, owner, require
from unifml.core.signature import Signature
from unifml.errors import CapabilityError, DataTypeError, DeviceError
from unifml.models import Model, Native
from unifml.models.native import call_factory, is_factory


def resolve_model(model: object) -> Model | Native:
    """Return the model that a parameter means: a spec of ours, or a native one.

    Raises
    ------
    UnknownNameError
        For a name that is not registered.
    DataTypeError
        For what cannot be a model.
    """
    if isinstance(model, str):
        return get_model(model)()  # type: ignore[no-any-return]
    if isinstance(model, Model | Native):
        return model
    if isinstance(model, type) and issubclass(model, Model):
        return model()
    if is_factory(model) or owner(model) is not None:
        return Native(model)
    raise DataTypeError(
        f"model={model!r}",
        rule="a model of unifml, its name, or a native model, class or factory",
        fix='for example Classifier("mlp")',
    )


def resolve_adapter(
    model: Model | Native, backend: str | None, signature: Signature | None = None
) -> Adapter:
    """Return the adapter that is to fit `model`, installed.

    Parameters
    ----------
    model : Model or Native
        What `resolve_model` returned.
    backend : str or None
        What the user said. None: a native model's own; else the configured one; else the model's
        default.
    signature : Signature or None
        Lets a factory be called to see what it builds, where nothing else tells.
    """
    if backend is not None and not isinstance(backend, str):
        raise DataTypeError(f"backend={backend!r}", rule="the name of a backend, or None")
    if isinstance(model, Native):
        return require(_native_adapter(model, backend, signature))
    if backend is not None:
        return require(get_adapter(backend))
    return require(get_adapter(_configured() or model.default_backend))


def native_owner(model: Native) -> Adapter | None:
    """Return the adapter of a native instance or class; None for a function."""
    return owner(model.factory)


def unknown(model: Model | Native) -> bool:
    """Say whether only a call would tell which backend's models a factory builds."""
    return isinstance(model, Native) and native_owner(model) is None


def resolve_device(adapter: Adapter, device: str | None) -> str:
    """Return the device to compute on.

    Raises
    ------
    DeviceError
        If it is not here; the message lists those that are.
    """
    asked = (get_config()["device"] or "auto") if device is None else device
    here = adapter.devices()
    if asked == "auto":
        return here[0]
    match = next((name for name in here if asked in (name, name.split(":")[0])), None)
    if match is None:
        raise DeviceError(
            f"device={asked!r} on backend {adapter.name!r}",
            found=f"devices here: {', '.join(here)}",
            fix='use device="auto"',
        )
    return match


def _configured() -> str | None:
    return get_config()["backend"]  # type: ignore[return-value]


def _native_adapter(model: Native, backend: str | None, signature: Signature | None) -> Adapter:
    found = native_owner(model)
    if found is None and signature is not None and backend is None:
        found = owner(_try_factory(model, signature))
        if found is None:
            raise DataTypeError(
                f"the factory {model!r}", found="what it builds is of no known backend"
            )
    if found is None:
        if backend is not None:
            return get_adapter(backend)
        return get_adapter(_configured() or _first_callable())
    if backend not in (None, found.name):
        raise CapabilityError(
            f"backend={backend!r} for {model!r}",
            found=f"it is a model of backend {found.name!r}",
            fix=f'leave backend out, or set backend="{found.name}"',
        )
    return found


def _first_callable() -> str:
    """Return a backend whose tags stand for a factory that was not called yet: one that is here."""
    able = [adapter for adapter in reversed(adapters()) if adapter.capabilities.callables]
    return next((a.name for a in able if not missing_packages(a)), able[0].name)


def _try_factory(model: Native, signature: Signature) -> object:
    """Call a factory once to see what it builds, leaving all random state as it was."""
    with ExitStack() as stack:
        for adapter in adapters():
            if not missing_packages(adapter) and _loaded(adapter):
                stack.enter_context(adapter.seeded(0))
        return call_factory(model.factory, model.params, signature)


def _loaded(adapter: Adapter) -> bool:
    import sys

    return all(package in sys.modules for package in adapter.capabilities.packages)

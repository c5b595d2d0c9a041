"""Models by short spellings: ``"mlp/torch"``, ``"mlp/*"``, and models times backends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sklearn.pipeline import Pipeline

from unifml.core import registry
from unifml.errors import CapabilityError, DataTypeError, MissingDependencyError, ParameterError
from unifml.estimators import resolve_model
from unifml.models import Native
from unifml.models.capable import capable_backends, example_signature, example_task
from unifml.tasks.names import full_names
from unifml.tasks.wrap import FACES, is_estimator

ALL = "*"


@dataclass(frozen=True)
class Entry:
    """A model that is compared.

    Attributes
    ----------
    name : str
        What it is called in results.
    model : object
        What was given.
    backend : str or None
        Where it is to run; None leaves that to the model.
    """

    name: str
    model: Any
    backend: str | None = None


def spelled(models: Any, backends: Any = None) -> tuple[Entry, ...]:
    """Return the models that are meant, with names of their own.

    Parameters
    ----------
    models : dict of str to model, list of models, or one model
        A text may name its backend behind a slash, a star means all that can and are installed.
    backends : str, list of str or None
        Runs every model that has the choice on each of these.

    Raises
    ------
    CapabilityError
        Where a model has a choice of backends that lacks one of those asked for.
    """
    wanted = _listed(backends)
    entries = [entry for name, model in _named(models) for entry in _expanded(name, model, wanted)]
    return tuple(_unique(entries))


def homes(model: Any) -> tuple[str, ...]:
    """Return the backends that a model may choose from, installed or not; () for one's own."""
    spec = _spec(model)
    if spec is None or isinstance(spec, Native):
        return ()
    return capable_backends(spec, example_task(spec), example_signature(spec))


def name_of(model: Any) -> str:
    """Return a short name of a model that was given without one."""
    if isinstance(model, str):
        return model.removesuffix(f"/{ALL}")
    if isinstance(model, Pipeline):
        return name_of(model.steps[-1][1])
    if _ours(model):
        inner = name_of(model.model)
        return inner if model.backend is None else f"{inner}/{model.backend}"
    if isinstance(model, Native):
        return name_of(model.factory)
    kind = getattr(model, "kind", None)
    if isinstance(kind, str):
        return kind
    return getattr(model, "__name__", type(model).__name__)


def _ours(model: Any) -> bool:
    return isinstance(model, tuple(FACES.values()))


def _named(models: Any) -> list[tuple[str, Any]]:
    if isinstance(models, Mapping):
        found = [(str(name), model) for name, model in models.items()]
    elif isinstance(models, list | tuple):
        found = [(name_of(model), model) for model in models]
    else:
        found = [(name_of(models), models)]
    if not found:
        raise DataTypeError(f"models={models!r}", rule="a dict, a list or one model, not empty")
    return found


def _listed(backends: Any) -> list[str]:
    if backends is None:
        return []
    found = [backends] if isinstance(backends, str) else list(backends)
    for name in found:
        if name != ALL:
            registry.get_adapter(name)
    return list(dict.fromkeys(found))


def _expanded(name: str, model: Any, wanted: list[str]) -> list[Entry]:
    """Return what one model given stands for."""
    if isinstance(model, str) and "/" in model:
        base, _, backend = model.partition("/")
        if backend != ALL:
            registry.get_adapter(backend)
            return [Entry(name, base, backend)]
        model, wanted = base, [ALL]
    able = homes(model)
    if len(able) < 2 or not wanted:
        return [Entry(name, model, able[0] if len(able) == 1 and _open(model) else None)]
    chosen = _installed(name, able) if ALL in wanted else wanted
    lacking = [backend for backend in chosen if backend not in able]
    if lacking:
        raise CapabilityError(
            f"model {name!r} on backend {lacking[0]!r}",
            rule=f"it runs on {', '.join(able)}",
            fix=f'say "{name}/*" for all that can, or leave {lacking[0]!r} out',
        )
    stem = name.removesuffix(f"/{getattr(model, 'backend', None)}")
    return [Entry(f"{stem}/{backend}", model, backend) for backend in chosen]


def _installed(name: str, able: Iterable[str]) -> list[str]:
    adapters = [registry.get_adapter(backend) for backend in able]
    here = [adapter.name for adapter in adapters if not registry.missing_packages(adapter)]
    if not here:
        raise MissingDependencyError.of(
            f"{name}/{ALL}", list(adapters[0].capabilities.packages), adapters[0].capabilities.extra
        )
    return here


def _open(model: Any) -> bool:
    """Whether a model is a spec or a name, which may be put on any backend."""
    return not is_estimator(model)


def _spec(model: Any) -> Any:
    """Return the spec of a model, or of the one part of an estimator that has a backend."""
    if not is_estimator(model):
        return resolve_model(model)
    names = full_names(model, "backend")
    if len(names) != 1:
        return None
    owner = names[0].removesuffix("backend").removesuffix("__")
    part = model.get_params(deep=True)[owner] if owner else model
    return resolve_model(part.model) if _ours(part) else None


def _unique(entries: Iterable[Entry]) -> Iterable[Entry]:
    """Yield the entries under different names; a second one of a name gets a number."""
    seen: dict[str, int] = {}
    for entry in entries:
        seen[entry.name] = count = seen.get(entry.name, 0) + 1
        yield entry if count == 1 else Entry(f"{entry.name} {count}", entry.model, entry.backend)


def one_of(backend: Any, backends: Any) -> Any:
    """Return which of two spellings was used."""
    if backend is not None and backends is not None:
        raise ParameterError("backend= and backends=", found="both are given", fix="leave one out")
    return backends if backend is None else backend

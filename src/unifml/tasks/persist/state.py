"""What a fit left behind <-> JSON and arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Protocol

from unifml.core.fitted import Fitted
from unifml.core.plan import Plan, Translation
from unifml.core.registry import get_adapter, missing_packages
from unifml.core.seeds import Seeds
from unifml.core.signature import Signature
from unifml.core.task import Task
from unifml.errors import DataError, FileFormatError, MissingDependencyError
from unifml.estimators import resolve_model
from unifml.estimators.resolve import native_owner
from unifml.models import Model, Native
from unifml.models.capable import capable_backends, find_road
from unifml.tasks.persist.arrays import Array, Json
from unifml.tasks.persist.spec_json import Desk, Sheet, decode, encode
from unifml.training import Training

_APART = ("model", "translation")  # of a plan: written in their own ways
_PICKLE = "/pickle"


class StateSheet(Sheet, Protocol):
    """Where the weights of a fitted state go."""

    def weights(self, weights: Mapping[str, Array]) -> Json:
        """Store weights by their names."""
        ...

    def native(self, fitted: Fitted) -> Json:
        """Store a fitted native model."""
        ...


class StateDesk(Desk, Protocol):
    """Where they come from."""

    def weights(self, data: Json) -> dict[str, Array]:
        """Return stored weights."""
        ...

    def file(self, name: object) -> bytes:
        """Return a stored file."""
        ...


def write_fitted(fitted: Fitted, own_model: Any, sheet: StateSheet) -> dict[str, Json]:
    """Return a fitted state as JSON.

    Parameters
    ----------
    fitted : Fitted
        The state.
    own_model : object
        The estimator's parameter ``model``, which is not written twice.
    sheet : StateSheet
        Takes arrays and native models.
    """
    plan = fitted.plan
    names = [f.name for f in fields(plan) if f.name not in _APART]
    return {
        "backend": fitted.backend,
        "plan": {name: encode(getattr(plan, name), sheet) for name in names},
        "model": None if _is_own(plan.model, own_model) else encode(plan.model, sheet),
        "translation": plan.translation and _translation_json(plan.translation, sheet),
        "weights": None if fitted.weights is None else sheet.weights(fitted.weights),
        "native": None if fitted.weights is not None else sheet.native(fitted),
        "target": encode(fitted.target, sheet),
        "bounds": encode(fitted.bounds, sheet),
        "memory": encode(_memory(fitted), sheet),
    }


def read_fitted(data: Mapping[str, Json], own_model: Any, desk: StateDesk) -> Fitted:
    """Return what `write_fitted` wrote; what computes on it is built when asked for.

    Raises
    ------
    FileFormatError, UntrustedTypeError
        For what `write_fitted` never writes.
    """
    plan = _plan(data, own_model, desk)
    state = Fitted(
        plan,
        data["backend"],
        target=decode(data["target"], desk),
        bounds=decode(data.get("bounds"), desk),  # files of version 0.1 have none
        memory=decode(data["memory"], desk),
    )
    if data["weights"] is not None:
        state.weights = desk.weights(data["weights"])
        _check_shapes(plan, state.weights)
    else:
        _read_native(state, data["native"], desk)
    return state


def require_backend(fitted: Fitted) -> None:
    """Raise unless the packages are here that compute a state that needs its backend.

    Raises
    ------
    MissingDependencyError
        The message names the backends that are here and can take it over.
    """
    missing = missing_packages(fitted.adapter)
    if not missing:
        return
    error = MissingDependencyError.of(
        f"the file holds a model of backend {fitted.backend!r}",
        missing,
        fitted.adapter.capabilities.extra,
    )
    others = [f'load(path, backend="{name}")' for name in _able(fitted)]
    fix = ", or take it over: ".join((error.fix, " or ".join(others))) if others else error.fix
    raise MissingDependencyError(error.asked, found=error.found, fix=fix)


def unfitted_plan(model: Any, device: str = "cpu") -> Plan:
    """Return a plan that stands for a native model that has not been fitted.

    In float64 a model of any precision is kept as it is.
    """
    task = Task("regression")
    settings = Training().resolve({}, task, 1)
    return Plan(model, task, Signature((1,), 1, dtype="float64"), settings, Seeds(0), device=device)


def _able(fitted: Fitted) -> list[str]:
    """Return the installed backends that could compute a network."""
    plan = fitted.plan
    if fitted.weights is None or not isinstance(plan.model, Model):
        return []
    able = capable_backends(plan.model, plan.task, plan.signature, plan.settings)
    return [name for name in able if not missing_packages(get_adapter(name))]


def _is_own(model: Any, own: Any) -> bool:
    """Say whether the model that was fitted is the native one that the parameters hold."""
    if not isinstance(model, Native):
        return False
    return model is own or (model.factory is own and not model.params and model.output is None)


def _memory(fitted: Fitted) -> dict[str, Any] | None:
    """Return the memory without pickles: those hold the native model, which is kept already."""
    if fitted.memory is None:
        return None
    return {name: value for name, value in fitted.memory.items() if not name.endswith(_PICKLE)}


def _plan(data: Mapping[str, Json], own_model: Any, desk: StateDesk) -> Plan:
    stored, known = data["plan"], {f.name for f in fields(Plan)} - {*_APART}
    if not isinstance(stored, dict) or not stored.keys() <= known:
        raise FileFormatError("reading a plan", found=f"unknown parts: {sorted({*stored} - known)}")
    model = resolve_model(own_model if data["model"] is None else decode(data["model"], desk))
    plan = Plan(model=model, **{name: decode(value, desk) for name, value in stored.items()})
    if data["translation"] is None:
        return plan
    return replace(plan, translation=_translation(data, plan, desk))


def _translation_json(translation: Translation, sheet: Sheet) -> Json:
    """Write a translation without its class, which the model knows by itself."""
    params = [
        [name, _translation_json(v, sheet) if isinstance(v, Translation) else encode(v, sheet)]
        for name, v in translation.params
    ]
    return {"!": "translation", "params": params, "notes": list(translation.notes)}


def _translation(data: Mapping[str, Json], plan: Plan, desk: Desk) -> Translation | None:
    """Return the translation with the stored arguments; its class is the model's own."""
    adapter = get_adapter(data["backend"])
    found = find_road(plan.model, adapter, plan.task, plan.signature, plan.settings).translation
    if found is None:
        raise FileFormatError(
            f"reading a {plan.model!r} of backend {data['backend']!r}",
            found="this version fits it in another way",
        )
    return _refilled(found, data["translation"], desk)


def _refilled(found: Translation, stored: Json, desk: Desk) -> Translation:
    inner = {name: value for name, value in found.params if isinstance(value, Translation)}
    params = tuple(
        (name, _refilled(inner[name], v, desk) if name in inner else decode(v, desk))
        for name, v in stored["params"]
    )
    return replace(found, params=params, notes=tuple(map(str, stored["notes"])))


def _check_shapes(plan: Plan, weights: Mapping[str, Array]) -> None:
    """Raise for weights that are not those of the network."""
    if plan.network is None:
        raise FileFormatError("reading weights", found="the file holds no network for them")
    wanted = {name: spec.shape for name, spec in plan.graph.weight_specs().items()}
    there = {name: value.shape for name, value in weights.items()}
    if wanted != there:
        differ = sorted({*wanted.items()} ^ {*there.items()})[:4]
        raise FileFormatError("reading weights", found=f"not those of the network: {differ}")


def _read_native(state: Fitted, data: Json, desk: StateDesk) -> None:
    match data:
        case {"!": "skops"}:
            state.native = decode(data, desk)
        case {"archive": name}:
            require_backend(state)
            state._dumped = {"archive": desk.file(name)}
        case {"weights": stored}:
            require_backend(state)
            _refill(state, desk.weights(stored))
        case _:
            raise FileFormatError("reading a native model", found=f"{data!r:.100}")


def _refill(state: Fitted, weights: Mapping[str, Array]) -> None:
    """Build the user's own network anew, and put the stored weights in."""
    plan, adapter = state.plan, state.adapter
    found = native_owner(plan.model)
    if found is not None and found.name != state.backend:
        raise DataError(
            f"model={plan.model!r}",
            found=f"a model of backend {found.name!r}",
            rule=f"the file holds weights of backend {state.backend!r}",
        )
    native = adapter.build(plan)
    wanted = {name: value.shape for name, value in adapter.get_weights(native, plan).items()}
    there = {name: value.shape for name, value in weights.items()}
    if wanted != there:
        differ = sorted({*wanted.items()} ^ {*there.items()})[:4]
        raise DataError(
            f"model={plan.model!r}",
            found=f"its weights are not those of the file: {differ}",
            rule="it must build the same network as the one that was fitted",
        )
    adapter.set_weights(native, plan, weights)
    state.native = adapter.program(native, plan).result()

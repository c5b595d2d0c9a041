"""Whether a backend can fit a model, and if not, which can and what to change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from unifml.core.adapter import Adapter
from unifml.core.capabilities import Capabilities
from unifml.core.plan import Procedure, Translation
from unifml.core.registry import adapters
from unifml.core.signature import Signature
from unifml.core.space import Categorical, Dimension, Space
from unifml.core.task import Task
from unifml.errors import CapabilityError, DataTypeError, ParameterError
from unifml.layers import Activation, Dense, Graph, LearnedActivation, Network
from unifml.models.base import Model

if TYPE_CHECKING:
    from unifml.training import Settings


@dataclass(frozen=True)
class Road:
    """How a backend will fit a model.

    Attributes
    ----------
    procedure : {"epochs", "exact", "native"}
        How it is fitted.
    network : Network or None
        The network, where there is one.
    translation : Translation or None
        The model in a library's words, where the backend speaks them.
    """

    procedure: Procedure
    network: Network | None
    translation: Translation | None


def find_road(
    model: Model,
    adapter: Adapter,
    task: Task,
    signature: Signature,
    settings: Settings,
    *,
    total_weight: float = 1.0,
    seed: int = 0,
) -> Road:
    """Return how `adapter` fits `model`.

    Raises
    ------
    CapabilityError
        If it cannot; the message names the backends that can and what to change.
    """
    facts = {"settings": settings, "total_weight": total_weight, "seed": seed}
    capabilities = adapter.capabilities
    if task.purpose not in model.tasks:
        raise CapabilityError(
            f"model {model.kind!r} for {task.purpose}",
            rule=f"it is for {' and '.join(model.tasks)}",
            fix=f"use {' or '.join(f'{_FACES[name]}({model.kind!r})' for name in model.tasks)}",
        )
    lack = shortcoming(model, capabilities, task, signature, settings)
    if lack:
        raise _refusal(lack, model, adapter, task, signature, settings)
    translation = _translation(model, capabilities, task, facts)
    procedure = translation.procedure if translation else model.procedure
    network = None if procedure == "native" else model.network(task, signature)
    if network is not None:
        _check_network(network, model, task, signature, procedure)
        _check_batches(network.graph(signature.feeds), settings)
    return Road(procedure, network, translation)


def shortcoming(
    model: Model,
    capabilities: Capabilities,
    task: Task,
    signature: Signature,
    settings: Settings | None = None,
) -> str:
    """Return what a backend lacks for a model, or an empty string."""
    if task.purpose not in model.tasks:
        return f"model {model.kind!r} is not for {task.purpose}"
    facts = {"settings": settings or _Plain(), "total_weight": 1.0, "seed": 0}
    translation = _translation(model, capabilities, task, facts)
    if translation is not None and translation.procedure == "native":
        return ""
    network = model.network(task, signature)
    if network is None:
        return f"it has no {model.kind}"
    if not isinstance(network, Network):
        raise DataTypeError(
            f"network() of model {model.kind!r}",
            found=f"it returned a {type(network).__name__}",
            rule="it returns a unifml.layers.Network",
            fix="write Network((...))",
        )
    return (
        _procedure_lack(model, translation, capabilities)
        or _network_lack(network.graph(signature.feeds), capabilities)
        or (task.multilabel and not capabilities.multilabel and "it has no multilabel networks")
        or (_settings_lack(settings, model, capabilities) if settings else "")
        or ""
    )


def capable_backends(
    model: Model, task: Task, signature: Signature, settings: Settings | None = None
) -> tuple[str, ...]:
    """Return the names of all backends, installed or not, that can fit `model`."""
    return tuple(
        adapter.name
        for adapter in adapters()
        if not shortcoming(model, adapter.capabilities, task, signature, settings)
    )


def restrict(space: Space, model: Model, capabilities: Capabilities) -> Space:
    """Cut a search space to what a backend can do.

    A dimension of the model's own parameters is kept where every value in it can be fitted, cut to
    the choices that can, and left out where only the model's default remains.
    """
    cut: Space = {}
    for name, dimension in space.items():
        kept = _cut(name, dimension, model, capabilities)
        if kept is not None:
            cut[name] = kept
    return cut


def check_used(model_name: str, uses: Iterable[str], settings_given: Iterable[str]) -> None:
    """Raise for training settings that mean nothing for a model."""
    unused = sorted(set(settings_given) - set(uses))
    if unused:
        raise CapabilityError(
            f"Training({', '.join(f'{name}=...' for name in unused)}) for {model_name}",
            found="it is not trained that way",
            rule=f"it uses {', '.join(sorted(uses)) or 'no training settings'}",
            fix=f"leave {', '.join(unused)} out",
        )


def _check_network(
    network: Network, model: Model, task: Task, signature: Signature, procedure: Procedure
) -> None:
    """Raise for a network whose outputs are not what is learned, or that learns nothing."""
    graph = network.graph(signature.feeds)
    if graph.result.shape != (task.width,):
        raise ParameterError(
            f"the network of model {model.kind!r}",
            found=f"it gives rows of shape {graph.result.shape}",
            rule=f"{task.width} output(s) are learned here: task.width",
            fix="end it with Dense(task.width)",
        )
    if procedure == "epochs" and not any(s.trainable for s in graph.weight_specs().values()):
        raise ParameterError(
            f"the network of model {model.kind!r}", found="it has no weights to train"
        )


def _check_batches(graph: Graph, settings: Settings) -> None:
    """Raise for single rows where a layer looks at what differs between rows."""
    norms = [n.name for n in graph.nodes if n.layer.kind == "batch_norm" and len(n.shape) == 1]
    if norms and settings.batch_size < 2:
        raise ParameterError(
            f"batch_size={settings.batch_size} with layer {norms[0]!r}, a BatchNorm",
            rule="it normalises over the rows of a batch: batch_size >= 2",
            fix="take larger batches, or another norm",
        )


def _translation(
    model: Model, capabilities: Capabilities, task: Task, facts: Mapping[str, Any]
) -> Translation | None:
    found = (model.translation(word, task, facts) for word in sorted(capabilities.dialects))
    return next((translation for translation in found if translation), None)


def _procedure_lack(
    model: Model, translation: Translation | None, capabilities: Capabilities
) -> str:
    procedure = translation.procedure if translation else model.procedure
    able = capabilities.epochs if procedure == "epochs" else capabilities.exact
    return "" if able else f"it cannot train {model.kind!r} networks"


def _network_lack(graph: Graph, capabilities: Capabilities) -> str:
    layers = sorted({node.layer.kind for node in graph.nodes} - capabilities.layers)
    if layers:
        return f"it has no {', '.join(layers)}"
    bends = (Activation, LearnedActivation)
    used = {node.layer.function for node in graph.nodes if isinstance(node.layer, bends)}
    missing = sorted(used - capabilities.activations)
    if missing:
        return f"it has no activation {', '.join(missing)}"
    if capabilities.one_activation and len(used | _unbent(graph)) > 1:
        return "it has one activation for all hidden layers"
    return ""


def _unbent(graph: Graph) -> set[str]:
    """Return the activation that stands between two dense layers where none does."""
    dense = {node.name for node in graph.nodes if isinstance(node.layer, Dense)}
    inner = any(node.inputs[0].name in dense for node in graph.nodes if node.name in dense)
    return {"identity"} if inner else set()


def _settings_lack(settings: Settings, model: Model, capabilities: Capabilities) -> str:
    if model.procedure == "epochs":
        if settings.loss.kind not in {*capabilities.losses, "custom"}:
            return f"it has no loss {settings.loss.kind!r}"
        if settings.optimizer.kind not in {*capabilities.optimizers, "custom"}:
            return f"it has no optimizer {settings.optimizer.kind!r}"
    for name in ("l1", "l2", "weight_decay"):
        if getattr(settings, name) and name not in capabilities.penalties:
            return f"it has no {name}"
    lacking = sorted(settings.techniques - capabilities.techniques)
    if lacking:
        return f"it does not know {', '.join(lacking)}"
    if settings.precision not in {"auto", *capabilities.precisions}:
        return f"it does not compute in {settings.precision}"
    return ""


def _refusal(
    lack: str, model: Model, adapter: Adapter, task: Task, signature: Signature, settings: Settings
) -> CapabilityError:
    able = capable_backends(model, task, signature, settings)
    # Where the network alone would be possible, no parameter of the model is to blame.
    blamed = shortcoming(model, adapter.capabilities, task, signature)
    culprit = _culprit(model, adapter.capabilities, task, signature) if blamed else None
    with_ = f" with {culprit}={getattr(model, culprit)!r}" if culprit else ""
    ways = [f'use backend="{name}"' for name in able]
    if culprit:
        ways.append(f"set {culprit}={model.defaults()[culprit]!r}")
    return CapabilityError(
        f"backend {adapter.name!r} cannot fit model {model.kind!r}{with_}",
        found=lack,
        fix=", or ".join(ways),
    )


def _culprit(
    model: Model, capabilities: Capabilities, task: Task, signature: Signature
) -> str | None:
    """Find the one parameter whose default would make the model possible, the last first."""
    for name, default in reversed(model.defaults().items()):
        if getattr(model, name) != default:
            milder = model.with_params(**{name: default})
            if _possible(milder, capabilities, task, signature):
                return name
    return None


def _possible(model: Model, capabilities: Capabilities, task: Task, signature: Signature) -> bool:
    try:
        return not shortcoming(model, capabilities, task, signature)
    except ParameterError:  # it does not fit these rows at all
        return False


def _cut(
    name: str, dimension: Dimension, model: Model, capabilities: Capabilities
) -> Dimension | None:
    if name not in model.get_params(deep=False):
        return dimension
    able = [value for value in _corners(dimension) if _fits(name, value, model, capabilities)]
    if isinstance(dimension, Categorical):
        return Categorical(tuple(able)) if len(able) > 1 else None
    return dimension if len(able) == 2 else None


def _corners(dimension: Dimension) -> tuple[Any, ...]:
    if isinstance(dimension, Categorical):
        return dimension.choices
    return (dimension.low, dimension.high)


def _fits(name: str, value: Any, model: Model, capabilities: Capabilities) -> bool:
    changed = model.with_params(**{name: value})
    return not shortcoming(changed, capabilities, example_task(model), example_signature(model))


def example_signature(model: Model) -> Signature:
    """Return a signature that a model fits, where no data are given: two classes or targets."""
    return model.example()


def example_task(model: Model) -> Task:
    """Return the first task that a model is for, where no data are given."""
    purpose = model.tasks[0]
    if purpose == "transformation":
        return Task("regression", prod(model.example().input_shape), of_inputs=True)
    return Task(purpose, 1, 2 if purpose == "classification" else 0)


_FACES = {
    "classification": "Classifier",
    "regression": "Regressor",
    "transformation": "Transformer",
}


class _Plain:
    """Settings for asking whether a model can be translated at all."""

    l2 = 1.0
    l1 = 0.0

"""Keras models of the user: built or copied, described, and made to pickle."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from unifml.adapters.keras import engine
from unifml.adapters.keras.optimizers import copied_optimizer
from unifml.adapters.keras.rng import seeded
from unifml.adapters.keras.weights import read_native, settle, write_native
from unifml.core.plan import Plan
from unifml.core.signature import Feed, Feeds
from unifml.errors import CapabilityError, DataTypeError
from unifml.models.native import call_factory, is_factory, refuse_params


def build(plan: Plan) -> Any:
    """Copy an instance, or call a class or function under the plan's seed; it has weights then."""
    native, sig = plan.model, plan.signature
    called, seed = is_factory(native.factory), plan.seeds.integer("init")
    # Also a copy draws: Keras makes every new layer initialise its weights.
    with engine.load().place(plan.device, plan.signature.dtype), seeded(seed, fresh=called):
        if called:
            model = call_factory(native.factory, native.params, sig)
            _check(model, native)
            return _with_weights(model, sig.feeds, sig.dtype)
        refuse_params(native)
        return copied(native.factory, sig.feeds, sig.dtype)


def copied(model: Any, feeds: Feeds, dtype: str) -> Any:
    """Return a model with the weights and the compiled settings of the user's, sharing nothing."""
    twin = _twin(model)
    if not model.built or not model.variables:
        twin = _with_weights(twin, feeds, dtype)
    else:
        twin = _with_weights(twin, _own_feeds(model) or feeds, dtype)
        if [v.shape for v in twin.weights] != [v.shape for v in model.weights]:
            raise _cannot_copy(model, "the copy's weights have other shapes")
        twin.set_weights(model.get_weights())
        settle(twin)
    for ours, theirs in zip(_layers(twin), _layers(model), strict=True):
        if ours.trainable != theirs.trainable:
            ours.trainable = theirs.trainable
    _compile_like(twin, model)
    return twin


def _layers(model: Any) -> list[Any]:
    """Return all layers but inputs: a Sequential has none before it is built."""
    every = model._flatten_layers()
    return [layer for layer in every if not isinstance(layer, keras.layers.InputLayer)]


def _twin(model: Any) -> Any:
    try:
        if hasattr(model, "inputs") or isinstance(model, keras.Sequential):
            return keras.models.clone_model(model)
        return type(model).from_config(model.get_config())
    except Exception as error:
        raise _cannot_copy(model, str(error)) from error


def _cannot_copy(model: Any, found: str) -> CapabilityError:
    name = type(model).__name__
    return CapabilityError(
        f"copying the Keras model {name}, as every fit must",
        found=found.partition("\n")[0],
        rule="Keras copies functional and sequential models, and those with get_config()",
        fix=f"pass the class {name}, or a function that builds the model",
    )


def _compile_like(twin: Any, model: Any) -> None:
    if not model.compiled:
        return
    if type(model).compile is not keras.Model.compile:
        raise _cannot_copy(model, "its own compile() cannot be repeated on a copy")
    settings = dict(model._compile_config.config)
    settings["optimizer"] = copied_optimizer(model.optimizer)
    for name in ("metrics", "weighted_metrics"):
        settings[name] = keras.tree.map_structure(_fresh_metric, settings[name])
    twin.compile(**settings)


def _fresh_metric(metric: Any) -> Any:
    if isinstance(metric, keras.metrics.Metric):
        return type(metric).from_config(metric.get_config())
    return metric


def _check(model: Any, native: Any) -> None:
    if not isinstance(model, keras.Model):
        raise DataTypeError(
            f"{native!r} on backend 'keras'",
            found=f"it built a {type(model).__name__}",
            rule="a keras.Model is needed",
        )


def _with_weights(model: Any, feeds: Feeds, dtype: str) -> Any:
    """Build what Keras builds lazily."""
    if isinstance(model, keras.Sequential) and not model.built:
        model.build((None, *feeds[0].shape))
    if not model.built:
        rows = {f.name: np.zeros((2, *f.shape), input_dtype(model, dtype, f.name)) for f in feeds}
        model(rows if feeds[1:] else rows[feeds[0].name])
    return model


def _own_feeds(model: Any) -> Feeds:
    """Return the inputs that a model was built for, where it has some of known shape."""
    inputs = getattr(model, "inputs", None) or ()
    feeds = tuple(Feed(each.name, tuple(each.shape[1:])) for each in inputs)
    return () if any(None in feed.shape for feed in feeds) else feeds


def input_dtype(model: Any, dtype: str, name: str = "X") -> str:
    """Return the dtype that a model takes an input in; a single input has any name.

    Raises
    ------
    CapabilityError
        For a name that is not among several.
    """
    inputs = getattr(model, "inputs", None)
    if inputs is None:
        return str(model.compute_dtype or dtype)
    own = {each.name: str(each.dtype) for each in inputs}
    if len(own) == 1:
        return next(iter(own.values()))
    if name not in own:
        raise CapabilityError(
            f"a Keras model with {len(own)} inputs",
            found=f"an array {name!r}",
            rule=f"its inputs are {', '.join(own)}",
            fix=f"pass X as a dict: {{{', '.join(f'{n!r}: ...' for n in own)}}}",
        )
    return own[name]


def dump(model: Any) -> Mapping[str, Any]:
    """Turn a model into something that pickles.

    A model of Keras's own parts becomes its ``.keras`` archive. One with parts of the user's, which
    Keras could not find again by name, becomes its weights; `load` builds it anew from the plan.
    """
    if not _own_parts_only(model):
        return {"weights": read_native(model)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return {"archive": path.read_bytes()}


def load(dumped: Mapping[str, Any], plan: Plan) -> Any:
    """Turn what `dump` made back into the model."""
    if "archive" not in dumped:
        model = build(plan)
        with engine.load().precise(plan.signature.dtype):
            write_native(model, dumped["weights"])
        return model
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        path.write_bytes(dumped["archive"])
        with engine.load().place(plan.device, plan.signature.dtype), seeded(0, fresh=False):
            return keras.saving.load_model(path)


def _own_parts_only(model: Any) -> bool:
    try:
        config = keras.saving.serialize_keras_object(model)
    except (NotImplementedError, TypeError, ValueError, AttributeError):
        return False
    return all(_of_keras(part) for part in _parts(config))


def _of_keras(part: Mapping[str, Any]) -> bool:
    if part["class_name"] in ("__lambda__", "function", "Lambda"):
        return str(part.get("module")).startswith("keras") and part["class_name"] != "Lambda"
    module = str(part.get("module", "keras"))
    return module == "keras" or module.startswith("keras.") or module == "builtins"


def _parts(config: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(config, dict):
        if "class_name" in config:
            yield config
        config = list(config.values())
    if isinstance(config, list | tuple):
        for value in config:
            yield from _parts(value)

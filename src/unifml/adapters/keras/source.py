"""A functional Keras model as the code that one would write to construct it."""

from __future__ import annotations

import inspect
import keyword
import re
from typing import Any

import keras
import numpy as np

_HIDDEN = ("name", "dtype", "axis", "seed", "attention_axes")
_NOTES = {
    "BatchNormalization": "momentum .99 and epsilon 1e-3 are Keras's defaults",
    "LayerNormalization": "epsilon 1e-3 is Keras's default",
    "GroupNormalization": "epsilon 1e-3 is Keras's default",
    "RMSNormalization": "epsilon 1e-6 is Keras's default",
    "LeakyReLU": "negative_slope .3 is Keras's default",
    "Embedding": "Keras's default starts U(-0.05, 0.05)",
    "LSTM": "gates i, f, c, o; the bias of f starts at 1",
    "GRU": "gates z, r, h (unifml: r, z, n); one variable holds both biases",
    "MultiHeadAttention": "kernels have an axis for the heads",
    "Conv1DTranspose": "its kernel is (..., out, in)",
    "Conv2DTranspose": "its kernel is (..., out, in)",
    "Conv3DTranspose": "its kernel is (..., out, in)",
}


def construction(model: Any) -> list[str]:
    """Return the lines that construct a model: ``keras.Sequential`` where it is a chain."""
    return _chain(model) or _functional(model)


def _chain(model: Any) -> list[str] | None:
    """Return a chain of layers as what it is; None for other models."""
    begin, *steps = model.operations
    for before, step in zip(model.operations, steps, strict=False):
        given = _arguments(step)
        alone = len(given.args) == 1 and not any(v is not None for v in given.kwargs.values())
        if not isinstance(step, keras.Layer) or not alone or given.args[0] is not before.output:
            return None
    if not steps or isinstance(model.input, dict) or isinstance(model.output, dict):
        return None
    lines = [f"    {call(layer)},{_note(layer)}" for layer in steps]
    start = f"    keras.Input({begin.output.shape[1:]}, dtype={begin.dtype!r}),"
    return ["model = keras.Sequential([", start, *lines, "])"]


def _functional(model: Any) -> list[str]:
    lines = [f"{_word(step.name)} = {_step(step)}{_note(step)}" for step in model.operations]
    ends = ", ".join(f"{side}={_wires(getattr(model, side[:-1]))}" for side in _SIDES)
    return [*lines, f"model = keras.Model({ends})"]


_SIDES = ("inputs", "outputs")


def _step(step: Any) -> str:
    """Return the call that makes the value of one layer or operation."""
    if isinstance(step, keras.layers.InputLayer):
        return f"keras.Input({step.output.shape[1:]}, dtype={step.dtype!r}, name={step.name!r})"
    given = _arguments(step)
    args = [_wires(value) for value in given.args]
    named = {k: v for k, v in given.kwargs.items() if v is not None}
    if type(step).__name__ == "GetItem":
        return f"{args[0]}[{_key(given.args[1])}]"
    if isinstance(step, keras.Layer):
        return f"{call(step)}({_joined(args, named)})"
    settings = {k: v for k, v in step.get_config().items() if k != "name" and v is not None}
    function = re.sub(r"(?<!^)(?=[A-Z])", "_", type(step).__name__).lower()
    return f"keras.ops.{function}({_joined(args, named | settings)})"


def _joined(args: list[str], named: dict[str, Any]) -> str:
    return ", ".join([*args, *(f"{key}={_wires(value)}" for key, value in named.items())])


def _arguments(step: Any) -> Any:
    return step._inbound_nodes[0].arguments


def _wires(value: Any) -> str:
    """Return the source of an argument: the names of tensors, or a value."""
    if isinstance(value, keras.KerasTensor):
        return _word(value._keras_history.operation.name)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {_wires(v)}" for key, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_wires, value)) + "]"
    if isinstance(value, np.ndarray):
        return f"keras.ops.array({value.tolist()}, dtype={str(value.dtype)!r})"
    return repr(value)


def _key(key: Any) -> str:
    parts = key if isinstance(key, tuple) else (key,)
    return ", ".join(map(_slice, parts))


def _slice(part: Any) -> str:
    if isinstance(part, slice):
        return (
            f"{'' if part.start is None else part.start}:{'' if part.stop is None else part.stop}"
        )
    return "..." if part is Ellipsis else repr(part)


def _word(name: str) -> str:
    word = re.sub(r"\W|^(?=\d)", "_", name)
    return f"{word}_" if keyword.iskeyword(word) or word in ("keras", "model") else word


def call(layer: Any) -> str:
    """Return the construction of a layer, with the settings that are not Keras's defaults."""
    if isinstance(layer, keras.layers.Bidirectional):
        return f"keras.layers.Bidirectional({call(layer.forward_layer)}, {_common(layer)})"
    config, required = layer.get_config(), _required(type(layer))
    blank = type(layer).from_config({key: config[key] for key in required}).get_config()
    shown = {
        key: _plain(value)
        for key, value in config.items()
        if key in required or (key not in _HIDDEN and _plain(value) != _plain(blank.get(key)))
    }
    given = [f"{key}={value}" for key, value in shown.items()]
    return f"keras.layers.{type(layer).__name__}({', '.join([*given, _common(layer)])})"


def _common(layer: Any) -> str:
    dtype = f", dtype={layer.dtype!r}" if layer.dtype != "float32" else ""
    return f"name={layer.name!r}{dtype}"


def _required(kind: type) -> tuple[str, ...]:
    """Return what a constructor asks for."""
    pools = "pool_size" in inspect.signature(kind).parameters
    parameters = list(inspect.signature(kind).parameters.values())
    ordinary = (p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD)
    size = ("pool_size", "strides")  # the default of the second is the first
    return tuple(p.name for p in ordinary if p.default is p.empty or (pools and p.name in size))


def _plain(value: Any) -> str:
    """Return the source of a setting; seeds of initialisers are left out."""
    if isinstance(value, dict) and "class_name" in value:
        config = {k: v for k, v in value["config"].items() if k != "seed" and v is not None}
        inside = ", ".join(f"{k}={v!r}" for k, v in config.items())
        return f"{value.get('module') or 'keras'}.{value['class_name']}({inside})"
    return repr(value)


def _note(layer: Any) -> str:
    layer = getattr(layer, "forward_layer", layer)
    note = _NOTES.get(type(layer).__name__)
    if isinstance(layer, keras.Layer) and layer.weights and not layer.trainable:
        note = "computed from the data, or a table that is always the same: not trained"
    return f"  # {note}" if note and isinstance(layer, keras.Layer) else ""
